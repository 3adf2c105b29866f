"""The judge's own conv-pool-conv chain, and the mistakes that students make with it.

See `net.reference` for the idea: a chain is described by a `ChainSpec`, `CHAIN` is the right one,
and `chain_mistakes` says in words where another departs from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import combinations

import torch
from torch import Tensor

from autograder.assignments.cnns.steps import IMAGE_WORDS, POOLS, changed_image
from autograder.checking import error_bounds
from autograder.checking.error_bounds import Bounded
from autograder.checking.mistakes import Mistake


@dataclass(frozen=True)
class ChainSpec:
    """A chain of convolutions and poolings on one image.

    Attributes:
        order: the steps: "c" convolution, "p" pooling.
        image: what is done to the image before: a key of `IMAGES`.
        paddings: zero padding of the first and the second convolution.
        strides: of the first and the second convolution.
        dilations: of the first and the second convolution.
        pool: a key of `POOLS`.
        between: what is applied after the first convolution.
        rescale: what is applied at the end: a key of `RESCALES`.
        second_kernel: a key of `SECOND_KERNELS`.
        kernel: what is done to the kernel before: a key of `KERNELS`.
        channels: what becomes of the image's colours: a key of `COLOURS`, or "all".
    """

    order: str = "cpc"
    image: str = "none"
    paddings: tuple[int, int] = (0, 0)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pool: str = "max"
    between: str = "none"
    rescale: str = "none"
    second_kernel: str = "first channel"
    kernel: str = "none"
    channels: str = "all"


CHAIN = ChainSpec()

Rescale = Callable[[Bounded], Bounded]


def _rescaled(value: Callable[[Tensor], Tensor], size: Callable[[Tensor], Tensor]) -> Rescale:
    """Return a rescaling by a size that the values themselves have; each error may shift it."""

    def rescale(x: Bounded) -> Bounded:
        worst = torch.as_tensor(0.0) if x.error is None else x.error.max()
        scaled = value(x.value) / size(x.value)
        return Bounded(scaled, (8 * worst / size(x.value).abs()).expand_as(scaled))

    return rescale


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
}
_RESCALE_WORDS = {
    "relu": "a ReLU is applied to the result",
    "sigmoid": "a sigmoid is applied to the result",
    "tanh": "a tanh is applied to the result",
    "abs": "the absolute value of the result is taken",
    "clamp": "the result is clipped to [0, 1]",
    "min-max": "the result is rescaled to [0, 1]",
    "by largest": "the result is divided by its largest absolute value",
    "by maximum": "the result is divided by its maximum",
    "by norm": "the result is divided by its norm",
    "standardise": "the result is brought to mean 0 and standard deviation 1",
    "centre": "the mean of the result is subtracted from it",
}

COLOURS = {  # besides "all", which a convolution adds up
    "one": "only the first channel of the image is used",
    "mean": "the three colours are averaged; a convolution adds them up",
    "apart": "each colour is convolved on its own, and three channels come out instead of one",
    "apart, then added": "each colour is convolved and pooled on its own; the first convolution "
    "already adds them up",
}

KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda kernel: kernel,
    "turned": lambda kernel: kernel.flip(2, 3),
    "upside down": lambda kernel: kernel.flip(2),
    "mirrored": lambda kernel: kernel.flip(3),
    "transposed": lambda kernel: kernel.transpose(2, 3),
}
_KERNELS_WORDS = {
    "turned": "the kernel is turned by 180 degrees",
    "upside down": "the rows of the kernel come in reverse order",
    "mirrored": "the columns of the kernel come in reverse order",
    "transposed": "rows and columns of the kernel are exchanged, in both convolutions",
}

SECOND_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "first channel": lambda kernel: kernel[:, :1],
    "sum": lambda kernel: kernel.sum(dim=1, keepdim=True),
    "transposed": lambda kernel: kernel[:, :1].transpose(2, 3),
}
_POOL_WORDS = {
    "avg": "there is average pooling instead of max pooling",
    "max, stride 1": "the pooling has stride 1 instead of 2",
    "max, 3x3": "the pooling has windows of 3x3 instead of 2x2",
    "max, 3x3, stride 2": "the pooling has windows of 3x3 instead of 2x2, and they overlap",
    "max, rounded up": "the pooling rounds up: blocks that stick out of the image count too",
    "max, padded": "the pooling has padding",
    "max, 3x3, stride 2, padded": "the pooling has padding, and windows of 3x3 that overlap",
    "min": "the pooling keeps the smallest value of each block instead of the largest",
    "largest, with sign": "the pooling keeps the value farthest from zero of each block, with its "
    "sign, instead of the largest",
    "every other": "the pooling keeps the first value of each block instead of the largest",
    "sum": "the pooling adds up each block instead of keeping the largest value",
}
_KERNEL_WORDS = {
    "sum": "the second convolution uses all three channel slices of the kernel, not one",
    "transposed": "rows and columns of the kernel are exchanged in the second convolution",
}
_BETWEEN = {"relu": "ReLU"}
_ORDER_WORDS = {
    "pcc": "the pooling comes before both convolutions",
    "ccp": "the pooling comes after both convolutions",
    "cc": "the max pooling is missing",
    "cp": "the second convolution is missing",
    "pc": "the first convolution is missing",
    "c": "there is one convolution and nothing else",
    "cpcp": "there is a second pooling, after the last convolution",
    "cppc": "the max pooling comes twice",
    "cpcc": "there is a third convolution",
}


def random_kernel(rng: torch.Generator) -> Tensor:
    """Return a kernel (1, 3, 3, 3) float32 whose three channel slices are equal.

    Its entries have mean -0.1 and standard deviation 1. So on images in [0, 1] the activations have
    both signs, before pooling and after it, and a ReLU on the way shows.
    """
    entries = torch.randn(1, 1, 3, 3, generator=rng, dtype=torch.float32)
    return ((entries - entries.mean()) / entries.std() - 0.1).repeat(1, 3, 1, 1)


def run_chain(spec: ChainSpec, image: Tensor, kernel: Tensor) -> Bounded | None:
    """Return the chain's output (1, h, w), or None where the image is too small for it.

    Args:
        spec: the chain.
        image: (3, H, W) float32.
        kernel: (1, 3, 3, 3) float32 with three equal channel slices.
    """
    x = changed_image(spec.image, error_bounds.exact(image))
    x = _colours(spec.channels, x)
    convolutions = 0
    kernel = KERNELS[spec.kernel](kernel)
    try:
        for step in spec.order:
            if step == "p":
                x = POOLS[spec.pool].run(x)
                continue
            weight, groups = _weight(spec, kernel, len(x.value), convolutions == 0)
            which = min(convolutions, 1)
            how = (spec.paddings[which], spec.strides[which], spec.dilations[which], groups)
            x = error_bounds.conv2d(x, weight, None, *how)
            convolutions += 1
            if convolutions == 1:
                x = error_bounds.apply(spec.between, x)
        return RESCALES[spec.rescale](x)
    except RuntimeError:  # torch: the kernel or the window is larger than what is left
        return None


def _colours(channels: str, x: Bounded) -> Bounded:
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


def chain_mistakes(spec: ChainSpec) -> list[Mistake]:
    """Return in words where `spec` departs from `CHAIN`."""
    found = []
    if spec.image != CHAIN.image:
        found.append(Mistake("chain-input", IMAGE_WORDS[spec.image]))
    if spec.order != CHAIN.order:
        found.append(Mistake("chain-order", _ORDER_WORDS[spec.order]))
    for what, values, usual in (
        ("padding", spec.paddings, 0),
        ("stride", spec.strides, 1),
        ("dilation", spec.dilations, 1),
    ):
        for which, value in zip(("first", "second"), values, strict=True):
            if value != usual:
                words = f"the {which} convolution has {what} {value}"
                found.append(Mistake(f"chain-{what}", words))
    if spec.pool != CHAIN.pool:
        found.append(Mistake("chain-pool", _POOL_WORDS[spec.pool]))
    if spec.between != CHAIN.between:
        words = f"there is a {_BETWEEN.get(spec.between, spec.between)} between the convolutions"
        if spec.between == "abs":
            words = "the pooling keeps the largest absolute value of each block, not the largest"
        found.append(Mistake("chain-between", words))
    if spec.second_kernel != CHAIN.second_kernel:
        words = _KERNEL_WORDS[spec.second_kernel]
        found.append(Mistake("chain-kernel", words))
    if spec.kernel != CHAIN.kernel:
        name = "chain-kernel" if spec.kernel == "transposed" else "chain-flipped"
        found.append(Mistake(name, _KERNELS_WORDS[spec.kernel]))
    if spec.channels != CHAIN.channels:
        found.append(Mistake("chain-channels", COLOURS[spec.channels]))
    if spec.rescale != CHAIN.rescale:
        found.append(Mistake("chain-rescale", _RESCALE_WORDS[spec.rescale]))
    return found


def departures(spec: ChainSpec) -> int:
    """Return how many mistakes make a chain of `CHAIN`; the same in both convolutions is one."""
    changed = sum(getattr(spec, field.name) != getattr(CHAIN, field.name) for field in fields(spec))
    return changed + (spec.order == "c")  # two steps are missing


def wrong_chains() -> Iterator[ChainSpec]:
    """Yield every chain with one mistake, then every chain with two."""
    changes: list[dict[str, object]] = [{"order": order} for order in _ORDER_WORDS]
    changes += [{"paddings": (p, q)} for p in (0, 1, 2) for q in (0, 1, 2) if p or q]
    for field in ("strides", "dilations"):
        changes += [{field: pair} for pair in ((2, 2), (2, 1), (1, 2))]
    changes += [{"pool": pool} for pool in _POOL_WORDS]
    changes += [{"between": name} for name in ("relu", "sigmoid", "tanh", "abs")]
    changes += [{"rescale": name} for name in RESCALES if name != "none"]
    changes += [{"second_kernel": name} for name in _KERNEL_WORDS]
    changes += [{"kernel": name} for name in _KERNELS_WORDS]
    changes += [{"image": name} for name in IMAGE_WORDS]
    changes += [{"channels": name} for name in COLOURS]
    for change in changes:
        yield replace(CHAIN, **change)  # type: ignore[arg-type]
    for one, other in combinations(changes, 2):
        if not one.keys() & other.keys():
            yield replace(CHAIN, **one, **other)  # type: ignore[arg-type]
