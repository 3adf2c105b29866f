"""What a check returns: a frozen record, made by the judge alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

FELL_OVER = "fell_over"  # in a verdict's figures: what the check raised and where, for the grader


@dataclass(frozen=True)
class Criterion:
    """One thing that a check looked at.

    Attributes:
        name: what it is, in the student's words.
        expected: what a right answer gives.
        got: what this one gave; never a challenge's values.
        earned: points given, in [0, points].
        points: points there were to earn.
    """

    name: str
    expected: str
    got: str
    earned: float
    points: float


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one grade cell.

    Attributes:
        criteria: what was looked at; their points add up to the cell's.
        advice: what the student should read first when points are lost; "" when none are.
        mistakes: the catalogue's names of the mistakes that were recognised, the worst first.
        figures: the numbers behind the verdict, as JSON has them: for the report, and some of them
            for pictures (`autograder.pages.pictures` says which).
    """

    criteria: tuple[Criterion, ...]
    advice: str = ""
    mistakes: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """Return the points earned."""
        return round(sum(criterion.earned for criterion in self.criteria), 2)

    @property
    def max_points(self) -> float:
        """Return the points there were to earn."""
        return round(sum(criterion.points for criterion in self.criteria), 2)

    @property
    def reason(self) -> str:
        """Return why points were lost, "" if none were: the advice, else the first criterion."""
        lost = [criterion for criterion in self.criteria if criterion.earned < criterion.points]
        if not lost:
            return ""
        return self.advice or f"{lost[0].name}: expected {lost[0].expected}, got {lost[0].got}"


class ActivationImage(TypedDict):
    """Activations as a small picture.

    Attributes:
        png: the file in base64.
        size: height and width of the activations themselves.
    """

    png: str
    size: list[int]


def verdict(name: str, expected: str, got: str, passed: bool, points: float) -> Criterion:
    """Return a criterion that gives all of its points or none."""
    return Criterion(name, expected, got, points if passed else 0.0, points)


def nothing(points: float, reason: str) -> CheckResult:
    """Return the result of a check that could not look at anything: 0 of `points`."""
    return CheckResult((verdict("your answer runs", "a result", reason, False, points),), reason)
