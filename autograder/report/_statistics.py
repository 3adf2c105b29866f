"""Pure: what a class's verdicts say about the checks and the students."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.checking.check_result import FELL_OVER, CheckResult
from autograder.report._collect import Submission

MAX_EXAMPLES = 5
_MAX_WORDS = 300  # characters of a reason that stands in for a mistake's name


@dataclass(frozen=True)
class CheckStatistics:
    """How a class did in one grade cell.

    Attributes:
        grade_id: which.
        max_points: what it is worth.
        passed: share in [0, 1] with all points.
        mean: of the points.
        discrimination: correlation in [-1, 1] of its points with those of all other checks; None
            where one of them is the same for everybody. Near 0 or below: the check is bad.
    """

    grade_id: str
    max_points: float
    passed: float
    mean: float
    discrimination: float | None


@dataclass(frozen=True)
class MistakeCount:
    """A mistake, and who made it.

    Attributes:
        mistake: its name in the catalogue, else why points were lost.
        named: whether it is the catalogue's.
        grade_ids: where.
        count: of students.
        examples: some of them.
    """

    mistake: str
    named: bool
    grade_ids: tuple[str, ...]
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Fall:
    """A check that fell over answers, which cost these points: look whether that was right.

    Attributes:
        grade_id: of its cell.
        where: what it raised, and its line.
        students: whose answers.
    """

    grade_id: str
    where: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Absent:
    """Something that hand-ins asked for and the grader's machine lacked.

    Attributes:
        kind: "package", "magic", "backend", "device" or "input".
        name: which.
        students: who asked for it.
        points: student -> points lost for a reason that names it; those who lost none are left out.
    """

    kind: str
    name: str
    students: tuple[str, ...]
    points: Mapping[str, float]


@dataclass(frozen=True)
class NetworkAccuracies:
    """What one student's network reached.

    Attributes:
        student: whose.
        values: what was measured -> accuracy in [0, 1].
        marks: what "accuracy" of the last of these is worth how many "points".
    """

    student: str
    values: Mapping[str, float]
    marks: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True)
class Spread:
    """Median, 95th percentile and largest of a quantity, and whose that is."""

    median: float
    p95: float
    largest: float
    student: str


def check_statistics(submissions: Sequence[Submission]) -> tuple[CheckStatistics, ...]:
    """Return the statistics of each check, in the notebook's order."""
    most = {c.grade_id: c.max_points for s in submissions for c in s.cells if c.result is not None}
    rows = [submission.automatic for submission in submissions]
    found = []
    for grade_id, max_points in most.items():
        own = [row.get(grade_id, 0.0) for row in rows]
        rest = [sum(row.values()) - points for row, points in zip(rows, own, strict=True)]
        passed = sum(points >= max_points for points in own) / len(own)
        found.append(
            CheckStatistics(
                grade_id, max_points, passed, statistics.fmean(own), correlation(own, rest)
            )
        )
    return tuple(found)


def correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return Pearson's correlation, None where one of them does not vary."""
    if len(a) < 2 or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    return round(statistics.correlation(a, b), 3)


def mistakes(submissions: Sequence[Submission]) -> tuple[MistakeCount, ...]:
    """Return what cost points, the most frequent first."""
    students: dict[tuple[str, bool], dict[str, None]] = {}
    grade_ids: dict[tuple[str, bool], dict[str, None]] = {}
    for submission in submissions:
        for cell in submission.cells:
            if cell.result is not None and cell.result.points < cell.result.max_points:
                for name in _names(cell.result):
                    students.setdefault(name, {})[submission.student] = None
                    grade_ids.setdefault(name, {})[cell.grade_id] = None
    counts = [
        MistakeCount(*name, tuple(grade_ids[name]), len(who), tuple(who)[:MAX_EXAMPLES])
        for name, who in students.items()
    ]
    return tuple(sorted(counts, key=lambda m: -m.count))


def _names(result: CheckResult) -> list[tuple[str, bool]]:
    """Return the mistakes of a verdict, or why it lost points; and whether that is a name."""
    if result.mistakes:
        return [(mistake, True) for mistake in result.mistakes]
    words = result.reason
    return [(words if len(words) <= _MAX_WORDS else f"{words[:_MAX_WORDS]}...", False)]


def falls(submissions: Sequence[Submission]) -> tuple[Fall, ...]:
    """Return which checks fell over whose answers."""
    found: dict[tuple[str, str], list[str]] = {}
    for submission in submissions:
        for cell in submission.cells:
            where = cell.result.figures.get(FELL_OVER) if cell.result is not None else None
            if where is not None:
                found.setdefault((cell.grade_id, str(where)), []).append(submission.student)
    return tuple(Fall(*which, tuple(students)) for which, students in found.items())


def absent(submissions: Sequence[Submission]) -> tuple[Absent, ...]:
    """Return what the grader's machine lacked: what cost points first, then what most asked for."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for submission in submissions:
        for asked in submission.absent:
            which = found.setdefault((asked["kind"], asked["name"]), {})
            which[submission.student] = asked["points"]
    counted = [
        Absent(*which, tuple(points), {s: lost for s, lost in points.items() if lost})
        for which, points in found.items()
    ]
    return tuple(sorted(counted, key=lambda a: (-sum(a.points.values()), -len(a.students))))


def accuracies(submissions: Sequence[Submission]) -> tuple[NetworkAccuracies, ...]:
    """Return the accuracies of every network that was trained, by student."""
    found = []
    for submission in submissions:
        for cell in submission.cells:
            shown = cell.result.figures.get("accuracies") if cell.result is not None else None
            if shown:
                values = {accuracy["name"]: accuracy["value"] for accuracy in shown}
                marks = shown[-1].get("marks", ())
                found.append(NetworkAccuracies(submission.student, values, marks))
                break
    return tuple(found)


def spread(values: Mapping[str, float]) -> Spread | None:
    """Return how a quantity is spread over the students; None of nobody."""
    if not values:
        return None
    ordered = sorted(values.values())
    student = max(values, key=lambda name: values[name])
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return Spread(statistics.median(ordered), p95, ordered[-1], student)
