"""The catalogue of common mistakes with `Net`: which there are, and what to call them.

A mistake is a field of `NetSpec` with another value than the right one. So two mistakes at once
need no entry of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from autograder.assignments.cnns.net.reference import LAYERS, NetSpec
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


Change = tuple[str, int, Any]
"""A field of `NetSpec`, which of its entries (-1: it has but one), and another value."""

_OTHER_ACTIVATIONS = [name for name in _ACTIVATION_WORDS if name != "relu"]  # which is right
FINALS = ("relu", "softmax", "log_softmax", "sigmoid", "tanh", "softmax over the batch", "abs")
ACTIVATIONS_OTHERWISE = ("none", "sigmoid", "tanh", "softplus", *_OTHER_ACTIVATIONS)
POOLS_OTHERWISE = tuple(_POOL_WORDS)
LAYERS_OTHERWISE: tuple[Change, ...] = (
    *(("paddings", i, padding) for padding in (1, 2, 3, 4) for i in (0, 1)),
    *((field, i, 2) for field in ("strides", "dilations") for i in (0, 1)),
    *(("flatten", -1, how) for how in _FLATTEN_WORDS),
)


def with_changes(spec: NetSpec, changes: Iterable[Change]) -> NetSpec:
    """Return a network of the same layers in which all else is as specified."""
    spec = NetSpec(
        spec.channels, spec.features, spec.kernels, groups=spec.groups, biases=spec.biases
    )
    for field, index, value in changes:
        if index >= 0:
            entries = getattr(spec, field)
            value = (*entries[:index], value, *entries[index + 1 :])
        spec = replace(spec, **{field: value})
    return spec
