"""What shows of a network without training: does its answer depend on where the digit stands?

Two measurements on fresh weights tell the two causes apart. A digit that moves by a few pixels in
the middle of the canvas leaves convolutions and pooling over positions unmoved, and changes what a
layer with a weight for each position puts out. A digit that moves from corner to corner changes,
in a network without such a layer, only what the convolutions see of the border.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.checking.criteria import alike
from autograder.checking.student import Model, ParameterInfo, as_logits
from course_utils.data import load_digits_subset
from course_utils.signs import CLASSES
from course_utils.training import IMAGE_SIZE

LOOKED_AT = 64  # digits
_FIRST = 10  # pixels: where a digit stands
# Pixels. Poolings and patches are blind to a shift by a multiple of their stride; a layer with a
# weight for each position is blind to none.
_SHIFTS = (8, 12, 14, 16)
_MIN_AREA = 16  # positions of a map whose mean is worth the name
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
        widest_name: the name of the layer that sees most numbers at once.
        widest: how many.
        parameters: their count.
        rank: of its answers to many digits: at most as many numbers as pass through a bottleneck.
        averages: whether it takes means over feature maps.
    """

    interior: float
    border: float
    narrowest: int
    narrowest_name: str
    widest: int
    widest_name: str
    parameters: int
    rank: int = 0
    averages: bool = True


def inspect_untrained(model: Model) -> Inspection:
    """Return what shows of a fresh model without training."""
    digits = load_digits_subset().test_images[:LOOKED_AT]
    corner = IMAGE_SIZE - digits.shape[-1]

    def logits(place: int) -> Tensor:
        return as_logits(model.forward(at(digits, place)), len(digits), CLASSES).float()

    first = logits(_FIRST)
    linear = [p for p in model.parameters if _fan_in(p) > 1]
    narrow = min(linear, key=_fan_in, default=None)
    wide = max(linear, key=_fan_in, default=None)
    return Inspection(
        interior=min(_change(first, logits(_FIRST + shift)) for shift in _SHIFTS),
        border=_change(logits(0), logits(corner)),
        narrowest=_fan_in(narrow) if narrow else 0,
        narrowest_name=narrow.owner if narrow else "",
        widest=_fan_in(wide) if wide else 0,
        widest_name=wide.owner if wide else "",
        parameters=sum(math.prod(p.shape) for p in model.parameters),
        rank=_rank(first),
        averages=_averages(model.trace(at(digits[:2], _FIRST))),
    )


def _rank(logits: Tensor) -> int:
    """Return the rank of logits (N, K) less their mean; K if they are not finite."""
    if not bool(logits.isfinite().all()):
        return logits.shape[1]
    values = torch.linalg.svdvals((logits - logits.mean(dim=0)).double())
    return int((values > _RANK_TOLERANCE * values[0]).sum())


def _averages(seen: Sequence[Tensor]) -> bool:
    """Return whether, of what went through a network, something is the mean of feature maps."""
    seen = [x for x in seen if x.is_floating_point()]
    maps = [x for x in seen if x.dim() == 4 and x.shape[2] * x.shape[3] >= _MIN_AREA]
    means = [x.mean(dim=(2, 3)).flatten() for x in maps]
    flat = [x.flatten() for x in seen]
    return any(x.shape == mean.shape and alike(x, mean) for mean in means for x in flat)


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
