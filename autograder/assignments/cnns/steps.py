"""What students do to images and feature maps, right or wrong: steps of both exercises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.checking import error_bounds
from autograder.checking.error_bounds import Bounded

_ULPS = 4.0  # what float32 may be off in a change of the image

IMAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda v: v,
    "to [-1, 1]": lambda v: 2 * v - 1,
    "less a half": lambda v: v - 0.5,
    "like MNIST's": lambda v: (v - 0.1307) / 0.3081,
    "standardised": lambda v: (v - v.mean()) / v.std(),
    "less its mean": lambda v: v - v.mean(),
    "inverted": lambda v: 1 - v,
    "by 255": lambda v: v / 255,
    "times 255": lambda v: v * 255,
    "mirrored": lambda v: v.flip(-1),
    "upside down": lambda v: v.flip(-2),
    "transposed": lambda v: v.mT,
}
IMAGE_WORDS = {
    "to [-1, 1]": "the image is brought from [0, 1] to [-1, 1] first",
    "less a half": "0.5 is subtracted from the image first",
    "like MNIST's": "the image is normalised with MNIST's mean and standard deviation first",
    "standardised": "the image is brought to mean 0 and standard deviation 1 first",
    "less its mean": "the mean of the image is subtracted from it first",
    "inverted": "dark and bright are exchanged in the image first",
    "by 255": "the image is divided by 255 first",
    "times 255": "the image is multiplied by 255 first",
    "mirrored": "the columns of the image come in reverse order",
    "upside down": "the rows of the image come in reverse order",
    "transposed": "rows and columns of the image are exchanged first",
}


def changed_image(name: str, x: Bounded) -> Bounded:
    """Return one of `IMAGES` of an image that is known without error."""
    if name == "none":
        return x
    value = IMAGES[name](x.value)
    error = _ULPS * error_bounds.UNIT_ROUNDOFF * (value.abs() + 1)
    return Bounded(value, None if x.error is None else error)


@dataclass(frozen=True)
class Pool:
    """A way to pool feature maps.

    Attributes:
        run: the pooling.
        size: from height (= width) before to height after.
        first: whether it comes before the activation; max pooling is the same either way.
    """

    run: Callable[[Bounded], Bounded]
    size: Callable[[int], int]
    first: bool = False


def _pooled(x: Bounded, pool: Callable[[Tensor], Tensor]) -> Bounded:
    """Return a pooling of values whose errors pool alike."""
    return Bounded(pool(x.value), None if x.error is None else pool(x.error))


def _min_pool(x: Bounded) -> Bounded:
    error = None if x.error is None else F.max_pool2d(x.error, 2)
    return Bounded(-F.max_pool2d(-x.value, 2), error)


def _largest_with_sign(v: Tensor) -> Tensor:
    high, low = F.max_pool2d(v, 2), F.max_pool2d(-v, 2)
    return torch.where(high >= low, high, -low)


def _every_other(v: Tensor) -> Tensor:
    return v[..., : v.shape[-2] // 2 * 2 : 2, : v.shape[-1] // 2 * 2 : 2]


POOLS: dict[str, Pool] = {
    "max": Pool(error_bounds.max_pool, lambda n: n // 2),
    "avg": Pool(error_bounds.avg_pool, lambda n: n // 2),
    "avg, first": Pool(error_bounds.avg_pool, lambda n: n // 2, first=True),
    "none": Pool(lambda x: x, lambda n: n),
    "max twice": Pool(lambda x: error_bounds.max_pool(error_bounds.max_pool(x)), lambda n: n // 4),
    "max, stride 1": Pool(lambda x: error_bounds.max_pool(x, 2, 1), lambda n: n - 1),
    "max, 3x3": Pool(lambda x: error_bounds.max_pool(x, 3, 3), lambda n: n // 3),
    "max, 3x3, stride 1": Pool(lambda x: error_bounds.max_pool(x, 3, 1), lambda n: n - 2),
    "max, 3x3, stride 2": Pool(lambda x: error_bounds.max_pool(x, 3, 2), lambda n: (n - 1) // 2),
    "max, rounded up": Pool(
        lambda x: _pooled(x, lambda v: F.max_pool2d(v, 2, ceil_mode=True)), lambda n: (n + 1) // 2
    ),
    "max, padded": Pool(
        lambda x: _pooled(x, lambda v: F.max_pool2d(v, 2, padding=1)), lambda n: n // 2 + 1
    ),
    "max, 3x3, stride 2, padded": Pool(
        lambda x: _pooled(x, lambda v: F.max_pool2d(v, 3, 2, 1)), lambda n: (n - 1) // 2 + 1
    ),
    "max, dilated": Pool(
        lambda x: _pooled(x, lambda v: F.max_pool2d(v, 2, dilation=2)), lambda n: (n - 1) // 2
    ),
    "min": Pool(_min_pool, lambda n: n // 2),
    "largest, with sign": Pool(
        lambda x: _pooled(x, _largest_with_sign), lambda n: n // 2, first=True
    ),
    "every other": Pool(lambda x: _pooled(x, _every_other), lambda n: n // 2),
    "sum": Pool(lambda x: _pooled(x, lambda v: 4 * F.avg_pool2d(v, 2)), lambda n: n // 2),
}
