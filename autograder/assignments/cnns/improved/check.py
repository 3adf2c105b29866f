"""The verdicts on what `ImprovedNet` learns, and what stands in the way of more points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autograder.assignments.cnns import calibration
from autograder.assignments.cnns.improved.confusion import CLASSES
from autograder.assignments.cnns.improved.inspection import Inspection
from autograder.assignments.cnns.improved.training_runs import Measured, measured
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.checking.check_result import CheckResult, verdict
from autograder.checking.mistakes import Mistake, names
from autograder.checking.student import StudentSide
from course_utils.tiers import Scale, middle

# Of `Inspection`: the calibration's families lie far on either side (`test_inspection.py`).
POSITIONS_SHOW = 0.5
BORDER_SHOWS = 0.05
GAP = 0.1  # between the accuracies of the two corners


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
    mistake = _slow(found.inspection)
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


def in_the_way(found: Measured, scale: Scale) -> list[Mistake]:
    """Return what stands in the way of the highest tier, the worst first."""
    seen = found.inspection
    left, right = found.top_left, found.bottom_right
    said: list[Mistake] = []
    if found.confusion is None and right == 0.0:
        words = "Once trained, it answers with numbers that are infinite or no numbers (NaN). Look "
        words += "for a division by something that may be zero, and for exp or log of large or "
        words += "negative numbers."
        return [Mistake("improved-nan", words)]
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
