"""The catalogue of common mistakes with `conv_pool_conv`, and what to call them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations

from autograder.assignments.cnns.chain.reference import CHAIN, RESCALES, ChainSpec
from autograder.assignments.cnns.steps import IMAGE_WORDS
from autograder.checking.mistakes import Mistake

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
    "mirrored": "the columns of the result come in reverse order",
    "upside down": "the rows of the result come in reverse order",
    "turned": "the result is turned by 180 degrees",
    "transposed": "rows and columns of the result are exchanged",
}
COLOURS = {  # besides "all", which a convolution adds up
    "one": "only the first channel of the image is used",
    "mean": "the three colours are averaged; a convolution adds them up",
    "apart": "each colour is convolved on its own, and three channels come out instead of one",
    "apart, then added": "each colour is convolved and pooled on its own; the first convolution "
    "already adds them up",
}
_KERNELS_WORDS = {
    "turned": "the kernel is turned by 180 degrees",
    "upside down": "the rows of the kernel come in reverse order",
    "mirrored": "the columns of the kernel come in reverse order",
    "transposed": "rows and columns of the kernel are exchanged",
    "quarter turn": "the kernel is turned by 90 degrees",
    "quarter turn back": "the kernel is turned by 90 degrees",
    "absolute": "absolute values are taken of the kernel",
    "less its mean": "the mean of the kernel is subtracted from it",
}
FLIPPED = ("turned", "upside down", "mirrored", "quarter turn", "quarter turn back")
_POOL_WORDS = {
    "avg": "there is average pooling instead of max pooling",
    "max, stride 1": "the pooling has stride 1 instead of 2",
    "max, 3x3": "the pooling has windows of 3x3 instead of 2x2",
    "max, 3x3, stride 2": "the pooling has windows of 3x3 instead of 2x2, and they overlap",
    "max, rounded up": "the pooling rounds up: blocks that stick out of the image count too",
    "max, padded": "the pooling has padding",
    "max, 3x3, stride 1": "the pooling has windows of 3x3 instead of 2x2, and stride 1",
    "max, dilated": "the pooling has dilation 2",
    "max, 3x3, stride 2, padded": "the pooling has padding, and windows of 3x3 that overlap",
    "min": "the pooling keeps the smallest value of each block instead of the largest",
    "largest, with sign": "the pooling keeps the value farthest from zero of each block, with its "
    "sign, instead of the largest",
    "every other": "the pooling keeps the first value of each block instead of the largest",
    "sum": "the pooling adds up each block instead of keeping the largest value",
}
_RARE_POOL = "max, 3x3, stride 1"
_WHICH = ("first", "second")
_FULL = ("turned", 2)  # kernel and padding of a transposed convolution
_SECOND_KERNEL_WORDS = {
    "sum": "the second convolution uses all three channel slices of the kernel, not one",
}
_BETWEEN_WORDS = {
    "relu": "there is a ReLU between the convolutions",
    "sigmoid": "there is a sigmoid between the convolutions",
    "tanh": "there is a tanh between the convolutions",
    "abs": "the pooling keeps the largest absolute value of each block, not the largest",
}
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


_WORDS = {  # field -> the mistake's name, and words for each wrong value
    "image": ("chain-input", IMAGE_WORDS),
    "order": ("chain-order", _ORDER_WORDS),
    "pool": ("chain-pool", _POOL_WORDS),
    "between": ("chain-between", _BETWEEN_WORDS),
    "second_kernel": ("chain-kernel", _SECOND_KERNEL_WORDS),
    "channels": ("chain-channels", COLOURS),
    "rescale": ("chain-rescale", _RESCALE_WORDS),
}


def chain_mistakes(spec: ChainSpec) -> list[Mistake]:
    """Return in words where `spec` departs from `CHAIN`."""
    spec, full = _without_full(spec)
    mistakes = [mistake for field in fields(spec) for mistake in _mistakes(field.name, spec)]
    words = f"the {' and the '.join(full)} convolution is a transposed one, not a plain one: it "
    words += "turns the kernel, and its result is larger than the image"
    return [Mistake("chain-flipped", words), *mistakes] if full else mistakes


def _without_full(spec: ChainSpec) -> tuple[ChainSpec, list[str]]:
    """Return a chain with plain convolutions where it has transposed ones, and which these are."""
    how = list(zip(spec.kernels, spec.paddings, strict=True))
    full = [which for which, one in zip(_WHICH, how, strict=True) if one == _FULL]
    kernels, paddings = zip(*(("none", 0) if one == _FULL else one for one in how), strict=True)
    return replace(spec, kernels=kernels, paddings=paddings), full


def _mistakes(field: str, spec: ChainSpec) -> Iterator[Mistake]:
    """Yield in words where a chain departs from `CHAIN` in one of its fields."""
    have, want = getattr(spec, field), getattr(CHAIN, field)
    if have == want:
        return
    if field in _WORDS:
        name, words = _WORDS[field]
        yield Mistake(name, words[have])
    elif field == "kernels":
        yield from _kernel_mistakes(have)
    else:
        what = field.removesuffix("s")  # paddings, strides, dilations
        for which, value, usual in zip(_WHICH, have, want, strict=True):
            if value != usual:
                yield Mistake(f"chain-{what}", f"the {which} convolution has {what} {value}")


def _kernel_mistakes(kernels: tuple[str, str]) -> Iterator[Mistake]:
    """Yield what is done to the kernel before the convolutions."""
    places = dict(zip(("the first convolution", "the second convolution"), kernels, strict=True))
    if len(set(kernels)) == 1:
        places = {"both convolutions": kernels[0]}
    for place, change in places.items():
        if change != "none":
            name = "chain-flipped" if change in FLIPPED else "chain-kernel"
            yield Mistake(name, f"{_KERNELS_WORDS[change]} in {place}")


def departures(spec: ChainSpec) -> int:
    """Return how many mistakes make a chain of `CHAIN`; the same in both convolutions is one."""
    spec, full = _without_full(spec)
    changed = sum(getattr(spec, field.name) != getattr(CHAIN, field.name) for field in fields(spec))
    return changed + bool(full) + (spec.order == "c")  # two steps are missing


def pairs_of_mistakes() -> Iterator[ChainSpec]:
    """Yield every chain with two mistakes."""
    for one, other in combinations(_changes(), 2):
        if not one.keys() & other.keys():
            yield replace(CHAIN, **one, **other)  # type: ignore[arg-type]


def single_mistakes() -> Iterator[ChainSpec]:
    """Yield every chain with one mistake; those that are too rare to come with another are last."""
    for change in [*_changes(), *_rare_changes()]:
        yield replace(CHAIN, **change)  # type: ignore[arg-type]


_ODD = ((1, 2), (2, 1))  # down and across


def _rare_changes() -> list[dict[str, object]]:
    """Return what each mistake changes that is looked for alone."""
    changes: list[dict[str, object]] = [{"pool": _RARE_POOL}]
    for field in ("strides", "dilations"):
        changes += [{field: pair} for pair in ((3, 3), (3, 1), (1, 3), (4, 1), (1, 4))]
        changes += [{field: pair} for odd in _ODD for pair in ((odd, 1), (1, odd))]
    changes += [{"paddings": pair} for odd in ((0, 1), (1, 0)) for pair in ((odd, 0), (0, odd))]
    changes += [{"paddings": pair} for pair in ((3, 3), (3, 0), (0, 3))]
    return changes


def _changes() -> list[dict[str, object]]:
    """Return what each mistake changes in a `ChainSpec`."""
    changes: list[dict[str, object]] = [{"order": order} for order in _ORDER_WORDS]
    changes += [{"paddings": (p, q)} for p in (0, 1, 2) for q in (0, 1, 2) if p or q]
    for field in ("strides", "dilations"):
        changes += [{field: pair} for pair in ((2, 2), (2, 1), (1, 2))]
    changes += [{"pool": pool} for pool in _POOL_WORDS if pool != _RARE_POOL]
    changes += [{"between": name} for name in _BETWEEN_WORDS]
    changes += [{"rescale": name} for name in RESCALES if name != "none"]
    changes += [{"second_kernel": name} for name in _SECOND_KERNEL_WORDS]
    for name in _KERNELS_WORDS:
        pairs = ((name, name), (name, "none"), ("none", name))
        changes += [{"kernels": pair} for pair in pairs]
    changes += [{"image": name} for name in IMAGE_WORDS]
    changes += [{"channels": name} for name in COLOURS]
    return changes
