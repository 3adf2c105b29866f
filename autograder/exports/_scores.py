"""What all exporters read out of the gradebook."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from nbgrader.api import Gradebook


@dataclass(frozen=True)
class Person:
    """A student of the gradebook; names and address are "" where it has none."""

    student_id: str
    first_name: str
    last_name: str
    email: str

    @property
    def sortable_name(self) -> str:
        """Return "Last, First", or what there is of it, or the id."""
        names = [name for name in (self.last_name, self.first_name) if name]
        return ", ".join(names) or self.student_id


@dataclass(frozen=True)
class Scores:
    """One assignment's scores.

    Attributes:
        assignment: its name.
        max_points: what there was to earn.
        points: student's id -> points, late penalty taken off; only those that are final.
        waiting: students some of whose points a person, or the grader, has yet to give.
    """

    assignment: str
    max_points: float
    points: dict[str, float]
    waiting: tuple[str, ...]


def people(gradebook: Gradebook, wanted: Collection[str] = ()) -> list[Person]:
    """Return the students, or those of them that are wanted, by id."""
    found = [
        Person(s.id, s.first_name or "", s.last_name or "", s.email or "")
        for s in gradebook.students
        if not wanted or s.id in wanted
    ]
    return sorted(found, key=lambda person: person.student_id)


def scores(gradebook: Gradebook, wanted: Collection[str] = ()) -> list[Scores]:
    """Return the scores of each assignment, or of those that are wanted, by name.

    A student who handed in nothing has none, and one who still waits for points has none either:
    what is not final should not appear in another system.
    """
    found = []
    for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
        if wanted and assignment.name not in wanted:
            continue
        points, waiting = {}, []
        for submission in assignment.submissions:
            if submission.needs_manual_grade:
                waiting.append(submission.student.id)
                continue
            penalty = submission.late_submission_penalty or 0.0
            points[submission.student.id] = round(max(0.0, submission.score - penalty), 2)
        found.append(
            Scores(assignment.name, float(assignment.max_score), points, tuple(sorted(waiting)))
        )
    return found


def shown(points: float | None) -> str:
    """Return points as all systems read them, "" for none."""
    return "" if points is None else f"{points:g}"
