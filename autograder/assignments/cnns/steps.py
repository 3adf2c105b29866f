"""What students do to images and feature maps, right or wrong: steps of both exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

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


def _largest_with_sign(v: Tensor) -> Tensor:
    high, low = F.max_pool2d(v, 2), F.max_pool2d(-v, 2)
    return torch.where(high >= low, high, -low)


def _max(*how: int, **named: Any) -> Callable[[Tensor], Tensor]:
    pool: Callable[..., Tensor] = F.max_pool2d
    return lambda v: pool(v, *how, **named)


POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "max": _max(2),
    "avg": lambda v: F.avg_pool2d(v, 2),
    "avg, first": lambda v: F.avg_pool2d(v, 2),
    "none": lambda v: v,
    "max twice": lambda v: F.max_pool2d(F.max_pool2d(v, 2), 2),
    "max, stride 1": _max(2, 1),
    "max, 3x3": _max(3),
    "max, 3x3, stride 1": _max(3, 1),
    "max, 3x3, stride 2": _max(3, 2),
    "max, rounded up": _max(2, ceil_mode=True),
    "max, padded": _max(2, padding=1),
    "max, 3x3, stride 2, padded": _max(3, 2, 1),
    "max, dilated": _max(2, dilation=2),
    "min": lambda v: -F.max_pool2d(-v, 2),
    "largest, with sign": _largest_with_sign,
    "every other": lambda v: v[..., : v.shape[-2] // 2 * 2 : 2, : v.shape[-1] // 2 * 2 : 2],
    "sum": lambda v: 4 * F.avg_pool2d(v, 2),
}
BEFORE_ACTIVATION = ("avg, first", "largest, with sign")


def pooled_size(name: str, size: int) -> int:
    """Return the height (= width) after one of `POOLS`; 0 where nothing is left."""
    try:
        return POOLS[name](torch.zeros(1, 1, size, size)).shape[-1]
    except RuntimeError:  # torch: the window is larger than the maps
        return 0
