"""The verdicts on what `ImprovedNet` learns, and what stands in the way of more points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder import calibration
from autograder.improved_confusion import measured_with_confusion
from autograder.improved_runs import CLASSES, Measured
from autograder.references import net_spec, parameter_count
from autograder.results import CheckResult, verdict
from autograder.student import Student
from autograder.traits import Traits
from course_utils.tiers import Scale, middle

# Of `Traits`. Untrained networks without a layer that sees positions have at most ... in the middle
# of the canvas; those with one have at least ...; see the calibration page.
POSITIONS_SHOW = 0.5
BORDER_SHOWS = 0.05
GAP = 0.1  # between the accuracies of the two corners


def top_left(student: Student, seed: int) -> CheckResult:
    """Returns the verdict on the top-left accuracy: 5 points."""
    scale = calibration.scale()
    found, _ = measured_with_confusion(student, seed, scale)
    tier, accuracies = scale.top_left, [run.top_left for run in found.runs]
    passed = scale.learned(found.runs)
    criterion = verdict(
        "accuracy on top-left digits",
        f"{tier.accuracy:.0%}",
        _shown(accuracies),
        passed,
        tier.points,
    )
    text = "" if passed else "Your network hardly learns within the budget. " + _slow(found.traits)
    return CheckResult((criterion,), text, figures={"top_left": middle(accuracies)})


def bottom_right(student: Student, seed: int) -> CheckResult:
    """Returns the verdict on the bottom-right accuracy: 20 points, in tiers."""
    scale = calibration.scale()
    found, confusion = measured_with_confusion(student, seed, scale)
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
        "top_left": middle([run.top_left for run in found.runs]),
        "bottom_right": middle(accuracies),
        "runs": len(found.runs),
        "steps": sum(run.steps for run in found.runs),
        "interior": found.traits.interior,
        "border": found.traits.border,
        "parameters": found.traits.parameters,
    }
    if confusion is not None:
        figures["confusion"] = confusion
    lost = reached < len(scale.bottom_right)
    return CheckResult(
        tuple(criteria), " ".join(advice(found, scale)) if lost else "", figures=figures
    )


def _shown(accuracies: Sequence[float]) -> str:
    runs = f", the middle one of {len(accuracies)} runs" if len(accuracies) > 1 else ""
    return f"{middle(accuracies):.1%}{runs}"


def advice(found: Measured, scale: Scale) -> list[str]:
    """Returns what stands in the way of the highest tier, most important first."""
    seen = found.traits
    left = middle([run.top_left for run in found.runs])
    right = middle([run.bottom_right for run in found.runs])
    said = []
    if seen.interior > POSITIONS_SHOW:
        said.append(
            "Before any training, its answer already changes when a digit moves a few pixels in "
            "the middle of the image: some layer has a weight for each position."
            + (
                f" `{seen.widest_name}` looks at {seen.widest:,} numbers at once: what do they "
                "stand for?"
                if seen.widest_name
                else " Which one?"
            )
        )
    elif seen.border > BORDER_SHOWS and left - right > GAP:
        said.append(
            "Before any training, its answer does not depend on where in the middle a digit "
            "stands, but it does on the corner: what you pool still shows the border of the image. "
            "How often does the kernel meet a pixel at the border, and how often one in the middle?"
        )
    if left < scale.bottom_right[-1].accuracy:
        said.append("It learns too slowly for the budget. " + _slow(seen))
    limit = parameter_count(net_spec())
    if seen.parameters >= limit:
        said.append(
            f"It has {seen.parameters:,} parameters, Net has {limit:,}: the fix needs fewer."
        )
    return said or [
        "It reads digits where it has seen them, and worse elsewhere: compare its accuracy in the "
        "two corners after each change that you make."
    ]


def _slow(seen: Traits) -> str:
    """Returns why a network may need more steps than there are."""
    if 0 < seen.narrowest < CLASSES:
        return (
            f"All it knows of an image passes through {seen.narrowest} numbers "
            f"(into `{seen.narrowest_name}`), fewer than there are classes: such a bottleneck "
            "learns slowly."
        )
    return (
        "Averages over a large image are small and much alike: what could bring them to one scale "
        "before the last layer?"
    )
