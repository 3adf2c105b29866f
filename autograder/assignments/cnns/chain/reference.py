"""The judge's own conv-pool-conv chain, and the mistakes that students make with it.

See `net.reference` for the idea: a chain is described by a `ChainSpec`, `CHAIN` is the right one,
and `chain_mistakes` says in words where another departs from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from autograder.assignments.cnns.net.reference import POOLS
from autograder.checking import error_bounds
from autograder.checking.error_bounds import Bounded
from autograder.checking.mistakes import Mistake


@dataclass(frozen=True)
class ChainSpec:
    """A chain of convolutions and poolings on one image.

    Attributes:
        order: the steps: "c" convolution, "p" pooling.
        paddings: zero padding of the first and the second convolution.
        stride: of the convolutions.
        pool: a key of `POOLS`.
        between: what is applied after the first convolution.
        rescale: what is applied at the end: a key of `RESCALES`.
        second_kernel: a key of `SECOND_KERNELS`.
        flipped: whether the kernels are turned by 180 degrees (a convolution in the strict sense).
        channels: of the image: "all", or "one" for the first alone.
    """

    order: str = "cpc"
    paddings: tuple[int, int] = (0, 0)
    stride: int = 1
    pool: str = "max"
    between: str = "none"
    rescale: str = "none"
    second_kernel: str = "first channel"
    flipped: bool = False
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
    "relu": "a ReLU were applied to the result",
    "sigmoid": "a sigmoid were applied to the result",
    "tanh": "a tanh were applied to the result",
    "abs": "the absolute value of the result were taken",
    "clamp": "the result were clipped to [0, 1]",
    "min-max": "the result were rescaled to [0, 1]",
    "by largest": "the result were divided by its largest absolute value",
    "by maximum": "the result were divided by its maximum",
    "by norm": "the result were divided by its norm",
    "standardise": "the result were standardised to mean 0 and standard deviation 1",
    "centre": "the mean of the result were subtracted",
}

SECOND_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "first channel": lambda kernel: kernel[:, :1],
    "sum": lambda kernel: kernel.sum(dim=1, keepdim=True),
    "transposed": lambda kernel: kernel[:, :1].transpose(2, 3),
}
_OTHER_POOLS = ("max, stride 1", "max, 3x3", "max, 3x3, stride 2")
_KERNEL_WORDS = {
    "sum": "the second convolution used all three channel slices of the kernel",
    "transposed": "the second convolution used the transposed kernel",
}
_ORDER_WORDS = {
    "pcc": "the pooling came before both convolutions",
    "ccp": "the pooling came after both convolutions",
    "cc": "the max pooling were missing",
    "cp": "the second convolution were missing",
    "pc": "the first convolution were missing",
    "c": "there were one convolution and nothing else",
    "cpcp": "there were a second pooling after the last convolution",
    "cppc": "the max pooling came twice",
    "cpcc": "there were a third convolution",
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
    x, convolutions = error_bounds.exact(image if spec.channels == "all" else image[:1]), 0
    kernel = kernel.flip(2, 3) if spec.flipped else kernel
    try:
        for step in spec.order:
            if step == "p":
                x = POOLS[spec.pool].run(x)
                continue
            weight = kernel[:, : x.value.shape[0]]
            if convolutions:
                weight = SECOND_KERNELS[spec.second_kernel](kernel)
            x = error_bounds.conv2d(
                x, weight, None, spec.paddings[min(convolutions, 1)], spec.stride
            )
            convolutions += 1
            if convolutions == 1:
                x = error_bounds.apply(spec.between, x)
        return RESCALES[spec.rescale](x)
    except RuntimeError:  # torch: the kernel or the window is larger than what is left
        return None


def chain_mistakes(spec: ChainSpec) -> list[Mistake]:
    """Return in words where `spec` departs from `CHAIN`."""
    found = []
    if spec.order != CHAIN.order:
        found.append(Mistake("chain-order", _ORDER_WORDS[spec.order]))
    for which, padding in zip(("first", "second"), spec.paddings, strict=True):
        if padding:
            words = f"the {which} convolution had padding {padding}"
            found.append(Mistake("chain-padding", words))
    if spec.stride != CHAIN.stride:
        words = f"the convolutions had stride {spec.stride}"
        found.append(Mistake("chain-stride", words))
    if spec.pool == "avg":
        words = "average pooling stood in place of max pooling"
        found.append(Mistake("chain-pool", words))
    elif spec.pool != CHAIN.pool:
        words = "the pooling had another window or stride than 2x2 and 2"
        found.append(Mistake("chain-pool", words))
    if spec.between != CHAIN.between:
        words = f"a {spec.between} stood between the convolutions"
        found.append(Mistake("chain-between", words))
    if spec.second_kernel != CHAIN.second_kernel:
        words = _KERNEL_WORDS[spec.second_kernel]
        found.append(Mistake("chain-kernel", words))
    if spec.flipped:
        found.append(Mistake("chain-flipped", "the kernel were turned by 180 degrees"))
    if spec.channels != CHAIN.channels:
        words = "only the first channel of the image were used"
        found.append(Mistake("chain-channels", words))
    if spec.rescale != CHAIN.rescale:
        found.append(Mistake("chain-rescale", _RESCALE_WORDS[spec.rescale]))
    return found


def wrong_chains() -> Iterator[ChainSpec]:
    """Yield every chain with one mistake, then every chain with two."""
    changes: list[dict[str, object]] = [{"order": order} for order in _ORDER_WORDS]
    changes += [{"paddings": (p, q)} for p in (0, 1, 2) for q in (0, 1, 2) if p or q]
    changes += [{"stride": 2}]
    changes += [{"pool": pool} for pool in ("avg", *_OTHER_POOLS)]
    changes += [{"between": name} for name in ("relu", "sigmoid", "tanh")]
    changes += [{"rescale": name} for name in RESCALES if name != "none"]
    changes += [{"second_kernel": name} for name in _KERNEL_WORDS]
    changes += [{"flipped": True}, {"channels": "one"}]
    for change in changes:
        yield replace(CHAIN, **change)  # type: ignore[arg-type]
    for one, other in combinations(changes, 2):
        if not one.keys() & other.keys():
            yield replace(CHAIN, **one, **other)  # type: ignore[arg-type]
