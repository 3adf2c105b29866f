"""A class whose grading costs nothing: what the tests of scheduler, gradebook and resuming use."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.batch.gradebook import Marks
from autograder.batch.ledger import digest_of_hand_in
from autograder.batch.task import Fault, Graded
from autograder.course.assignment import Assignment
from autograder.intake.read_folder import HandIn

KILLS = b"kills its worker"
KILLS_ONCE = b"kills its worker once: "  # then a path, and a space
DISK_FULL = b"finds the disk full"
BREAKS = b"finds a broken check"
FAILS_ONCE = b"fails once beside others: "  # then a path, and a space


def grade_cheaply(student: str, handed_in: HandIn, assignment: Assignment) -> Graded | Fault:
    """Return points that depend on the hand-in alone; does what its content says it does."""
    content = handed_in.notebooks["cnns"]
    if content.startswith(KILLS + b" always"):
        os.kill(os.getpid(), signal.SIGKILL)
    if KILLS_ONCE in content:
        mark = Path(content.removeprefix(KILLS_ONCE).split()[0].decode())
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if DISK_FULL in content:
        return Fault("the disk is full", everybodys=True)
    if FAILS_ONCE in content:
        mark = Path(content.removeprefix(FAILS_ONCE).split()[0].decode())
        if not mark.exists():
            mark.touch()
            return Fault("something that all share was used up", neighbours=True)
    if BREAKS in content:
        return Fault("a check is broken")
    digest = digest_of_hand_in(student, handed_in)
    scores: dict[str, float | None] = {}
    comments: dict[str, str | None] = {}
    for place, cell in enumerate(assignment.cells):
        name = f"{cell.notebook}/{cell.name}"
        if cell.kind == "grade":
            code = cell.columns["cell_type"] == "code"
            scores[name] = float(int(digest[place : place + 2], 16) % 6) if code else None
        elif cell.kind == "solution":
            comments[name] = "No response." if digest[place] < "8" else None
    return Graded(Marks(scores, comments), {"cnns.ipynb": content, "data/note.txt": b"beside"})


def hand_in(course: Path, students: Iterable[str], content: bytes = b"{}") -> None:
    """Write a hand-in of each student, no two alike."""
    for student in students:
        folder = course / "submitted" / student / "cnns"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cnns.ipynb").write_bytes(content + student.encode())


def names(count: int) -> list[str]:
    """Return so many students."""
    return [f"student-{number:04d}" for number in range(count)]


_ROWS = {
    "students": "select id, first_name, last_name from student",
    "submissions": "select s.student_id, a.name, s.timestamp, s.extension "
    "from submitted_assignment s join assignment a on a.id = s.assignment_id",
    "notebooks": "select s.student_id, a.name, n.name, sn.flagged, sn.late_submission_penalty "
    "from submitted_notebook sn join submitted_assignment s on s.id = sn.assignment_id "
    "join assignment a on a.id = s.assignment_id join notebook n on n.id = sn.notebook_id",
    "grades": "select s.student_id, n.name, c.name, g.auto_score, g.manual_score, g.extra_credit, "
    "g.needs_manual_grade from grade g join base_cell c on c.id = g.cell_id "
    "join submitted_notebook sn on sn.id = g.notebook_id join notebook n on n.id = sn.notebook_id "
    "join submitted_assignment s on s.id = sn.assignment_id",
    "comments": "select s.student_id, n.name, c.name, g.auto_comment, g.manual_comment "
    "from comment g join base_cell c on c.id = g.cell_id "
    "join submitted_notebook sn on sn.id = g.notebook_id join notebook n on n.id = sn.notebook_id "
    "join submitted_assignment s on s.id = sn.assignment_id",
}


def rows(course: Path) -> dict[str, list[tuple]]:
    """Return all that a gradebook says of hand-ins, by name: rows' ids are random."""
    with closing(sqlite3.connect(course / "gradebook.db")) as db:
        return read_rows(lambda query: db.execute(query).fetchall())


def read_rows(execute: Callable[[str], list[tuple]]) -> dict[str, list[tuple]]:
    """Return what `rows` does, of any database.

    Args:
        execute: returns the rows of a query; SQLite has 0 and 1 for PostgreSQL's truth values.
    """
    return {what: sorted(execute(query), key=repr) for what, query in _ROWS.items()}


def graded_files(course: Path) -> dict[str, bytes]:
    """Return path -> content of all that lies in `autograded/`."""
    folder = course / "autograded"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def results(course: Path) -> tuple[dict[str, list[tuple]], dict[str, bytes]]:
    """Return all that grading leaves: rows and files."""
    return rows(course), graded_files(course)


def change(course: Path, work: Callable[[Gradebook], object]) -> None:
    """Return after doing what a person does in formgrader."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "cnn-course") as gradebook:
        work(gradebook)
        gradebook.db.commit()
