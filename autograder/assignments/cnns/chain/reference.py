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

from autograder.assignments.cnns.steps import POOLS, changed_image
from autograder.checking import error_bounds
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

Rescale = Callable[[Bounded], Bounded]
Start = Callable[[Tensor], Bounded]


def _rescaled(value: Callable[[Tensor], Tensor], size: Callable[[Tensor], Tensor]) -> Rescale:
    """Return a rescaling by a size that the values themselves have; each error may shift it."""

    def rescale(x: Bounded) -> Bounded:
        worst = torch.as_tensor(0.0) if x.error is None else x.error.max()
        scaled = value(x.value) / size(x.value)
        return Bounded(scaled, (8 * worst / size(x.value).abs()).expand_as(scaled))

    return rescale


def _moved(move: Callable[[Tensor], Tensor]) -> Rescale:
    """Return what only moves the activations."""
    return lambda x: Bounded(move(x.value), None if x.error is None else move(x.error))


RESCALES: dict[str, Rescale] = {
    "none": lambda x: x,
    "relu": lambda x: error_bounds.apply("relu", x),
    "sigmoid": lambda x: error_bounds.apply("sigmoid", x),
    "tanh": lambda x: error_bounds.apply("tanh", x),
    "abs": lambda x: Bounded(x.value.abs(), x.error),
    "clamp": lambda x: Bounded(x.value.clamp(0, 1), x.error),
    "min-max": _rescaled(lambda v: v - v.min(), lambda v: v.max() - v.min()),
    "by largest": _rescaled(lambda v: v, lambda v: v.abs().max()),
    "by maximum": _rescaled(lambda v: v, lambda v: v.max()),
    "by norm": _rescaled(lambda v: v, lambda v: v.norm()),
    "standardise": _rescaled(lambda v: v - v.mean(), lambda v: v.std()),
    "centre": _rescaled(lambda v: v - v.mean(), torch.ones_like),
    "mirrored": _moved(lambda v: v.flip(-1)),
    "upside down": _moved(lambda v: v.flip(-2)),
    "turned": _moved(lambda v: v.flip(-1, -2)),
    "transposed": _moved(lambda v: v.mT),
}

KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
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

SECOND_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
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


def run_chain(
    spec: ChainSpec, image: Tensor, kernel: Tensor, start: Start = error_bounds.exact
) -> Bounded | None:
    """Return the chain's output (1, h, w), or None where the image is too small for it.

    Args:
        spec: the chain.
        image: (3, H, W) float32.
        kernel: (1, 3, 3, 3) float32 with three equal channel slices.
        start: `error_bounds.rough` for a quick look, without bounds.
    """
    x = changed_image(spec.image, start(image))
    x = of_colours(spec.channels, x)
    convolutions = 0
    try:
        for step in spec.order:
            if step == "p":
                x = POOLS[spec.pool].run(x)
                continue
            x = convolution(spec, min(convolutions, 1), x, kernel)
            convolutions += 1
            if convolutions == 1:
                x = error_bounds.apply(spec.between, x)
        return RESCALES[spec.rescale](x)
    except RuntimeError:  # torch: the kernel or the window is larger than what is left
        return None


def right_answer(image: Tensor, kernel: Tensor) -> Bounded:
    """Return what `CHAIN` gives for an image that is large enough for it."""
    answer = run_chain(CHAIN, image, kernel)
    assert answer is not None, "every image that is asked about is large enough"
    return answer


def convolution(spec: ChainSpec, which: int, x: Bounded, kernel: Tensor) -> Bounded:
    """Return what the chain's first (0) or second (1) convolution makes of `x` (..., C, h, w)."""
    kernel = KERNELS[spec.kernels[which]](kernel)
    weight, groups = _weight(spec, kernel, x.value.shape[-3], which == 0)
    how = (spec.paddings[which], spec.strides[which], spec.dilations[which], groups)
    return error_bounds.conv2d(x, weight, None, *how)


def of_colours(channels: str, x: Bounded) -> Bounded:
    """Return what becomes of the colours of `x` (C, h, w) before the first convolution."""
    if channels == "one":
        return Bounded(x.value[:1], None if x.error is None else x.error[:1])
    return error_bounds.mean(x, dim=0) if channels == "mean" else x


def _weight(spec: ChainSpec, kernel: Tensor, channels: int, first: bool) -> tuple[Tensor, int]:
    """Return what a convolution of that many channels is given, and its groups."""
    weight = kernel[:, :channels] if first else SECOND_KERNELS[spec.second_kernel](kernel)
    if not spec.channels.startswith("apart") or channels == 1:
        return weight, 1
    if first or spec.channels == "apart":
        return weight[:, :1].expand(channels, -1, -1, -1), channels
    return kernel, 1
