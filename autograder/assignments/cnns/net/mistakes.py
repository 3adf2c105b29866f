"""The catalogue of common mistakes with `Net`: which there are, and what to call them.

A mistake is a field of `NetSpec` with another value than the right one. So two mistakes at once
need no entry of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Any

from autograder.assignments.cnns.net.reference import LAYERS, NetSpec, flat_features, sizes
from autograder.assignments.cnns.steps import IMAGE_WORDS
from autograder.checking.mistakes import Mistake

_POOL_WORDS = {  # behind "after conv1"
    "avg": "there is average pooling instead of max pooling",
    "avg, first": "there is average pooling instead of max pooling",
    "none": "the max pooling is missing",
    "max twice": "the max pooling comes twice",
    "max, stride 1": "the max pooling has stride 1 instead of 2",
    "max, 3x3": "the max pooling has windows of 3x3 instead of 2x2",
    "max, 3x3, stride 2": "the max pooling has windows of 3x3 instead of 2x2",
    "max, padded": "the max pooling has padding",
    "max, 3x3, stride 2, padded": "the max pooling has padding, and windows of 3x3 instead of 2x2",
    "min": "the smallest value of each block is kept instead of the largest",
    "largest, with sign": "the value farthest from zero of each block is kept, not the largest",
    "every other": "the first value of each block is kept instead of the largest",
    "sum": "each block is added up; max pooling keeps its largest value",
}
# "max, rounded up" is none: the sizes here are even, so it is the same.
_RARE_POOLS = (
    "max, padded",
    "max, 3x3, stride 2, padded",
    "min",
    "largest, with sign",
    "every other",
    "sum",
)
_ACTIVATION_WORDS = {
    "relu": "a ReLU",
    "abs": "an absolute value",
    "leaky_relu": "a leaky ReLU",
    "relu6": "a ReLU6",
    "elu": "an ELU",
    "selu": "a SELU",
    "gelu": "a GELU",
    "silu": "a SiLU",
}
_FLATTEN_WORDS = {
    "mean": "each feature map is averaged (global average pooling) instead of flattened",
    "max": "only the largest value of each feature map is kept; flattening keeps all of them",
}


_LAYER_WORDS = {  # field with a value for each layer, from which on -> name, words
    ("channels", 0): ("channels", "{layer} has {have} output channels instead of {want}"),
    ("kernels", 0): ("kernel", "{layer} has a {have}x{have} kernel instead of {want}x{want}"),
    ("paddings", 0): ("padding", "{layer} has padding {have} instead of none"),
    ("strides", 0): ("stride", "{layer} has stride {have} instead of {want}"),
    ("dilations", 0): ("dilation", "{layer} has dilation {have} instead of {want}"),
    ("features", 2): ("size", "{layer} has {have} outputs instead of {want}"),
    ("biases", 0): ("bias", "{layer} has no bias"),
}


def net_mistakes(spec: NetSpec, right: NetSpec) -> list[Mistake]:
    """Return in words where `spec` departs from `right`, from the first layer to the last."""
    return [
        Mistake(f"{layer}-{what}", words, layer)
        for i, layer in enumerate(LAYERS)
        for what, words in _departures(spec, right, i)
    ]


def _departures(spec: NetSpec, right: NetSpec, i: int) -> Iterator[tuple[str, str]]:
    """Yield where a layer, with what follows it, departs from the right one: what, and words."""
    layer = LAYERS[i]
    if i == 0 and spec.image != right.image:
        yield "input", IMAGE_WORDS[spec.image]
    for (field, first), (what, words) in _LAYER_WORDS.items():
        have, want = (dict(enumerate(getattr(of, field), first)).get(i) for of in (spec, right))
        if have != want:
            yield what, words.format(layer=layer, have=have, want=want)
    if i == 1 and spec.groups != right.groups:
        yield "groups", f"{layer} has groups={spec.groups} instead of {right.groups}"
    if i < 2 and spec.pools[i] != right.pools[i]:
        yield "pool", f"after {layer} {_POOL_WORDS[spec.pools[i]]}"
    if i == 2 and spec.flatten != right.flatten:
        yield f"flatten-{spec.flatten}", _FLATTEN_WORDS[spec.flatten]
    if spec.activations[i] != right.activations[i]:
        yield _activation(layer, spec.activations[i], right.activations[i])


def _activation(layer: str, have: str, want: str) -> tuple[str, str]:
    words = _ACTIVATION_WORDS.get(have, f"a {have}")
    if want == "none":
        return f"extra-{have}", f"there is {words} after {layer}, the last layer"
    if have == "none":
        return "missing-relu", f"the ReLU after {layer} is missing"
    return have, f"there is {words} after {layer} instead of a ReLU"


Change = Callable[[NetSpec], NetSpec]

_COMMON_ACTIVATIONS = ("none", "sigmoid", "tanh", "leaky_relu")
_RARE_ACTIVATIONS = ("relu6", "elu", "selu", "gelu", "silu", "softplus")
_COMMON_FINALS = ("relu", "softmax", "log_softmax", "sigmoid")
_RARE_FINALS = ("tanh", "softmax over the batch")
_COMMON_PADDINGS, _RARE_PADDINGS = (1, 2), (3, 4)


def net_neighbours(spec: NetSpec, inputs_of_fc1: int) -> Iterator[NetSpec]:
    """Yield descriptions with the parameter shapes of `spec` that differ from it in other ways.

    First `spec` itself, then one change at a time, then two, one of which is a common one and
    neither one of the rarest; of these the ones with `inputs_of_fc1` inputs to fc1. The same change
    in several layers counts as one.
    """
    right = as_specified(spec)
    common, rare = list(_common_changes()), list(_rare_changes())
    single = [*common, *rare, *_rarest_changes()]
    groups: list[tuple[Change, ...]] = [(), *((c,) for c in single)]
    seen: set[NetSpec] = set()
    for group in [*groups, *combinations(common, 2), *product(common, rare)]:
        candidate = right
        for change in group:
            candidate = change(candidate)
        if candidate in seen or flat_features(candidate) != inputs_of_fc1:
            continue
        seen.add(candidate)
        if sizes(candidate)[1] > 0:
            yield candidate


def as_specified(spec: NetSpec) -> NetSpec:
    """Return a network of the same layers in which all else is as specified."""
    return replace(
        spec,
        image="none",
        paddings=(0, 0),
        strides=(1, 1),
        dilations=(1, 1),
        pools=("max", "max"),
        flatten="flatten",
    )


def _common_changes() -> Iterator[Change]:
    for i in ((0,), (1,), (0, 1)):
        for padding in _COMMON_PADDINGS:
            yield _set("paddings", padding, *i)
        yield _set("strides", 2, *i)
        for pool in _POOL_WORDS:
            if pool not in _RARE_POOLS:
                yield _set("pools", pool, *i)
    yield lambda s: replace(s, strides=(2, 2), pools=("none", "none"))
    yield lambda s: replace(s, flatten="mean")
    yield from _activation_changes(_COMMON_ACTIVATIONS, _COMMON_FINALS)


def _rare_changes() -> Iterator[Change]:
    for i in ((0,), (1,), (0, 1)):
        for padding in _RARE_PADDINGS:
            yield _set("paddings", padding, *i)
    yield lambda s: replace(s, flatten="max")
    yield from _activation_changes(_RARE_ACTIVATIONS, _RARE_FINALS)


def _rarest_changes() -> Iterator[Change]:
    for i in ((0,), (1,), (0, 1)):
        yield _set("dilations", 2, *i)
        for pool in _RARE_POOLS:
            yield _set("pools", pool, *i)
    for name in IMAGE_WORDS:
        yield _changed_image(name)
    yield from _activation_changes(("abs",), ("abs",))


def _changed_image(name: str) -> Change:
    return lambda spec: replace(spec, image=name)


def _activation_changes(hidden: tuple[str, ...], final: tuple[str, ...]) -> Iterator[Change]:
    for name in hidden:
        for layers in ((0,), (1,), (2,), (3,), (0, 1, 2, 3), (0, 1), (2, 3)):
            yield _set("activations", name, *layers)
    for name in final:
        yield _set("activations", name, 4)


def _set(field: str, value: object, *indices: int) -> Change:
    """Return the change that puts `value` at `indices` of a field."""

    def change(spec: NetSpec) -> NetSpec:
        values = list(getattr(spec, field))
        for index in indices:
            values[index] = value
        changed: dict[str, Any] = {field: tuple(values)}
        return replace(spec, **changed)

    return change
