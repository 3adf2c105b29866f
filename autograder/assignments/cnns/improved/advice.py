"""What stands in the way of more points for `ImprovedNet`, and what to try."""

from __future__ import annotations

from dataclasses import replace

from autograder.assignments.cnns.improved.confusion import CLASSES
from autograder.assignments.cnns.improved.inspection import Inspection
from autograder.assignments.cnns.improved.training_runs import Measured
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.checking.mistakes import Mistake
from course_utils.tiers import Scale

# Of `Inspection`: the calibration's families lie far on either side (`test_inspection.py`).
POSITIONS_SHOW = 0.5
BORDER_SHOWS = 0.05
GAP = 0.1  # between the accuracies of the two corners


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
        mistake = slow(seen)
        words = f"It learns too slowly for the budget. {mistake.words}"
        said.append(replace(mistake, words=words))
    limit = parameter_count(net_spec())
    if seen.parameters >= limit:
        words = f"It has {seen.parameters:,} parameters, Net has {limit:,}: the fix needs fewer."
        said.append(Mistake("improved-parameters", words))
    return said


def slow(seen: Inspection) -> Mistake:
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
