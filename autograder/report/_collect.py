"""The edge to the disk: every graded hand-in of a class, as small records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from nbgrader.api import Assignment, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import func

from autograder import GraderFault
from autograder.batch.progress import FOLDER, last_changes, last_faults
from autograder.batch.run_records import Change
from autograder.course.course import open_course
from autograder.intake.identity import printable
from autograder.judging.graded_notebook import (
    METADATA,
    GradeCell,
    NotebookCell,
    grade_cells,
    repair_note,
    source,
)

_PICTURE = re.compile(rb'"image/(?:png|jpeg)": "')


@dataclass(frozen=True)
class Submission:
    """One graded hand-in.

    Attributes:
        student: whose.
        cells: its cells with points, with the verdicts.
        code: the sources of its code cells but for the grade cells.
        repairs: what the grader had to put right, a sentence each.
        wall_s: how long grading took, seconds; None where the notebook does not tell.
        peak_memory_bytes: of the hand-in's processes; None where the notebook does not tell.
        sandboxed: whether it ran in a sandbox.
        absent: what it asked for and the grader's machine lacked: "kind", "name", and the "points"
            that were lost for a reason that names it.
    """

    student: str
    cells: tuple[GradeCell, ...]
    code: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    wall_s: float | None = None
    peak_memory_bytes: int | None = None
    sandboxed: bool = True
    absent: tuple[Mapping[str, Any], ...] = ()

    @property
    def automatic(self) -> dict[str, float]:
        """Return the points of each cell that was graded automatically."""
        return {c.grade_id: c.result.points for c in self.cells if c.result is not None}


@dataclass(frozen=True)
class ClassResults:
    """A class and its hand-ins.

    Attributes:
        assignment: which.
        submissions: the graded ones, by student.
        points: student -> what the gradebook holds, points given by a person included.
        waiting: students some of whose answers a person has yet to read.
        ungraded: student whose hand-in has no verdict -> the grader's fault; "" if not run yet.
        given: the sources of the release's code cells.
        changes: points that the last grading of a student made others.
    """

    assignment: str
    submissions: tuple[Submission, ...]
    points: Mapping[str, float]
    waiting: tuple[str, ...] = ()
    ungraded: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = field(default=())
    changes: tuple[Change, ...] = ()


def collect(course_root: Path, assignment: str) -> ClassResults:
    """Return all that is known of the class.

    Raises:
        GraderFault: nothing of the assignment is graded, or this is no course's folder.
    """
    course, name = open_course(course_root), f"{assignment}.ipynb"
    everybody = course.students(assignment, "autograded")
    graded = {s: course.folder("autograded", assignment, s) / name for s in everybody}
    graded = {student: path for student, path in graded.items() if path.is_file()}
    if not graded:
        raise GraderFault(f"nothing is graded yet: run `autograder grade {assignment}` first")
    submissions = tuple(read(student, _json(path)) for student, path in graded.items())
    rows = [row for row in _grades(course.coursedir.db_url, assignment) if row[0] in graded]
    log = course_root / FOLDER / f"{assignment}.jsonl"
    faults = last_faults(log)
    return ClassResults(
        assignment,
        submissions,
        {student: points for student, points, _ in rows},
        tuple(sorted(student for student, _, waiting in rows if waiting)),
        {printable(s): faults.get(s, "") for s in course.students(assignment) if s not in graded},
        _code(_json(course.folder("release", assignment) / name)["cells"]),
        tuple(change for change in last_changes(log) if change.student in graded),
    )


def _grades(gradebook_url: str, assignment: str) -> list[tuple[str, float, bool]]:
    """Return of each student the points, and whether a person has yet to give some.

    nbgrader's own `submission_dicts` takes time with the square of the class: 40 s for 2,000.
    """
    with Gradebook(gradebook_url) as gradebook:
        rows = (
            gradebook.db.query(
                SubmittedAssignment.student_id,
                func.sum(Grade.score),
                func.max(Grade.needs_manual_grade),
            )
            .select_from(SubmittedAssignment)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .outerjoin(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .filter(Assignment.name == assignment)
            .group_by(SubmittedAssignment.id)
            .order_by(SubmittedAssignment.student_id)
        )
        return [(student, float(points or 0), bool(waiting)) for student, points, waiting in rows]


def read(student: str, notebook: Mapping[str, Any]) -> Submission:
    """Return the record of one graded notebook."""
    cells, about = notebook["cells"], notebook["metadata"].get(METADATA, {})
    phases = about.get("phases", {}).values()
    return Submission(
        student,
        tuple(grade_cells(cells)),
        _code(cells),
        tuple(repair_note(cells)),
        sum(phase["wall_s"] for phase in phases) if phases else None,
        about.get("peak_memory_bytes"),
        about.get("sandboxed", True),
        tuple(about.get("absent", ())),
    )


def _code(cells: list[NotebookCell]) -> tuple[str, ...]:
    return tuple(
        source(cell)
        for cell in cells
        if cell["cell_type"] == "code" and not cell["metadata"].get("nbgrader", {}).get("grade")
    )


def _json(path: Path) -> Any:
    return orjson.loads(without_pictures(path.read_bytes()))


def without_pictures(data: bytes) -> bytes:
    """Return a notebook's file with its pictures emptied.

    They are nearly all of it, the report shows none, and a class is gigabytes: to look for their
    ends takes a tenth of the time of decoding them. Pictures that are written in another way than
    nbformat's stay, and cost that time.
    """
    parts, done, at = [], 0, _PICTURE.search(data)
    while at:
        start = at.end()
        end = data.find(b'"', start)
        if data.find(b"\\", start, end) < 0:  # else that is not where the text ends
            parts.append(data[done:start])
            done = end
        at = _PICTURE.search(data, end)
    return b"".join([*parts, data[done:]])
