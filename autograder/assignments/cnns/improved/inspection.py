"""What shows of a network without training: does its answer depend on where the digit stands?

Two measurements on fresh weights tell the two causes apart. A digit that moves by a few pixels in
the middle of the canvas leaves convolutions and pooling over positions unmoved, and changes what a
layer with a weight for each position puts out. A digit that moves from corner to corner changes,
in a network without such a layer, only what the convolutions see of the border.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.checking.criteria import alike
from autograder.checking.student import Model, ParameterInfo, as_logits
from course_utils.data import load_digits_subset
from course_utils.signs import CLASSES
from course_utils.training import IMAGE_SIZE

# The calibration's families lie far on either side (`test_inspection.py`).
POSITIONS_SHOW = 0.5
BORDER_SHOWS = 0.05
LOOKED_AT = 64  # digits
_DIGIT = 28  # pixels
_FIRST = 10  # pixels: where a digit stands
# Pixels. Poolings and patches are blind to a shift by a multiple of their stride; a layer with a
# weight for each position is blind to none.
_SHIFTS = (8, 12, 14, 16)
_FEW = 8  # digits, where fewer do
_BLIND, _MOST = 0.1, 0.5  # of what changes between the corners
_MIN_AREA = 16  # positions of a map whose mean is worth the name
_ROUNDING = 1e-6  # relative to the answers: what rounding makes of equal ones
_RANK_TOLERANCE = 1e-4  # relative to the largest singular value: float32 leaves some 1e-6


@dataclass(frozen=True)
class Inspection:
    """What shows of an untrained network.

    Attributes:
        interior: how much its answers change when digits move in the middle of the canvas, by the
            shift that changes them least, relative to how much they differ from digit to digit: 0
            for none, about 1 for two random answers.
        border: the same from the top-left to the bottom-right corner.
        narrowest: how many numbers pass into its narrowest linear layer.
        narrowest_name: the name of that layer, as the hand-in has it.
        widest: how many numbers the layer takes that sees most at once, if these are more than the
            channels of any convolution; else 0.
        widest_name: the name of that layer.
        parameters: their count.
        largest_name: the name of the largest one.
        rank: of its answers to many digits: at most as many numbers as pass through a bottleneck.
        averages: how much the means over feature maps that it takes last differ from digit to
            digit, relative to their size; None if it takes none, or goes on with maps.
        normalises: whether it has a layer that normalises.
        jumps: a shift that changes nothing, and one that does, where the way from corner to corner
            may be of the second kind; () where it is of the first.
        background: whether corners differ because of the biases of the convolutions alone.
        never_learns: the names of layers that no gradient reaches.
        chance: whether the same images get different answers in eval mode.
        constant: whether all digits get the same answer.
    """

    interior: float
    border: float
    narrowest: int
    narrowest_name: str
    widest: int
    widest_name: str
    parameters: int
    largest_name: str = ""
    rank: int = 0
    averages: float | None = None
    normalises: bool = False
    jumps: tuple[int, ...] = ()
    background: bool = False
    never_learns: tuple[str, ...] = ()
    chance: bool = False
    constant: bool = False


def inspect_untrained(model: Model) -> Inspection:
    """Return what shows of a fresh model without training; its biases may change."""
    digits = load_digits_subset().test_images[:LOOKED_AT]

    def asked(shown: Tensor) -> Callable[[int], Tensor]:
        return lambda place: as_logits(model.forward(at(shown, place)), len(shown), CLASSES).float()

    def between_corners(logits: Callable[[int], Tensor]) -> float:
        return _change(logits(0), logits(IMAGE_SIZE - _DIGIT))

    logits, quick = asked(digits), asked(digits[:_FEW])
    first, few = logits(_FIRST), at(digits[:_FEW], _FIRST)
    linear = [p for p in model.parameters if _fan_in(p) > 1]
    narrow = min(linear, key=_fan_in, default=None)
    channels = max((p.shape[0] for p in model.parameters if len(p.shape) == 4), default=0)
    wide = max((p for p in linear if _fan_in(p) > channels), key=_fan_in, default=None)
    large = max(model.parameters, key=lambda p: math.prod(p.shape), default=None)
    border = between_corners(logits)
    rank = _rank(first)
    return Inspection(
        interior=min(_change(first, logits(_FIRST + shift)) for shift in _SHIFTS),
        border=border,
        narrowest=_fan_in(narrow) if narrow else 0,
        narrowest_name=narrow.owner if narrow else "",
        widest=_fan_in(wide) if wide else 0,
        widest_name=wide.owner if wide else "",
        parameters=sum(math.prod(p.shape) for p in model.parameters),
        largest_name=large.name if large else "",
        rank=rank,
        averages=_averages(model.trace(few)),
        normalises=any("Norm" in p.kind for p in model.parameters),
        jumps=_jumps(quick, between_corners(quick)) if border > BORDER_SHOWS else (),
        never_learns=_never_learns(model, few[:2]),
        chance=not alike(quick(_FIRST), quick(_FIRST)),
        constant=rank == 0,
        # Last, since it changes the model.
        background=border > BORDER_SHOWS
        and _blind_without_biases(model, lambda: between_corners(quick)),
    )


def _blind_without_biases(model: Model, between_corners: Callable[[], float]) -> bool:
    """Return whether corners no longer differ once the biases of the convolutions are zero."""
    convolutions = {p.owner for p in model.parameters if len(p.shape) == 4}
    biases = [p for p in model.parameters if len(p.shape) == 1 and p.owner in convolutions]
    model.load({p.name: torch.zeros(p.shape) for p in biases})
    return bool(biases) and between_corners() < BORDER_SHOWS / 2


def _jumps(logits: Callable[[int], Tensor], border: float) -> tuple[int, ...]:
    """Return a shift that changes little and one that changes much, if 28 is of the second kind.

    28 pixels are 14 twice, and 12 and 16 after each other. Digits move around the middle, so that
    the border is as far as can be.

    Args:
        logits: for digits that stand there.
        border: what changes from corner to corner.
    """
    centre = (IMAGE_SIZE - _DIGIT) // 2
    pairs = {shift: (centre - shift // 2, centre + shift // 2) for shift in _SHIFTS}
    changes = {shift: _change(*map(logits, places)) for shift, places in pairs.items()}
    blind = [shift for shift in _SHIFTS if changes[shift] <= _BLIND * border]
    along = min(changes[14], max(changes[12], changes[16]))
    if not blind or along < _MOST * border:
        return ()
    return blind[0], next(shift for shift in _SHIFTS if changes[shift] >= along)


def _never_learns(model: Model, images: Tensor) -> tuple[str, ...]:
    """Return the layers that no gradient reaches, or parameters where it reaches others of one."""
    reached = model.reached(images)
    learning = {p.owner for p in model.parameters if p.name in reached} | {""}
    left = [p for p in model.parameters if p.name not in reached]
    return tuple(dict.fromkeys(p.name if p.owner in learning else p.owner for p in left))


def _rank(logits: Tensor) -> int:
    """Return the rank of logits (N, K) less their mean; K if they are not finite."""
    if not bool(logits.isfinite().all()):
        return logits.shape[1]
    values = torch.linalg.svdvals((logits - logits.mean(dim=0)).double())
    if values[0] <= _ROUNDING * logits.norm():
        return 0
    return int((values > _RANK_TOLERANCE * values[0]).sum())


def _averages(seen: Sequence[Tensor]) -> float | None:
    """Return how much means of feature maps differ from digit to digit, relative to their size.

    Args:
        seen: what went through a network, in its order.
    """
    seen = [x for x in seen if x.is_floating_point()]
    maps = [i for i, x in enumerate(seen) if x.dim() == 4 and x[0, 0].numel() >= _MIN_AREA]
    if not maps:
        return None
    behind = [x.flatten() for x in seen[maps[-1] + 1 :]]
    for mean in (seen[i].mean(dim=(2, 3)) for i in maps):
        if any(x.shape == mean.flatten().shape and alike(x, mean.flatten()) for x in behind):
            return float((mean - mean.mean(dim=0)).norm() / mean.norm())
    return None


def _change(before: Tensor, after: Tensor) -> float:
    """Return how much logits (N, K) change from one place to another, relative to their spread."""
    spread = torch.cat([part - part.mean(dim=0) for part in (before, after)])
    change = (before - after).square().mean().sqrt() / (spread.square().mean().sqrt() + 1e-12)
    return float(change) if bool(change.isfinite()) else 0.0


def at(digits: Tensor, corner: int) -> Tensor:
    """Return canvases (N, 1, 56, 56) float32 in [0, 1] with each digit at (corner, corner).

    Args:
        digits: (N, 28, 28) uint8.
        corner: row and column of the digit's first pixel.
    """
    N, H, W = digits.shape
    canvas = torch.zeros(N, 1, IMAGE_SIZE, IMAGE_SIZE)
    canvas[:, 0, corner : corner + H, corner : corner + W] = digits / 255
    return canvas


def _fan_in(parameter: ParameterInfo) -> int:
    """Return how many numbers a linear layer or a 1x1 convolution takes; 0 for anything else."""
    if len(parameter.shape) == 2 or (len(parameter.shape) == 4 and parameter.shape[2:] == (1, 1)):
        return parameter.shape[1]
    return 0
