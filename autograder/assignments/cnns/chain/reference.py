"""The judge's own conv-pool-conv chain.

See `net.reference` for the idea: a chain is described by a `ChainSpec`, and `CHAIN` is the right
one (`mistakes` says in words where another departs from it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.steps import IMAGES, POOLS
from autograder.checking import error_bounds
from autograder.checking.activations import ACTIVATIONS
from autograder.checking.error_bounds import Bounded

Size = int | tuple[int, int]  # for both directions, or down and across


@dataclass(frozen=True)
class ChainSpec:
    """A chain of convolutions and poolings on one image.

    Attributes:
        image: what is done to the image before: a key of `IMAGES`.
        order: the steps: "c" convolution, "p" pooling.
        paddings: zero padding of the first and the second convolution.
        strides: of the first and the second convolution.
        dilations: of the first and the second convolution.
        pool: a key of `POOLS`.
        between: what is applied after the first convolution.
        second_kernel: which slices the second convolution takes: a key of `SECOND_KERNELS`.
        kernels: what is done to the kernel before the first and the second convolution: keys of
            `KERNELS`.
        channels: what becomes of the image's colours: "all", or a key of `mistakes.COLOURS`.
        rescale: what is done to the result: a key of `RESCALES`.
    """

    image: str = "none"
    order: str = "cpc"
    paddings: tuple[Size, Size] = (0, 0)
    strides: tuple[Size, Size] = (1, 1)
    dilations: tuple[Size, Size] = (1, 1)
    pool: str = "max"
    between: str = "none"
    second_kernel: str = "first channel"
    kernels: tuple[str, str] = ("none", "none")
    channels: str = "all"
    rescale: str = "none"


CHAIN = ChainSpec()

Change = Callable[[Tensor], Tensor]

RESCALES: dict[str, Change] = {
    "none": lambda v: v,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "abs": torch.abs,
    "clamp": lambda v: v.clamp(0, 1),
    "min-max": lambda v: (v - v.min()) / (v.max() - v.min()),
    "by largest": lambda v: v / v.abs().max(),
    "by maximum": lambda v: v / v.max(),
    "by norm": lambda v: v / v.norm(),
    "standardise": lambda v: (v - v.mean()) / v.std(),
    "centre": lambda v: v - v.mean(),
    "mirrored": lambda v: v.flip(-1),
    "upside down": lambda v: v.flip(-2),
    "turned": lambda v: v.flip(-1, -2),
    "transposed": lambda v: v.mT,
}

KERNELS: dict[str, Change] = {
    "none": lambda kernel: kernel,
    "turned": lambda kernel: kernel.flip(2, 3),
    "upside down": lambda kernel: kernel.flip(2),
    "mirrored": lambda kernel: kernel.flip(3),
    "transposed": lambda kernel: kernel.transpose(2, 3),
    "quarter turn": lambda kernel: kernel.rot90(1, (2, 3)),
    "quarter turn back": lambda kernel: kernel.rot90(-1, (2, 3)),
    "absolute": torch.abs,
    "less its mean": lambda kernel: kernel - kernel.mean(),
}

SECOND_KERNELS: dict[str, Change] = {
    "first channel": lambda kernel: kernel[:, :1],
    "sum": lambda kernel: kernel.sum(dim=1, keepdim=True),
}


def conv_pool_conv(image: Tensor, kernel: Tensor) -> Tensor:
    """Return what the exercise asks for, as ordinary PyTorch code: the chain whose steps are read.

    Args:
        image: (3, H, W).
        kernel: (1, 3, 3, 3), three equal slices.
    """
    x = F.conv2d(image, kernel)
    x = F.max_pool2d(x, 2)
    return F.conv2d(x, kernel[:, :1])


def random_kernel(rng: torch.Generator) -> Tensor:
    """Return a kernel (1, 3, 3, 3) float32 whose three channel slices are equal.

    Its entries have mean -0.1 and standard deviation 1. So on images in [0, 1] the activations have
    both signs, before pooling and after it, and a ReLU on the way shows.
    """
    entries = torch.randn(1, 1, 3, 3, generator=rng, dtype=torch.float32)
    return ((entries - entries.mean()) / entries.std() - 0.1).repeat(1, 3, 1, 1)


def right_answer(image: Tensor, kernel: Tensor) -> Bounded:
    """Return what `conv_pool_conv` gives, and how far float32 may be off."""
    first = error_bounds.conv2d(error_bounds.exact(image), kernel)
    return error_bounds.conv2d(error_bounds.max_pool(first), kernel[:, :1])


def run_chain(spec: ChainSpec, image: Tensor, kernel: Tensor) -> Tensor | None:
    """Return a chain's output (1, h, w), or None where the image is too small for it.

    Args:
        spec: the chain.
        image: (3, H, W).
        kernel: (1, 3, 3, 3) with three equal channel slices.
    """
    x = of_colours(spec.channels, IMAGES[spec.image](image))
    convolutions = 0
    try:
        for step in spec.order:
            if step == "p":
                x = POOLS[spec.pool](x)
                continue
            x = convolution(spec, min(convolutions, 1), x, kernel)
            convolutions += 1
            if convolutions == 1:
                x = ACTIVATIONS[spec.between](x)
        return RESCALES[spec.rescale](x)
    except RuntimeError:  # torch: the kernel or the window is larger than what is left
        return None


def convolution(spec: ChainSpec, which: int, x: Tensor, kernel: Tensor) -> Tensor:
    """Return what the chain's first (0) or second (1) convolution makes of `x` (C, h, w)."""
    kernel = KERNELS[spec.kernels[which]](kernel)
    weight, groups = _weight(spec, kernel, x.shape[-3], which == 0)
    how = (spec.strides[which], spec.paddings[which], spec.dilations[which], groups)
    return F.conv2d(x, weight, None, *how)


def of_colours(channels: str, x: Tensor) -> Tensor:
    """Return what becomes of the colours of `x` (C, h, w) before the first convolution."""
    if channels == "one":
        return x[:1]
    return x.mean(0, keepdim=True) if channels == "mean" else x


def _weight(spec: ChainSpec, kernel: Tensor, channels: int, first: bool) -> tuple[Tensor, int]:
    """Return what a convolution of that many channels is given, and its groups."""
    weight = kernel[:, :channels] if first else SECOND_KERNELS[spec.second_kernel](kernel)
    if not spec.channels.startswith("apart") or channels == 1:
        return weight, 1
    if first or spec.channels == "apart":
        return weight[:, :1].expand(channels, -1, -1, -1), channels
    return kernel, 1
