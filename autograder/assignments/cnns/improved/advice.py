"""What stands in the way of more points for `ImprovedNet`, and what to try.

Each sentence is said only where `inspection` has seen that it is true of this very network.
"""

from __future__ import annotations

from dataclasses import replace

from autograder.assignments.cnns.improved.inspection import BORDER_SHOWS, POSITIONS_SHOW, Inspection
from autograder.assignments.cnns.improved.training_runs import Found
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.checking.mistakes import Mistake
from autograder.checking.trained.runs import finite
from autograder.checking.trained.verdicts import NOT_FINITE
from course_utils.scale import Scale
from course_utils.signs import CLASSES

GAP = 0.1  # between the accuracies of the two corners
_MUCH_LESS = 0.25  # of what a move to another corner changes
_ALIKE = 0.5  # averages that differ less from digit to digit, relative to their size


def in_the_way(about: Found, scale: Scale) -> list[Mistake]:
    """Return what stands in the way of the highest mark, the worst first."""
    no_numbers = not_finite(about)
    if no_numbers is not None:
        return [no_numbers]
    seen = about.inspection
    counted = about.measured.counted
    left, right = counted["top_left"], counted["bottom_right"]
    said = _first(seen)
    if not (seen.chance or seen.constant):
        said += _places(seen, left - right)
    if left < scale.highest("bottom_right").accuracy and not _first(seen):
        besides = "Besides, it learns" if said else "It learns"
        said.append(slow(seen, f"{besides} too slowly for the budget."))
    limit = parameter_count(net_spec())
    if seen.parameters >= limit:
        words = f"It has {seen.parameters:,} parameters, and Net has {limit:,}: the fix needs "
        words += "fewer."
        if seen.largest_name:
            words += f" The largest is `{seen.largest_name}`."
        said.append(Mistake("improved-parameters", words))
    return said


def not_finite(about: Found) -> Mistake | None:
    """Return that a trained network answers with no numbers, if it does."""
    return None if finite(about.measured) else Mistake("improved-nan", NOT_FINITE)


def slow(seen: Inspection, opening: str) -> Mistake:
    """Return why a network may need more steps than there are, behind an opening sentence."""
    mistake = _slow(seen)
    return replace(mistake, words=f"{opening} {mistake.words}")


def _slow(seen: Inspection) -> Mistake:
    first = _first(seen)
    if first:
        return first[0]
    if 0 < seen.narrowest < CLASSES and seen.rank <= seen.narrowest:
        words = f"All that it knows of an image passes through {seen.narrowest} numbers "
        words += f"(into `{seen.narrowest_name}`), fewer than there are classes. Such a bottleneck "
        return Mistake("improved-bottleneck", words + "learns slowly: let more numbers through.")
    if seen.averages is not None and seen.averages < _ALIKE:
        words = "It averages feature maps. Before training, these averages differ by only "
        words += f"{seen.averages:.0%} from one digit to another: its last layers have little to "
        words += "tell digits apart."
        if not seen.normalises:
            words += " What could bring the averages to one scale before these layers?"
        return Mistake("improved-slow", words)
    words = "Print mean and spread of what reaches its last layer, for a batch of digits: what is "
    return Mistake("improved-slow", words + "small, or hardly differs, is learned slowly.")


def _first(seen: Inspection) -> list[Mistake]:
    """Return what explains all else, so that it is looked for first."""
    said = []
    if seen.chance:
        words = "In eval mode, the same images get other answers the second time: chance takes "
        words += "part. Look for random numbers in forward, and for F.dropout without "
        said.append(Mistake("improved-random", words + "training=self.training."))
    if seen.never_learns:
        names = ", ".join(f"`{name}`" for name in seen.never_learns)
        words = f"Training does not change {names}: no gradient gets there. Look for "
        words += "requires_grad, torch.no_grad(), .detach() and .data."
        said.append(Mistake("improved-frozen", words))
    if seen.constant and not seen.chance:
        words = "Before training, every digit gets the same answer. Are weights set to zero, or is "
        words += "there a line in forward that does not use the image?"
        said.append(Mistake("improved-constant", words))
    return said


def _places(seen: Inspection, gap: float) -> list[Mistake]:
    """Return why a network's answer depends on where the digit stands, if it does.

    Args:
        seen: what shows without training.
        gap: how much more accurate it is in the top left than in the bottom right.
    """
    moves = "Even before training, its answer changes when a digit moves "
    elsewhere = seen.border > BORDER_SHOWS and gap > GAP
    depends = seen.interior > POSITIONS_SHOW
    if elsewhere and not depends:
        if seen.jumps:
            still, moved = seen.jumps
            words = moves + f"by {moved} pixels, but hardly when it moves by {still}: it sees an "
            words += "image in blocks, which strides and poolings make. From the top left to the "
            words += "bottom right a digit moves by 28 pixels. Is that a whole number of blocks?"
            return [Mistake("improved-stride", words)]
        depends = seen.interior > max(BORDER_SHOWS, _MUCH_LESS * seen.border)
    if depends:
        words = moves + "by a few pixels in the middle of the image. So something in it depends on "
        words += "the position, such as a layer with a weight for each position."
        if seen.widest_name:
            words += f" `{seen.widest_name}` takes {seen.widest:,} numbers at once: what do they "
            words += "stand for?"
        return [Mistake("improved-positions", words)]
    if not elsewhere:
        return []
    if seen.background:
        words = moves + "into another corner. With the biases of the convolutions at zero it "
        words += "hardly does. So the biases are the cause: what do they make of the black "
        words += "background, and what of the zeros of a padding?"
        return [Mistake("improved-background", words)]
    words = moves + "into another corner, but hardly when it moves in the middle of the image. "
    words += "So it sees the border of the image. At how many positions does a kernel touch a "
    words += "pixel at the border, and at how many one inside?"
    return [Mistake("improved-border", words)]
