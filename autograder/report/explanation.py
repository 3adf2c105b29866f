"""How one verdict came about, for the instructor who answers an appeal.

It tells what was asked: that is for no student's eyes, and stands on no page that students get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry

from autograder import CheckFault, GraderFault
from autograder.batch.progress import FOLDER, last_faults
from autograder.checking import checks
from autograder.checking.check_result import FELL_OVER
from autograder.checking.untrained import Trains, Untrained
from autograder.course.course import Course, open_course
from autograder.course.secret import course_secret
from autograder.course.versions import differences, versions
from autograder.judging.graded_notebook import (
    ASKED,
    DRAWN_FROM,
    GRADED_AT,
    METADATA,
    VERSIONS,
    GradeCell,
    grade_cells,
    repair_note,
)
from autograder.judging.judge import challenge_seed
from autograder.judging.record import Question, Recorded
from autograder.judging.verdict import as_text

_ANSWERS = ("call", "forward", "predict", "apply", "run")  # verbs whose answer a check compares


@dataclass(frozen=True)
class _Place:
    """A graded cell: where it stands, and the notebook around it."""

    assignment: str
    notebook_name: str
    notebook: NotebookNode
    cell: GradeCell


def explain(
    course_root: Path, student: str, grade_id: str, assignment: str | None = None
) -> list[str]:
    """Return in lines how the verdict on one grade cell of a student's came about.

    Args:
        course_root: the course's folder.
        student: whose.
        grade_id: of the cell.
        assignment: which; None looks in all of the course's.

    Raises:
        GraderFault: there is no such verdict; the message says what there is.
    """
    course = open_course(course_root)
    place = _find(course, student, grade_id, assignment)
    about: Mapping[str, Any] = place.notebook.metadata.get(METADATA, {})
    lines = [f"{student}, {place.assignment}/{grade_id}", _when(about)]
    lines += _gradebook(course, student, place)
    if place.cell.result is None:
        return [*lines, "A person gives the points for this cell."]
    result = place.cell.result
    lines += ["", *as_text(result).splitlines()]
    lines += [f"mistake: {mistake}" for mistake in result.mistakes]
    if FELL_OVER in result.figures:
        lines.append(f"the check fell over this answer: {result.figures[FELL_OVER]}")
    lines += [f"put right before: {line}" for line in repair_note(place.notebook.cells)]
    lines += _failed_cells(place.notebook)
    return lines + _conversation(course, student, place, about)


def _conversation(
    course: Course, student: str, place: _Place, about: Mapping[str, Any]
) -> list[str]:
    """Return what was asked, what came back, what a right answer gives, and what may differ now."""
    assignment, grade_id = place.assignment, place.cell.grade_id
    used, now = about.get(VERSIONS, {}), versions(assignment)
    asked = about.get(ASKED, {}).get(grade_id, [])
    drawn_from = about.get(DRAWN_FROM, "")
    seed = challenge_seed(course_secret(course.root), drawn_from, assignment, grade_id)
    right: dict[int, str] = {}
    fault = "" if used.get("checks") == now["checks"] else "the checks have changed: grade it again"
    if not fault:
        try:
            right = _right_answers(assignment, grade_id, seed, asked)
        except CheckFault as error:
            fault = str(error)
    lines = ["", f"Asked, with the seed {seed} of the course's present secret:"]
    lines += _questions(asked, right)
    if fault:
        lines += ["", f"What a right answer gives is not known: {fault}"]
    other = differences(used, now)
    if other:
        lines += ["", f"A re-grade on this machine would use other versions: {other}"]
    return lines


def _find(course: Course, student: str, grade_id: str, assignment: str | None) -> _Place:
    """Return the graded cell.

    Raises:
        GraderFault: there is none, or more than one.
    """
    known = _assignments(course)
    if assignment is not None and assignment not in known:
        raise GraderFault(f"no assignment {assignment}: the gradebook has {_listed(known)}")
    found, ids = [], []
    for name in [assignment] if assignment is not None else known:
        folder = course.folder("autograded", name, student)
        for path in sorted(folder.glob("*.ipynb")):
            notebook = nbformat.read(path, 4)
            cells = grade_cells(notebook.cells)
            ids += [cell.grade_id for cell in cells]
            found += [_Place(name, path.stem, notebook, c) for c in cells if c.grade_id == grade_id]
    if len(found) == 1:
        return found[0]
    if found:
        names = _listed([place.assignment for place in found])
        raise GraderFault(f"{grade_id} stands in several assignments: add --assignment, of {names}")
    if ids:
        raise GraderFault(f"{student} has no grade cell {grade_id!r}, but these: {_listed(ids)}")
    for name in known:
        fault = last_faults(course.root / FOLDER / f"{name}.jsonl").get(student)
        if fault and assignment in (None, name):
            raise GraderFault(f"{student} has no verdict on {name}: {fault}")
    raise GraderFault(f"nothing of {student} is graded: is the id the folder's name in submitted/?")


def _assignments(course: Course) -> list[str]:
    with Gradebook(course.coursedir.db_url, course.coursedir.course_id) as gradebook:
        return sorted(assignment.name for assignment in gradebook.assignments)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names)) or "none"


def _when(about: Mapping[str, Any]) -> str:
    used = about.get(VERSIONS, {})
    if not used:
        return "graded by an earlier grader, which kept no versions: grade it again to see more"
    box = "" if about.get("sandboxed", True) else ", WITHOUT A SANDBOX"
    listed = ", ".join(f"{what} {which}" for what, which in used.items())
    return f"graded at {about.get(GRADED_AT, 'an unknown time')} with {listed}{box}"


def _gradebook(course: Course, student: str, place: _Place) -> list[str]:
    """Return what the gradebook holds, and whether that is this verdict."""
    with Gradebook(course.coursedir.db_url, course.coursedir.course_id) as gradebook:
        try:
            grade = gradebook.find_grade(
                place.cell.grade_id, place.notebook_name, place.assignment, student
            )
        except MissingEntry:
            return ["the gradebook holds nothing of it: run `autograder grade` again"]
        by_hand, automatic = grade.manual_score, grade.auto_score
        penalty = grade.notebook.late_submission_penalty
    lines = [
        f"in the gradebook: automatic {_points(automatic)}, by a person {_points(by_hand)}, "
        f"late penalty of the notebook {_points(penalty)}"
    ]
    if place.cell.result is not None and automatic != place.cell.result.points:
        lines.append("that is not this verdict: run `autograder grade` again")
    return lines


def _points(points: float | None) -> str:
    return "none" if points is None else f"{points:g}"


def _failed_cells(notebook: NotebookNode) -> list[str]:
    """Return which cells of the hand-in failed, and how."""
    lines = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                first = (cell.source.strip().splitlines() or [""])[0]
                lines.append(f"the cell `{first}` failed: {output.ename}: {output.evalue}")
    return lines


def _questions(asked: Sequence[Question], right: Mapping[int, str]) -> list[str]:
    if not asked:
        return ["  nothing of its own: it rests on what grade cells before it were answered"]
    lines = []
    for number, question in enumerate(asked):
        lines.append(f"  {number + 1}. {question['asked']}")
        lines += [f"     came back: {question['got']}"] if question["got"] else []
        lines += [f"     a right answer: {right[number]}"] if number in right else []
    return lines


def _right_answers(
    assignment: str, grade_id: str, seed: int, asked: Sequence[Question]
) -> dict[int, str]:
    """Return what a right answer gives to the same questions, by their places in `asked`.

    The assignment's own right answers are asked again in this process, until something is to be
    trained. Where it has none, nothing is known.

    Raises:
        CheckFault: the check falls over right answers.
    """
    honest = checks.honest_of(assignment)
    if honest is None:
        return {}
    recorded = Recorded(Untrained(honest()))
    with suppress(Trains):
        checks.run(assignment, grade_id, recorded, seed)
    expected = [question for question in recorded.taken() if question["verb"] in _ANSWERS]
    right: dict[int, str] = {}
    for place, question in enumerate(asked):
        same = next((e for e in expected if e["asked"] == question["asked"]), None)
        if same is not None:
            right[place] = same["got"]
            expected.remove(same)
    return right
