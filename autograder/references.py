"""The judge's own networks, and the catalogue of common mistakes.

A network is described by a `NetSpec`, a chain by a `ChainSpec`. The exercise's right answers are
`NET` and `CHAIN`; every other value of a field is a mistake that students make, and `net_mistakes`
and `chain_mistakes` say in words where a description departs from the right one. So the catalogue
is the product of the fields, and two mistakes at once need no entry of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from torch import Tensor

from autograder import bounded
from autograder.bounded import Bounded

LAYERS = ("conv1", "conv2", "fc1", "fc2", "fc3")


@dataclass(frozen=True)
class NetSpec:
    """A network of two convolution blocks and three fully connected layers.

    Attributes:
        channels: output channels of conv1 and conv2.
        kernels: their kernel sizes.
        paddings: their zero padding on each side.
        strides: their strides.
        pools: what follows each block: a key of `POOLS`.
        features: output features of fc1, fc2 and fc3.
        activations: what follows conv1, conv2, fc1, fc2 and fc3: keys of `bounded.ELEMENTWISE`.
        flatten: "flatten", or "mean" over the positions.
        biases: whether each of the five layers has one.
    """

    channels: tuple[int, int]
    features: tuple[int, int, int]
    kernels: tuple[int, int] = (5, 5)
    paddings: tuple[int, int] = (0, 0)
    strides: tuple[int, int] = (1, 1)
    pools: tuple[str, str] = ("max", "max")
    activations: tuple[str, str, str, str, str] = ("relu", "relu", "relu", "relu", "none")
    flatten: str = "flatten"
    biases: tuple[bool, bool, bool, bool, bool] = (True, True, True, True, True)


def net_spec(num_channel: int = 8, num_classes: int = 10) -> NetSpec:
    """Returns the specification of the exercise's `Net`."""
    return NetSpec((num_channel, 2 * num_channel), (4 * num_channel, 2 * num_channel, num_classes))


POOLS: dict[str, Callable[[Bounded], Bounded]] = {
    "max": bounded.max_pool,
    "avg": bounded.avg_pool,
    "none": lambda x: x,
    "max twice": lambda x: bounded.max_pool(bounded.max_pool(x)),
    "max, stride 1": lambda x: bounded.max_pool(x, 2, 1),
    "max, 3x3": lambda x: bounded.max_pool(x, 3, 3),
}
_POOLED_SIZE: dict[str, Callable[[int], int]] = {
    "max": lambda n: n // 2,
    "avg": lambda n: n // 2,
    "none": lambda n: n,
    "max twice": lambda n: n // 4,
    "max, stride 1": lambda n: n - 1,
    "max, 3x3": lambda n: n // 3,
}


def sizes(spec: NetSpec, image_size: int = 56) -> tuple[int, int]:
    """Returns height (= width) of the feature maps after block 1 and after block 2."""
    size, after = image_size, []
    for kernel, padding, stride, pool in zip(
        spec.kernels, spec.paddings, spec.strides, spec.pools, strict=True
    ):
        size = _POOLED_SIZE[pool]((size + 2 * padding - kernel) // stride + 1)
        after.append(max(size, 0))
    return after[0], after[1]


def flat_features(spec: NetSpec) -> int:
    """Returns how many inputs fc1 needs."""
    return spec.channels[1] * (1 if spec.flatten == "mean" else sizes(spec)[1] ** 2)


def net_shapes(spec: NetSpec) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every parameter, by names such as "conv1.weight"."""
    weights: list[tuple[int, ...]] = []
    for fan_in, channels, kernel in zip(
        (1, spec.channels[0]), spec.channels, spec.kernels, strict=True
    ):
        weights.append((channels, fan_in, kernel, kernel))
    for fan_in, features in zip(
        (flat_features(spec), *spec.features[:2]), spec.features, strict=True
    ):
        weights.append((features, fan_in))
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, weight, bias in zip(LAYERS, weights, spec.biases, strict=True):
        shapes[f"{layer}.weight"] = weight
        if bias:
            shapes[f"{layer}.bias"] = weight[:1]
    return shapes


def net_stages(spec: NetSpec, state: Mapping[str, Tensor], images: Tensor) -> dict[str, Bounded]:
    """Returns what each layer puts out before its activation, and the logits as "output".

    Args:
        spec: the network.
        state: its parameters, named and shaped as in `net_shapes`.
        images: (N, 1, 56, 56) float32.
    """
    x, stages = bounded.exact(images), {}
    for index, layer in enumerate(LAYERS):
        weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias")
        if layer.startswith("conv"):
            x = bounded.conv2d(x, weight, bias, spec.paddings[index], spec.strides[index])
        else:
            x = bounded.linear(x, weight, bias)
        stages[layer] = x
        x = bounded.apply(spec.activations[index], x)
        if layer.startswith("conv"):
            x = POOLS[spec.pools[index]](x)
        if layer == "conv2":
            flat = (len(images), flat_features(spec))
            x = bounded.spatial_mean(x) if spec.flatten == "mean" else x.reshape(*flat)
    stages["output"] = x
    return stages


@dataclass(frozen=True)
class Mistake:
    """One departure from the right answer.

    Attributes:
        key: a short stable name, such as "conv2-padding".
        part: the layer it belongs to.
        sentence: completes "your network behaves as if ...".
    """

    key: str
    part: str
    sentence: str


_POOL_WORDS = {
    "avg": "average pooling stood in place of max pooling",
    "none": "the max pooling were missing",
    "max twice": "the max pooling came twice",
    "max, stride 1": "the max pooling had stride 1 instead of 2",
    "max, 3x3": "the max pooling had a 3x3 window instead of 2x2",
}


def net_mistakes(spec: NetSpec, right: NetSpec) -> list[Mistake]:
    """Returns in words where `spec` departs from `right`, from the first layer to the last."""
    found: list[Mistake] = []
    for i, layer in enumerate(LAYERS):

        def note(what: str, sentence: str, layer: str = layer) -> None:
            found.append(Mistake(f"{layer}-{what}", layer, sentence))

        if i < 2:
            _note_convolution(spec, right, i, note)
        elif spec.features[i - 2] != right.features[i - 2]:
            have, want = spec.features[i - 2], right.features[i - 2]
            note("size", f"{layer} had {have} outputs instead of {want}")
        if spec.biases[i] != right.biases[i]:
            note("bias", f"{layer} had no bias")
        if spec.activations[i] != right.activations[i]:
            note(*_activation_words(layer, spec.activations[i], right.activations[i]))
    if spec.flatten != right.flatten:
        found.append(
            Mistake("flatten-mean", "fc1", "the feature maps were averaged instead of flattened")
        )
    return found


def _note_convolution(
    spec: NetSpec, right: NetSpec, i: int, note: Callable[[str, str], None]
) -> None:
    layer = LAYERS[i]
    if spec.channels[i] != right.channels[i]:
        note("channels", f"{layer} had {spec.channels[i]} output channels, not {right.channels[i]}")
    if (kernel := spec.kernels[i]) != right.kernels[i]:
        note("kernel", f"{layer} had a {kernel}x{kernel} kernel instead of 5x5")
    if spec.paddings[i] != right.paddings[i]:
        note("padding", f"{layer} had padding {spec.paddings[i]} instead of none")
    if spec.strides[i] != right.strides[i]:
        note("stride", f"{layer} had stride {spec.strides[i]} instead of 1")
    if spec.pools[i] != right.pools[i]:
        note("pool", f"after {layer} {_POOL_WORDS[spec.pools[i]]}")


def _activation_words(layer: str, have: str, want: str) -> tuple[str, str]:
    if want == "none":
        return f"extra-{have}", f"there were a {have} after {layer}, the last layer"
    if have == "none":
        return "missing-relu", f"the ReLU after {layer} were missing"
    return f"{have}", f"there were a {have} after {layer} instead of a ReLU"


_ACTIVATIONS = ("none", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu")
_FINALS = ("relu", "softmax", "log_softmax", "sigmoid", "tanh")


def net_neighbours(spec: NetSpec, inputs_of_fc1: int) -> Iterator[NetSpec]:
    """Yields descriptions with the parameter shapes of `spec` that differ from it in other ways.

    First `spec` itself where it fits, then one change at a time, then two. All have
    `inputs_of_fc1` inputs to fc1. A change of one activation everywhere counts as one.
    """
    right = replace(spec, paddings=(0, 0), strides=(1, 1), pools=("max", "max"), flatten="flatten")
    changes = list(_changes(right))
    seen: set[NetSpec] = set()
    for group in [(), *((c,) for c in changes), *combinations(changes, 2)]:
        candidate = right
        for change in group:
            candidate = change(candidate)
        if candidate not in seen and flat_features(candidate) == inputs_of_fc1:
            seen.add(candidate)
            if sizes(candidate)[1] > 0:
                yield candidate


Change = Callable[[NetSpec], NetSpec]


def _changes(spec: NetSpec) -> Iterator[Change]:
    for i in (0, 1):
        for padding in (1, 2, 3, 4):
            yield _set("paddings", padding, i)
        yield _set("strides", 2, i)
        for pool in POOLS:
            if pool != "max":
                yield _set("pools", pool, i)
    yield lambda s: replace(s, flatten="mean")
    for name in _ACTIVATIONS:
        for i in range(4):
            yield _set("activations", name, i)
        for several in ((0, 1, 2, 3), (0, 1), (2, 3)):
            yield _set("activations", name, *several)
    for name in _FINALS:
        yield _set("activations", name, 4)
    for pool in ("avg", "none"):
        yield _set("pools", pool, 0, 1)
    for padding in (1, 2, 3, 4):
        yield _set("paddings", padding, 0, 1)


def _set(field: str, value: object, *indices: int) -> Change:
    """Returns the change that puts `value` at `indices` of a field."""

    def change(spec: NetSpec) -> NetSpec:
        values = list(getattr(spec, field))
        for index in indices:
            values[index] = value
        changed: dict[str, Any] = {field: tuple(values)}
        return replace(spec, **changed)

    return change
