"""The verdicts on what `ImprovedNet` learns, and what stands in the way of more points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autograder.assignments.cnns import calibration
from autograder.assignments.cnns.improved.inspection import Inspection
from autograder.assignments.cnns.improved.training_runs import Found, Look, found
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.checking.check_result import CheckResult, Criterion
from autograder.checking.mistakes import Mistake, names
from autograder.checking.student import StudentSide
from course_utils.scale import Scale
from course_utils.signs import CLASSES
from course_utils.training import Measured

# Of `Inspection`: the calibration's families lie far on either side (`test_inspection.py`).
POSITIONS_SHOW = 0.5
BORDER_SHOWS = 0.05
GAP = 0.1  # between the accuracies of the two corners


def top_left(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the top-left accuracy: up to 5 points."""
    scale = calibration.scale()
    about = found(student, seed, scale)
    counted, highest = about.counted, scale.top_left[-1]
    points, _ = scale.points(counted)
    criterion = Criterion(
        "accuracy on top-left signs",
        f"{highest.accuracy:.0%} for all {highest.points:g} points",
        _shown(counted.top_left, about.measured),
        points,
        highest.points,
    )
    figures = {"top_left": counted.top_left}
    if points == highest.points:
        return CheckResult((criterion,), figures=figures)
    mistake = _not_finite(about) or _slow(about.inspection)
    advice = f"Your network hardly learns within the budget. {mistake.words}"
    return CheckResult((criterion,), advice, names([mistake]), figures)


def bottom_right(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the bottom-right accuracy: up to 20 points."""
    scale = calibration.scale()
    about = found(student, seed, scale)
    counted, highest = about.counted, scale.bottom_right[-1]
    _, points = scale.points(counted)
    criterion = Criterion(
        "accuracy on bottom-right signs",
        f"{highest.accuracy:.0%} for all {highest.points:g} points",
        _shown(counted.bottom_right, about.measured),
        points,
        highest.points,
    )
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


def _shown(accuracy: float, measured: Measured[Look]) -> str:
    """Return an accuracy, and of which runs it is."""
    if measured.long is not None and measured.counted is measured.long:
        return f"{accuracy:.1%}, after {measured.long.steps:,} steps"
    runs = len(measured.short)
    return f"{accuracy:.1%}" + (f", the mean of {runs} runs" if runs > 1 else "")


def _marks(scale: Scale) -> list[dict[str, float]]:
    """Return the accuracies between which points rise, for the pictures."""
    return [{"accuracy": mark.accuracy, "points": mark.points} for mark in scale.bottom_right]


def in_the_way(about: Found, scale: Scale) -> list[Mistake]:
    """Return what stands in the way of the highest mark, the worst first."""
    not_finite = _not_finite(about)
    if not_finite is not None:
        return [not_finite]
    seen = about.inspection
    left, right = about.counted.top_left, about.counted.bottom_right
    said: list[Mistake] = []
    if seen.interior > POSITIONS_SHOW:
        which = "Which one?"
        if seen.widest_name:
            which = f"`{seen.widest_name}` looks at {seen.widest:,} numbers at once: what do they "
            which += "stand for?"
        words = "Some layer has a weight for each position: even before training, the answer "
        words += "changes when a digit moves by a few pixels in the middle of the image. "
        said.append(Mistake("improved-positions", words + which))
    elif seen.border > BORDER_SHOWS and left - right > GAP:
        words = "Even before training, the answer changes when a digit moves into another corner, "
        words += "but not when it moves in the middle of the image. So what your network pools "
        words += "still shows the border of the image. How often does the kernel meet a pixel at "
        words += "the border, and how often one in the middle?"
        said.append(Mistake("improved-border", words))
    if left < scale.bottom_right[-1].accuracy:
        mistake = _slow(seen)
        words = f"It learns too slowly for the budget. {mistake.words}"
        said.append(replace(mistake, words=words))
    limit = parameter_count(net_spec())
    if seen.parameters >= limit:
        words = f"It has {seen.parameters:,} parameters, Net has {limit:,}: the fix needs fewer."
        said.append(Mistake("improved-parameters", words))
    return said


def _not_finite(about: Found) -> Mistake | None:
    """Return that a trained network answers with no numbers, if it does."""
    if about.finite:
        return None
    words = "Once trained, it answers with numbers that are infinite or no numbers (NaN). Look "
    words += "for a division by something that may be zero, and for exp or log of large or "
    words += "negative numbers."
    return Mistake("improved-nan", words)


def _slow(seen: Inspection) -> Mistake:
    """Return why a network may need more steps than there are."""
    if 0 < seen.narrowest < CLASSES and seen.rank <= seen.narrowest:
        words = f"All it knows of an image passes through {seen.narrowest} numbers "
        words += f"(into `{seen.narrowest_name}`), fewer than there are classes: such a bottleneck "
        return Mistake("improved-bottleneck", words + "learns slowly.")
    if seen.averages:
        words = "It takes averages over large feature maps. They are small and much alike: what "
        return Mistake(
            "improved-slow", words + "could bring them to one scale before the last layer?"
        )
    words = "Print mean and spread of what reaches its last layer, for a batch of digits: what is "
    return Mistake("improved-slow", words + "small, or hardly differs, is learned slowly.")
