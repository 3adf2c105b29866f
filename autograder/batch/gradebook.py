"""The one writer to nbgrader's gradebook: a submission is one transaction.

The rows are those that a serial `nbgrader autograde` leaves, which a test compares. What a person
entered in formgrader (scores, comments, extra credit, flags, extensions) is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import Connection, bindparam, insert, select, update

from autograder.batch.database import Database
from autograder.batch.late_penalties import LatePenalties
from autograder.course.course import Penalty

Cells = Mapping[str, Mapping[str, str]]  # notebook -> id of the cell's row -> grade_id


@dataclass(frozen=True)
class Marks:
    """What the grader writes of one submission into the gradebook, by "notebook/grade_id".

    Attributes:
        scores: automatic points; None waits for a person.
        comments: automatic comments.
    """

    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]

    @property
    def stand(self) -> bool:
        """Return whether any points stand."""
        return any(score is not None for score in self.scores.values())


class GradebookWriter:
    """The submissions of one assignment in the gradebook.

    Args:
        database: nbgrader's.
        assignment: its name; it must be there.
        penalty: for late submissions; None leaves penalties as they are.
    """

    def __init__(self, database: Database, assignment: str, penalty: Penalty | None = None) -> None:
        self._database = database
        self._assignment_id, duedate = database.transaction(
            lambda db: tuple(
                db.execute(
                    select(Assignment.id, Assignment.duedate).where(Assignment.name == assignment)
                ).one()
            )
        )
        self._penalties = LatePenalties(self._assignment_id, duedate, penalty)
        self._notebooks = database.transaction(self._read_notebooks)
        self._graded = database.transaction(lambda db: self._cells(db, "GradeCell", "TaskCell"))
        self._commented = database.transaction(
            lambda db: self._cells(db, "SolutionCell", "TaskCell")
        )

    def marks(self) -> dict[str, Marks]:
        """Return what stands there by the grader's hand: student -> marks."""

        def read(db: Connection) -> dict[str, Marks]:
            scores = self._by_student(db, Grade, Grade.auto_score)
            comments = self._by_student(db, Comment, Comment.auto_comment)
            return {s: Marks(scores.get(s, {}), comments.get(s, {})) for s in scores | comments}

        return self._database.transaction(read)

    def write(self, student: str, marks: Marks, timestamp: datetime | None) -> None:
        """Write the marks of one submission into the gradebook, for good.

        Args:
            student: whose.
            marks: of all notebooks of the submission.
            timestamp: when it was handed in, UTC; None leaves what is known.

        Raises:
            GraderFault: they are not, and nothing has changed.
        """
        self._database.transaction(lambda db: self._write(db, student, marks, timestamp))

    def points(
        self, student: str, marks: Marks, timestamp: datetime | None
    ) -> tuple[float | None, float]:
        """Return a student's points as they stand, and as `write` would leave them.

        Points by a person count, and the late penalty is taken off. None stand where there is no
        automatic score yet. Nothing is changed.

        Raises:
            GraderFault: the database cannot be used, or the plugin for late penalties failed.
        """

        def tried(db: Connection) -> tuple[float | None, float]:
            before = self._penalties.points(db, student)
            with db.begin_nested() as undone:
                self._write(db, student, marks, timestamp)
                after = self._penalties.points(db, student)
                undone.rollback()
            return before, after or 0.0

        return self._database.transaction(tried)

    def stale_penalties(self) -> dict[str, tuple[float, float]]:
        """Return whose late penalty is not that of the present due date, extension and plugin.

        Returns:
            student -> points as they stand, and with the penalty that is due.

        Raises:
            GraderFault: the database cannot be used, or the plugin for late penalties failed.
        """
        return self._database.transaction(self._penalties.stale)

    def write_penalty(self, student: str) -> None:
        """Write the late penalty of a student's submission anew.

        Raises:
            GraderFault: it is not, and nothing has changed.
        """

        self._database.transaction(lambda db: self._penalties.write(db, student))

    def clear(self, student: str) -> None:
        """Clear a student's automatic scores: no older ones are left standing.

        Raises:
            GraderFault: the database cannot be written.
        """
        theirs = (
            select(SubmittedNotebook.id)
            .join(SubmittedAssignment)
            .where(
                SubmittedAssignment.assignment_id == self._assignment_id,
                SubmittedAssignment.student_id == student,
            )
        )
        values = {"auto_score": None, "needs_manual_grade": True}
        self._database.transaction(
            lambda db: db.execute(update(Grade).where(Grade.notebook_id.in_(theirs)).values(values))
        )

    def _write(
        self, db: Connection, student: str, marks: Marks, timestamp: datetime | None
    ) -> None:
        if db.execute(select(Student.id).where(Student.id == student)).first() is None:
            db.execute(insert(Student).values(id=student))
        keys = {"assignment_id": self._assignment_id, "student_id": student}
        submission = _row_id(db, SubmittedAssignment, keys)
        if timestamp is not None:
            _change(db, SubmittedAssignment, submission, {"timestamp": timestamp})
        for notebook_id, name in self._notebooks.items():
            keys = {"notebook_id": notebook_id, "assignment_id": submission}
            notebook = _row_id(db, SubmittedNotebook, keys)
            self._write_notebook(db, notebook, name, marks)
        self._penalties.write(db, student)

    def _write_notebook(self, db: Connection, notebook: str, name: str, marks: Marks) -> None:
        graded, commented = self._graded.get(name, {}), self._commented.get(name, {})
        manual = _rows(db, Grade, Grade.manual_score, notebook, graded)
        scores = {cell_id: marks.scores[f"{name}/{i}"] for cell_id, i in graded.items()}
        values = {
            # A person who scored it once looks at it again: nbgrader's way.
            cell_id: {
                "auto_score": score,
                "needs_manual_grade": score is None
                or manual.get(cell_id, ("", None))[1] is not None,
            }
            for cell_id, score in scores.items()
        }
        _put(db, Grade, notebook, manual, values)
        known = _rows(db, Comment, Comment.manual_comment, notebook, commented)
        comments = {
            cell_id: {"auto_comment": marks.comments[f"{name}/{i}"]}
            for cell_id, i in commented.items()
        }
        _put(db, Comment, notebook, known, comments)

    def _read_notebooks(self, db: Connection) -> dict[str, str]:
        ours = Notebook.assignment_id == self._assignment_id
        rows = db.execute(select(Notebook.id, Notebook.name).where(ours).order_by(Notebook.name))
        return {row.id: row.name for row in rows}

    def _cells(self, db: Connection, *kinds: str) -> Cells:
        columns = select(Notebook.name.label("notebook"), BaseCell.id, BaseCell.name)
        rows = db.execute(
            columns.join(BaseCell, BaseCell.notebook_id == Notebook.id).where(
                Notebook.assignment_id == self._assignment_id, BaseCell.type.in_(kinds)
            )
        )
        cells: dict[str, dict[str, str]] = {}
        for notebook, cell_id, name in rows:
            cells.setdefault(notebook, {})[cell_id] = name
        return cells

    def _by_student(self, db: Connection, table: Any, value: Any) -> dict[str, dict[str, Any]]:
        rows = db.execute(
            select(SubmittedAssignment.student_id, Notebook.name, BaseCell.name, value)
            .select_from(table)
            .join(SubmittedNotebook, SubmittedNotebook.id == table.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(BaseCell, BaseCell.id == table.cell_id)
            .where(SubmittedAssignment.assignment_id == self._assignment_id)
        )
        found: dict[str, dict[str, Any]] = {}
        for student, notebook, grade_id, what in rows:
            found.setdefault(student, {})[f"{notebook}/{grade_id}"] = what
        return found


def _row_id(db: Connection, table: Any, keys: Mapping[str, str]) -> str:
    """Return the id of the row with these keys, which is made if there is none."""
    found = db.execute(select(table.id).filter_by(**keys)).scalar()
    if found is None:
        db.execute(insert(table).values(**keys))
        found = db.execute(select(table.id).filter_by(**keys)).scalar_one()
    return str(found)


def _rows(
    db: Connection, table: Any, value: Any, notebook: str, cells: Mapping[str, str]
) -> dict[str, tuple[str, Any]]:
    """Return the id of a cell's row -> (id of the row of its mark, a value in that)."""
    # By cell first: that is what the tables have an index for.
    ours = (table.cell_id.in_(list(cells)), table.notebook_id == notebook)
    rows = db.execute(select(table.cell_id, table.id, value).where(*ours))
    return {cell_id: (row_id, what) for cell_id, row_id, what in rows}


def _put(
    db: Connection,
    table: Any,
    notebook: str,
    known: Mapping[str, tuple[str, Any]],
    values: Mapping[str, Mapping[str, Any]],
) -> None:
    """Give the row of each cell its values: id of the cell's row -> values."""
    new = [
        {"cell_id": cell_id, "notebook_id": notebook, **fields}
        for cell_id, fields in values.items()
        if cell_id not in known
    ]
    if new:
        db.execute(insert(table), new)
    old = [
        {"row": known[cell_id][0], **fields}
        for cell_id, fields in values.items()
        if cell_id in known
    ]
    if old:
        rows = table.__table__
        db.execute(update(rows).where(rows.c.id == bindparam("row")), old)


def _change(db: Connection, table: Any, row: str, values: Mapping[str, Any]) -> None:
    db.execute(update(table).where(table.id == row).values(**values))
