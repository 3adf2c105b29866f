"""The judge's own networks.

A network is described by a `NetSpec`. `net_spec` gives the exercise's right answer; every other
value of a field is a mistake that students make (`mistakes` puts them into words).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from autograder.assignments.cnns.steps import POOLS, changed_image
from autograder.checking import error_bounds
from autograder.checking.error_bounds import Bounded
from autograder.checking.pairing import Shape
from course_utils.training import IMAGE_SIZE

LAYERS = ("conv1", "conv2", "fc1", "fc2", "fc3")


@dataclass(frozen=True)
class NetSpec:
    """A network of two convolution blocks and three fully connected layers.

    Attributes:
        channels: output channels of conv1 and conv2.
        kernels: their kernel sizes.
        paddings: their zero padding on each side.
        strides: their strides.
        dilations: their dilations.
        groups: into how many groups conv2 parts its channels.
        pools: what pools each block: keys of `POOLS`.
        features: output features of fc1, fc2 and fc3.
        activations: what follows conv1, conv2, fc1, fc2 and fc3: keys of
            `error_bounds.ELEMENTWISE`.
        image: what is done to the images before: a key of `steps.IMAGES`.
        flatten: what makes vectors of feature maps: a key of `FLATTENS`.
        biases: whether each of the five layers has one.
    """

    channels: tuple[int, int]
    features: tuple[int, int, int]
    kernels: tuple[int, int] = (5, 5)
    paddings: tuple[int, int] = (0, 0)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    pools: tuple[str, str] = ("max", "max")
    activations: tuple[str, str, str, str, str] = ("relu", "relu", "relu", "relu", "none")
    image: str = "none"
    flatten: str = "flatten"
    biases: tuple[bool, bool, bool, bool, bool] = (True, True, True, True, True)


def net_spec(num_channel: int = 8, num_classes: int = 10) -> NetSpec:
    """Return the specification of the exercise's `Net`."""
    return NetSpec((num_channel, 2 * num_channel), (4 * num_channel, 2 * num_channel, num_classes))


FLATTENS: dict[str, Callable[[Bounded], Bounded]] = {
    "flatten": lambda x: x.reshape(x.value.shape[0], -1),
    "mean": error_bounds.spatial_mean,
    "max": error_bounds.spatial_max,
}


def sizes(spec: NetSpec) -> tuple[int, int]:
    """Return height (= width) of the feature maps after block 1 and after block 2; 0 for none."""
    size, after = IMAGE_SIZE, []
    for kernel, padding, stride, dilation, pool in zip(
        spec.kernels, spec.paddings, spec.strides, spec.dilations, spec.pools, strict=True
    ):
        covered = dilation * (kernel - 1) + 1
        size = max(POOLS[pool].size((size + 2 * padding - covered) // stride + 1), 0)
        after.append(size)
    return after[0], after[1] if after[0] > 0 else 0


def flat_features(spec: NetSpec) -> int:
    """Return how many inputs fc1 needs."""
    return spec.channels[1] * (sizes(spec)[1] ** 2 if spec.flatten == "flatten" else 1)


def net_shapes(spec: NetSpec) -> dict[str, Shape]:
    """Return the shape of every parameter, by names such as "conv1.weight"."""
    weights: list[Shape] = []
    taken = (1, spec.channels[0] // spec.groups)
    for fan_in, channels, kernel in zip(taken, spec.channels, spec.kernels, strict=True):
        weights.append((channels, fan_in, kernel, kernel))
    for fan_in, features in zip(
        (flat_features(spec), *spec.features[:2]), spec.features, strict=True
    ):
        weights.append((features, fan_in))
    shapes: dict[str, Shape] = {}
    for layer, weight, bias in zip(LAYERS, weights, spec.biases, strict=True):
        shapes[f"{layer}.weight"] = weight
        if bias:
            shapes[f"{layer}.bias"] = weight[:1]
    return shapes


def parameter_count(spec: NetSpec) -> int:
    """Return how many numbers a network of this specification learns."""
    return sum(math.prod(shape) for shape in net_shapes(spec).values())


def convolved(spec: NetSpec) -> int:
    """Return how many entries the weights of the convolutions have: what computing costs."""
    return sum(math.prod(shape) for shape in net_shapes(spec).values() if len(shape) == 4)


@dataclass(frozen=True)
class Block:
    """What one layer gives.

    Attributes:
        own: its own output.
        after: the same after activation and pooling, as the next layer gets it.
    """

    own: Bounded
    after: Bounded


def net_blocks(spec: NetSpec, state: Mapping[str, Tensor], images: Bounded) -> dict[str, Block]:
    """Return what each of the five layers gives; the logits are `["fc3"].after`.

    Args:
        spec: the network.
        state: its parameters, named and shaped as in `net_shapes`.
        images: (N, 1, 56, 56).
    """
    x, blocks = changed_image(spec.image, images), {}
    for layer in LAYERS:
        own = own_output(spec, layer, state, x)
        blocks[layer] = Block(own, after(spec, layer, own))
        x = blocks[layer].after
    return blocks


def own_output(spec: NetSpec, layer: str, state: Mapping[str, Tensor], x: Bounded) -> Bounded:
    """Return what a layer makes of what it gets; fc1 flattens it first."""
    weight, bias, index = state[f"{layer}.weight"], state.get(f"{layer}.bias"), LAYERS.index(layer)
    if index > 1:
        return error_bounds.linear(FLATTENS[spec.flatten](x) if index == 2 else x, weight, bias)
    how = (spec.paddings[index], spec.strides[index], spec.dilations[index])
    return error_bounds.conv2d(x, weight, bias, *how, groups=spec.groups if index else 1)


def after(spec: NetSpec, layer: str, own: Bounded) -> Bounded:
    """Return what the next layer gets of what a layer puts out."""
    index = LAYERS.index(layer)
    activation = spec.activations[index]
    if index > 1:
        return error_bounds.apply(activation, own)
    pool = POOLS[spec.pools[index]]
    if pool.first:
        return error_bounds.apply(activation, pool.run(own))
    return pool.run(error_bounds.apply(activation, own))
