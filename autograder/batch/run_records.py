"""The records of a run: which hand-ins, what is due, what came of it; and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Selection:
    """Which hand-ins are graded.

    Attributes:
        students: whose, of those in `submitted/`.
        force: also those whose result stands.
        limit: at most so many; None for all.
    """

    students: Sequence[str]
    force: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class Due:
    """A hand-in that is to be graded, and why.

    Attributes:
        student: whose.
        reason: in words.
        runs: whether it has to run; else only the gradebook is to be written.
    """

    student: str
    reason: str
    runs: bool = True


@dataclass(frozen=True)
class Change:
    """What a result does to the points that a student has in the gradebook.

    Attributes:
        student: whose.
        reason: why there is another result.
        before: points that stand, those by a person and the late penalty included; None for none.
        after: the same with the result.
        versions: what was another version when the result before was formed; "" if nothing.
    """

    student: str
    reason: str
    before: float | None
    after: float
    versions: str = ""

    @property
    def gained(self) -> float:
        """Return the points won; below 0 if some are lost."""
        return round(self.after - (self.before or 0.0), 2)

    @property
    def changes(self) -> bool:
        """Return whether points that stand become others."""
        return self.before is not None and self.gained != 0


@dataclass(frozen=True)
class Outcome:
    """What came of one hand-in.

    Attributes:
        student: whose.
        fault: why it has no verdict, which is never the student's doing; "" if it has one.
        scores: automatic points by "notebook/grade_id"; None waits for a person.
        report: how it went: seconds, worker, phases, memory.
        change: of points that stood before; None if there were none, or they are the same.
        versions: what was another version when the result before was formed; "" if nothing.
    """

    student: str
    fault: str = ""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    change: Change | None = None
    versions: str = ""

    @property
    def points(self) -> float:
        """Return the sum of the automatic points."""
        return sum(score or 0.0 for score in self.scores.values())


@dataclass(frozen=True)
class RunSummary:
    """What came of a run.

    Attributes:
        outcomes: of the hand-ins that were graded, or could not be.
        unchanged: how many have a result that stands.
        left: how many were not reached, if the run was stopped.
        stopped: why not: a fault of the grader's, or `INTERRUPTED`; "" if nothing is left.
        held: results that were graded and not written: of a preview, or of a run that was stopped.
    """

    outcomes: tuple[Outcome, ...]
    unchanged: int = 0
    left: int = 0
    stopped: str = ""
    held: tuple[Change, ...] = ()


class Observer:
    """Is told how a run goes, and says nothing: a base for those who do."""

    def start(self, students: int) -> None:
        """Hear how many hand-ins will be looked at."""

    def workers(self, count: int) -> None:
        """Hear how many hand-ins can be graded at one time."""

    def stands(self, student: str) -> None:
        """Hear whose result stands, as nothing of it has changed."""

    def holds(self, change: Change) -> None:
        """Hear of a result that is not written yet, as points that stand would change."""

    def changes(self, changes: Sequence[Change]) -> None:
        """Hear which points that stand will change, before they do."""

    def done(self, outcome: Outcome) -> None:
        """Hear what came of one hand-in."""

    def note(self, text: str) -> None:
        """Hear what a person may have to see to."""


MAX_LISTED = 50


def listed(changes: Sequence[Change]) -> list[str]:
    """Return a line for each change of points, who loses most first; of many the first ones."""
    changes = sorted(changes, key=lambda change: (change.gained, change.student))
    lines = [
        f"{change.student}: {change.before or 0:g} -> {change.after:g} points "
        f"({change.gained:+g}): {change.reason}{f'; {change.versions}' if change.versions else ''}"
        for change in changes[:MAX_LISTED]
    ]
    more = len(changes) - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def counted(changes: Sequence[Change]) -> str:
    """Return how many gain, and how many lose."""
    gain = sum(change.gained > 0 for change in changes)
    return f"{gain} gain, {len(changes) - gain} lose"
