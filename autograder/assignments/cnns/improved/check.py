"""The verdicts on what `ImprovedNet` learns, and what stands in the way of more points."""

from __future__ import annotations

from autograder.assignments.cnns.improved.advice import in_the_way, not_finite, slow
from autograder.assignments.cnns.improved.training_runs import EXERCISE, Found, found
from autograder.checking.check_result import CheckResult, Criterion
from autograder.checking.mistakes import names
from autograder.checking.student import StudentSide
from autograder.checking.trained import verdicts
from course_utils.training import SCALE


def top_left(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the top-left accuracy: up to 5 points."""
    about = found(student, seed)
    criterion = _criterion("top_left", about)
    figures = {"top_left": about.measured.counted["top_left"]}
    if criterion.earned == criterion.points:
        return CheckResult((criterion,), figures=figures)
    hardly = "Your network hardly learns within the budget."
    mistake = not_finite(about) or slow(about.inspection, hardly)
    return CheckResult((criterion,), mistake.words, names([mistake]), figures)


def bottom_right(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the bottom-right accuracy: up to 20 points."""
    about = found(student, seed)
    criterion = _criterion("bottom_right", about)
    figures = {
        **verdicts.figures(EXERCISE, about.measured),
        "interior": about.inspection.interior,
        "border": about.inspection.border,
        "parameters": about.inspection.parameters,
    }
    if criterion.earned == criterion.points:
        return CheckResult((criterion,), figures=figures)
    obstacles = in_the_way(about, SCALE)
    advice = " ".join(mistake.words for mistake in obstacles) or (
        "It reads signs where it has seen them, and worse elsewhere: compare its accuracy in the "
        "two corners after each change that you make."
    )
    return CheckResult((criterion,), advice, names(obstacles), figures)


def _criterion(corner: str, about: Found) -> Criterion:
    """Return what is said of the accuracy in one corner."""
    name = f"accuracy on {corner.replace('_', '-')} signs"
    return verdicts.criterion(EXERCISE, corner, about.measured, name)
