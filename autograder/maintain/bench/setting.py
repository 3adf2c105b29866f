"""Courses in temporary folders, and classes of hand-ins: real ones, or such as take no work."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from distributed import LocalCluster

from autograder import GraderFault
from autograder.assignments.cnns import made_class
from autograder.batch import grade_class
from autograder.batch.atomic_files import read_folder
from autograder.batch.grade_class import RunSummary, Selection
from autograder.batch.gradebook import Marks
from autograder.batch.ledger import FOLDER as LEDGER
from autograder.batch.progress import FOLDER as LOGS
from autograder.batch.task import Graded
from autograder.course.assignment import Assignment
from autograder.intake.read_folder import HandIn
from autograder.maintain.bench.runs import run

ASSIGNMENT = "cnns"
KINDS = ("ada", "bela", "dora", "emil", "fay", "gus", "hana", "iris")
_MARKS = (
    "select s.student_id, c.name, g.auto_score, g.manual_score, g.needs_manual_grade from grade g "
    "join base_cell c on c.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id "
    "join submitted_assignment s on s.id = n.assignment_id order by 1, 2"
)
# Some cells train a network: on a slow machine nbgrader's own 30 s would not do.
_STOCK = """c = get_config()
c.Execute.timeout = 600
"""


@dataclass(frozen=True)
class Figure:
    """One line of the page: what was measured, what is wanted of it, and what it is."""

    what: str
    wanted: str
    got: str


@contextmanager
def course(root: Path, *, stock: bool = False) -> Iterator[Path]:
    """Yield a course of its own with the release made.

    Args:
        root: the course that holds `source/` and `nbgrader_config.py`.
        stock: with nbgrader's own configuration.
    """
    with TemporaryDirectory(prefix="autograder-bench-") as name:
        folder = Path(name)
        shutil.copytree(root / "source", folder / "source")
        if stock:
            (folder / "nbgrader_config.py").write_text(_STOCK, encoding="utf-8")
        else:
            shutil.copy(root / "nbgrader_config.py", folder)
        run(folder, "nbgrader", "generate_assignment", ASSIGNMENT)
        yield folder


def hand_in_class(folder: Path, count: int, kinds: tuple[str, ...] = KINDS) -> list[str]:
    """Return the students; writes hand-ins of all kinds by turns, no two alike."""
    release = nbformat.read(folder / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", 4)
    made = {student.name: student for student in made_class.HAND_INS}
    students = []
    for number in range(count):
        kind = made[kinds[number % len(kinds)]]
        own = f"# hand-in {number}"
        answers = {grade_id: f"{own}\n{text}" for grade_id, text in kind.answers.items()}
        student = made_class.MadeHandIn(f"{kind.name}-{number:04d}", kind.about, answers, own)
        path = folder / "submitted" / student.name / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(made_class.hand_in(student, release))
        students.append(student.name)
    return students


def do_nothing(student: str, handed_in: HandIn, assignment: Assignment) -> Graded:
    """Return the result of a task that does nothing: 1 point a cell, and the hand-in's files."""
    names: Mapping[str, list[str]] = {
        kind: [f"{c.notebook}/{c.name}" for c in assignment.cells if c.kind == kind]
        for kind in ("grade", "solution")
    }
    marks = Marks(dict.fromkeys(names["grade"], 1.0), dict.fromkeys(names["solution"]))
    return Graded(marks, {f"{name}.ipynb": data for name, data in handed_in.notebooks.items()})


def grade_nothing(
    folder: Path,
    students: Sequence[str],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    observer: grade_class.Observer | None = None,
) -> RunSummary:
    """Return what came of a run whose tasks do nothing."""
    return grade_class.grade(
        folder,
        ASSIGNMENT,
        Selection(students),
        workers=workers,
        scheduler=scheduler,
        observer=observer,
        task=do_nothing,
    )


def grade_wholly(folder: Path, students: Sequence[str], **options: Any) -> None:
    """Have a run like `grade_nothing`'s come to its end.

    Raises:
        GraderFault: it stopped before.
    """
    summary = grade_nothing(folder, students, **options)
    if summary.stopped:
        raise GraderFault(summary.stopped)


@contextmanager
def cluster_in_threads(workers: int) -> Iterator[LocalCluster]:
    """Yield a cluster whose workers are threads here, reached over TCP like any other."""
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        yield cluster


def start_anew(folder: Path, gradebook: bytes) -> None:
    """Return nothing; leaves a course as it was before its first run, with this gradebook."""
    (folder / "gradebook.db").write_bytes(gradebook)
    for part in ("autograded", str(LEDGER), str(LOGS)):
        shutil.rmtree(folder / part, ignore_errors=True)


def results(folder: Path) -> tuple[list[tuple[object, ...]], dict[str, bytes]]:
    """Return the rows of the gradebook by names, and the graded files."""
    with closing(sqlite3.connect(folder / "gradebook.db")) as db:
        rows = db.execute(_MARKS).fetchall()
    return rows, read_folder(folder / "autograded")
