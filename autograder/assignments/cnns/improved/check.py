"""The verdicts on what `ImprovedNet` learns, and what stands in the way of more points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autograder.assignments.cnns import calibration
from autograder.assignments.cnns.improved.advice import in_the_way, not_finite, slow
from autograder.assignments.cnns.improved.training_runs import Look, found
from autograder.checking.check_result import CheckResult, Criterion
from autograder.checking.mistakes import names
from autograder.checking.student import StudentSide
from course_utils.scale import Mark, Scale
from course_utils.training import Measured


def top_left(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the top-left accuracy: up to 5 points."""
    scale = calibration.scale()
    about = found(student, seed, scale)
    counted, highest = about.counted, scale.top_left[-1]
    points, _ = scale.points(counted)
    criterion = _criterion("top-left", counted.top_left, about.measured, highest, points)
    figures = {"top_left": counted.top_left}
    if points == highest.points:
        return CheckResult((criterion,), figures=figures)
    mistake = not_finite(about)
    if mistake is None:
        mistake = slow(about.inspection)
        words = f"Your network hardly learns within the budget. {mistake.words}"
        mistake = replace(mistake, words=words)
    return CheckResult((criterion,), mistake.words, names([mistake]), figures)


def bottom_right(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the bottom-right accuracy: up to 20 points."""
    scale = calibration.scale()
    about = found(student, seed, scale)
    counted, highest = about.counted, scale.bottom_right[-1]
    _, points = scale.points(counted)
    criterion = _criterion("bottom-right", counted.bottom_right, about.measured, highest, points)
    figures: dict[str, Any] = {
        "top_left": counted.top_left,
        "bottom_right": counted.bottom_right,
        "accuracies": [
            {"name": "top left", "value": counted.top_left},
            {"name": "bottom right", "value": counted.bottom_right, "marks": _marks(scale)},
        ],
        "short_runs": len(about.measured.short),
        "long_run": about.measured.long is not None,
        "steps": about.measured.steps,
        "interior": about.inspection.interior,
        "border": about.inspection.border,
        "parameters": about.inspection.parameters,
    }
    if points == highest.points:
        return CheckResult((criterion,), figures=figures)
    obstacles = in_the_way(about, scale)
    advice = " ".join(mistake.words for mistake in obstacles) or (
        "It reads signs where it has seen them, and worse elsewhere: compare its accuracy in the "
        "two corners after each change that you make."
    )
    return CheckResult((criterion,), advice, names(obstacles), figures)


def _criterion(
    corner: str, accuracy: float, measured: Measured[Look], highest: Mark, points: float
) -> Criterion:
    """Return what is said of the accuracy in one corner."""
    return Criterion(
        f"accuracy on {corner} signs",
        f"{highest.accuracy:.0%} for all {highest.points:g} points",
        _shown(accuracy, measured),
        points,
        highest.points,
    )


def _shown(accuracy: float, measured: Measured[Look]) -> str:
    """Return an accuracy, and of which runs it is."""
    if measured.long is not None and measured.counted is measured.long:
        return f"{accuracy:.1%}, after {measured.long.steps:,} steps"
    runs = len(measured.short)
    return f"{accuracy:.1%}" + (f", the mean of {runs} runs" if runs > 1 else "")


def _marks(scale: Scale) -> list[dict[str, float]]:
    """Return the accuracies between which points rise, for the pictures."""
    return [{"accuracy": mark.accuracy, "points": mark.points} for mark in scale.bottom_right]
