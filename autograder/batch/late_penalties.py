"""What a late penalty is now, by due date, extension and plugin; and what stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nbgrader.api import Grade, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import Connection, select, true, update

from autograder import GraderFault
from autograder.course.course import Penalty


@dataclass(frozen=True)
class LatePenalties:
    """The late penalties of one assignment.

    Attributes:
        assignment_id: the id of its row.
        duedate: in UTC; None for none.
        plugin: says what being late costs; None leaves penalties as they are.
    """

    assignment_id: str
    duedate: datetime | None
    plugin: Penalty | None

    def write(self, db: Connection, student: str) -> None:
        """Write the penalties of a student's notebooks.

        Raises:
            GraderFault: the plugin failed.
        """
        if self.plugin is None:
            return
        for row in self._submitted(db, SubmittedAssignment.student_id == student):
            values = {"late_submission_penalty": self._due(db, row)}
            db.execute(
                update(SubmittedNotebook).where(SubmittedNotebook.id == row.id).values(**values)
            )

    def stale(self, db: Connection) -> dict[str, tuple[float, float]]:
        """Return whose penalty is not what it would be now.

        Returns:
            student -> points as they stand, and with the penalty that is due.

        Raises:
            GraderFault: the plugin failed.
        """
        if self.plugin is None:
            return {}
        less: dict[str, float] = {}  # student -> by how much the penalty falls
        for row in self._submitted(db, true()):
            fall = (row.penalty or 0.0) - (self._due(db, row) or 0.0)
            if fall:
                less[row.student_id] = less.get(row.student_id, 0.0) + fall
        stand = {student: self.points(db, student) or 0.0 for student in less}
        return {student: (points, points + less[student]) for student, points in stand.items()}

    def points(self, db: Connection, student: str) -> float | None:
        """Return a student's points, the penalty taken off; None without an automatic score."""
        rows = self._submitted(db, SubmittedAssignment.student_id == student)
        known = select(Grade.id).where(
            Grade.notebook_id.in_([row.id for row in rows]), Grade.auto_score.is_not(None)
        )
        if db.execute(known.limit(1)).first() is None:
            return None
        return float(sum(_score(db, row.id) - (row.penalty or 0.0) for row in rows))

    def _submitted(self, db: Connection, which: Any) -> Sequence[Any]:
        """Return the rows of submitted notebooks, with what a penalty depends on."""
        return db.execute(
            select(
                SubmittedNotebook.id,
                SubmittedNotebook.late_submission_penalty.label("penalty"),
                SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
            )
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .where(SubmittedAssignment.assignment_id == self.assignment_id, which)
        ).all()

    def _due(self, db: Connection, row: Any) -> float | None:
        """Return the penalty for a notebook, at least 0 and at most its score; None for none."""
        if self.plugin is None or row.timestamp is None or self.duedate is None:
            return None
        late_s = (row.timestamp - self.duedate - (row.extension or timedelta())).total_seconds()
        if late_s <= 0:
            return None
        score = _score(db, row.id)
        try:
            points = self.plugin(row.student_id, score, late_s)
            return None if points is None else min(max(points, 0), score)
        except Exception as error:  # whatever a course's own plugin raises
            raise GraderFault(
                f"the plugin for late penalties raised {type(error).__name__} for "
                f"{row.student_id}: {error}. Mend it: c.AssignLatePenalties.plugin_class in "
                "nbgrader_config.py names it"
            ) from error


def _score(db: Connection, notebook: str) -> float:
    """Return the points of a submitted notebook, those by a person included."""
    score = select(SubmittedNotebook.score).where(SubmittedNotebook.id == notebook)
    return float(db.execute(score).scalar_one())
