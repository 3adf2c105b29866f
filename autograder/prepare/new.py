"""Begins an assignment: a notebook with one exercise, and the file of its right answers."""

from __future__ import annotations

import keyword
import os
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import GraderFault
from autograder.checking.assignments import SETTING, VARIABLE
from autograder.course.course import CONFIG, open_course
from autograder.prepare import _new_texts as texts

_SCHEMA = 3  # of nbgrader's metadata


def begin(course_root: Path, assignment: str) -> list[Path]:
    """Return the files that it writes: an assignment whose first `check-assignment` passes.

    In a folder without a configuration it writes one too.

    Args:
        course_root: of the course.
        assignment: a name that is also one of Python's.

    Raises:
        GraderFault: the name cannot be used, or there is such an assignment already.
    """
    if not assignment.isidentifier() or keyword.iskeyword(assignment):
        raise GraderFault(
            f"{assignment!r} cannot be the name of an assignment: use letters, digits and _"
        )
    written = []
    config = course_root / CONFIG
    if not config.exists():
        course_root.mkdir(parents=True, exist_ok=True)
        config.write_text(texts.CONFIG, encoding="utf-8")
        (course_root / "assignments").mkdir(exist_ok=True)
        written.append(config)
    course = open_course(course_root)
    if VARIABLE not in os.environ:
        raise GraderFault(
            f'{CONFIG} does not say where your assignments lie: make a folder "assignments", and '
            f'add the line {SETTING} = "assignments"'
        )
    checks = Path(os.environ[VARIABLE], assignment, "checks.py")
    notebook = course.folder("source", assignment) / f"{assignment}.ipynb"
    for path in (checks, notebook):
        if path.exists():
            raise GraderFault(f"{path} is there already: choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
    checks.write_text(texts.CHECKS.format(assignment=assignment), encoding="utf-8")
    nbformat.write(_notebook(assignment), notebook)
    return [*written, checks, notebook]


def _notebook(assignment: str) -> NotebookNode:
    cells = [
        new_markdown_cell(texts.TITLE.format(assignment=assignment), id="title"),
        new_code_cell("import torch", id="setup"),
        new_markdown_cell(texts.EXERCISE, id="exercise-1"),
        _marked(texts.SOLUTION, "standardise-solution", "standardise", solution=True),
        new_code_cell(texts.CHECK, id="standardise-check"),
    ]
    for what, points, about in (
        ("shape", 5, "the shape of what you return"),
        ("values", 20, "its values, for rows that you have not seen"),
    ):
        grade_id = f"standardise_{what}"
        source = texts.GRADED.format(assignment=assignment, grade_id=grade_id, about=about)
        cells.append(_marked(source, f"standardise-{what}", grade_id, points=points))
    cells.append(new_markdown_cell(texts.END, id="hand-in"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def _marked(
    source: str, cell_id: str, grade_id: str, *, points: int = 0, solution: bool = False
) -> NotebookNode:
    """Return a cell with nbgrader's marks: of a solution, or with points."""
    marks: dict[str, Any] = {
        "grade": not solution,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": _SCHEMA,
        "solution": solution,
        "task": False,
    }
    if not solution:
        marks["points"] = points
    return new_code_cell(source, id=cell_id, metadata={"nbgrader": marks})
