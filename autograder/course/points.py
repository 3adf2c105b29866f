"""Points stand in four places: source, release, gradebook, checks. Grading begins if they agree.

A gradebook that asks for more than its check gives cannot be filled, and one that asks for less
refuses what its check gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from autograder import GraderFault
from autograder.course.assignment import Assignment
from autograder.course.course import Course

Points = Mapping[str, float]  # "notebook/grade_id" -> points


def require_agreement(course: Course, assignment: Assignment) -> None:
    """Compare the points of source, release and gradebook; a course without its source has less.

    Raises:
        GraderFault: they differ.
    """
    folder = course.folder("source", assignment.name)
    sources = {name: folder / f"{name}.ipynb" for name in assignment.release}
    written = {name: path.read_bytes() for name, path in sources.items() if path.is_file()}
    found = {"source": of_notebooks(written)} if len(written) == len(sources) else {}
    found["release"] = of_notebooks(assignment.release)
    found["gradebook"] = of_gradebook(assignment)
    _refuse(assignment.name, found, "Set right the source")


def require_checks_agree(assignment: Assignment) -> None:
    """Compare the points of the gradebook with those of the checks, which needs PyTorch.

    Raises:
        GraderFault: they differ, or a check is missing.
    """
    from autograder.checking import checks  # here: the grader's own process starts without PyTorch

    asked, automatic = of_gradebook(assignment), _automatic(assignment)
    given = {
        place: checks.find(assignment.name, place.rpartition("/")[2]).max_points
        for place in automatic
    }
    found = {"gradebook": {place: asked[place] for place in automatic}, "check": given}
    mend = "Make the number in `@scored(...)` and the points of the cell in the source equal"
    _refuse(assignment.name, found, mend)


def of_notebooks(notebooks: Mapping[str, bytes]) -> dict[str, float]:
    """Return the points of the cells that have some.

    Args:
        notebooks: name -> file.

    Raises:
        GraderFault: one of them cannot be read.
    """
    found = {}
    for name, data in notebooks.items():
        try:
            for marks in _marks(json.loads(data)):
                found[f"{name}/{marks['grade_id']}"] = float(marks["points"])
        except (ValueError, TypeError, KeyError) as error:
            raise GraderFault(
                f"the points in {name}.ipynb cannot be read ({type(error).__name__}: {error}): "
                "open it in Jupyter, and look at its grade cells"
            ) from error
    return found


def of_gradebook(assignment: Assignment) -> dict[str, float]:
    """Return the points of the cells that the gradebook has some for."""
    return {
        f"{cell.notebook}/{cell.name}": float(cell.columns["max_score"])
        for cell in assignment.cells
        if cell.kind in ("grade", "task")
    }


def _automatic(assignment: Assignment) -> list[str]:
    """Return the cells that a check judges: of code, and not what a student writes."""
    written = {(cell.notebook, cell.name) for cell in assignment.cells if cell.kind == "solution"}
    return [
        f"{cell.notebook}/{cell.name}"
        for cell in assignment.cells
        if cell.kind == "grade"
        and cell.columns["cell_type"] == "code"
        and (cell.notebook, cell.name) not in written
    ]


def _marks(notebook: Any) -> Iterable[Mapping[str, Any]]:
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade") or marks.get("task"):
            yield marks


def _refuse(assignment: str, found: Mapping[str, Points], mend: str) -> None:
    """Raise a fault that names each cell whose points differ."""
    differ = []
    for place in dict.fromkeys(place for points in found.values() for place in points):
        shown = {where: _shown(points.get(place)) for where, points in found.items()}
        if len(set(shown.values())) > 1:
            listed = ", ".join(f"{points} in the {where}" for where, points in shown.items())
            differ.append(f"{place.rpartition('/')[2]} has {listed}")
    if differ:
        raise GraderFault(
            f"the points of {assignment} differ: {'; '.join(differ)}. {mend}, then run `nbgrader "
            f"generate_assignment {assignment} --force`: until then nothing is graded"
        )


def _shown(points: float | None) -> str:
    return "none" if points is None else f"{points:g}"
