"""The verdicts on what `ImprovedNet` learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder.assignments.cnns import calibration
from autograder.assignments.cnns.improved.advice import in_the_way, slow
from autograder.assignments.cnns.improved.training_runs import measured
from autograder.checking.check_result import CheckResult, verdict
from autograder.checking.mistakes import names
from autograder.checking.student import StudentSide
from course_utils.tiers import Scale, middle


def top_left(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the top-left accuracy: 5 points."""
    scale = calibration.scale()
    found = measured(student, seed, scale)
    tier, accuracies = scale.top_left, [run.top_left for run in found.runs]
    passed = scale.learned(found.runs)
    criterion = verdict(
        "accuracy on top-left digits",
        f"{tier.accuracy:.0%}",
        _shown(accuracies),
        passed,
        tier.points,
    )
    figures = {"top_left": found.top_left}
    if passed:
        return CheckResult((criterion,), figures=figures)
    mistake = slow(found.inspection)
    advice = f"Your network hardly learns within the budget. {mistake.words}"
    return CheckResult((criterion,), advice, names([mistake]), figures)


def bottom_right(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the bottom-right accuracy: 20 points, in tiers."""
    scale = calibration.scale()
    found = measured(student, seed, scale)
    accuracies = [run.bottom_right for run in found.runs]
    reached = scale.reached(found.runs)
    criteria, below = [], 0.0
    for number, tier in enumerate(scale.bottom_right, start=1):
        criteria.append(
            verdict(
                f"accuracy on bottom-right digits: {tier.name}",
                f"{tier.accuracy:.0%}",
                _shown(accuracies),
                reached >= number,
                tier.points - below,
            )
        )
        below = tier.points
    figures: dict[str, Any] = {
        "top_left": found.top_left,
        "bottom_right": found.bottom_right,
        "accuracies": [
            {"name": "top left", "value": found.top_left},
            {"name": "bottom right", "value": found.bottom_right, "marks": _marks(scale)},
        ],
        "runs": len(found.runs),
        "steps": sum(run.steps for run in found.runs),
        "interior": found.inspection.interior,
        "border": found.inspection.border,
        "parameters": found.inspection.parameters,
    }
    if found.confusion is not None:
        figures["confusion"] = found.confusion
    if reached == len(scale.bottom_right):
        return CheckResult(tuple(criteria), figures=figures)
    obstacles = in_the_way(found, scale)
    advice = " ".join(mistake.words for mistake in obstacles) or (
        "It reads digits where it has seen them, and worse elsewhere: compare its accuracy in the "
        "two corners after each change that you make."
    )
    return CheckResult(tuple(criteria), advice, names(obstacles), figures)


def _shown(accuracies: Sequence[float]) -> str:
    which = {1: "", 2: ", the lower one of 2 runs"}
    runs = which.get(len(accuracies), f", the middle one of {len(accuracies)} runs")
    return f"{middle(accuracies):.1%}{runs}"


def _marks(scale: Scale) -> list[dict[str, float]]:
    """Return the accuracies that earn points bottom right, for the pictures."""
    return [{"accuracy": tier.accuracy, "points": tier.points} for tier in scale.bottom_right]
