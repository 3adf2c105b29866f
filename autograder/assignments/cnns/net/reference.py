"""The judge's own networks.

A network is described by a `NetSpec`. `net_spec` gives the exercise's right answer; every other
value of a field is a mistake that students make (`mistakes` puts them into words).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.steps import BEFORE_ACTIVATION, POOLS, pooled_size
from autograder.checking import error_bounds
from autograder.checking.activations import ACTIVATIONS
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
            `ACTIVATIONS`.
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


FLATTENS: dict[str, Callable[[Tensor], Tensor]] = {
    "flatten": lambda x: x.flatten(1),
    "mean": lambda x: x.mean((2, 3)),
    "max": lambda x: x.amax((2, 3)),
}


def sizes(spec: NetSpec) -> tuple[int, int]:
    """Return height (= width) of the feature maps after block 1 and after block 2; 0 for none."""
    size, after = IMAGE_SIZE, []
    for kernel, padding, stride, dilation, pool in zip(
        spec.kernels, spec.paddings, spec.strides, spec.dilations, spec.pools, strict=True
    ):
        covered = dilation * (kernel - 1) + 1
        size = pooled_size(pool, max((size + 2 * padding - covered) // stride + 1, 0))
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


def right_logits(state: Mapping[str, Tensor], images: Tensor) -> Bounded:
    """Return the logits as specified, and how far float32 may be off.

    Args:
        state: parameters, named as in `net_shapes`.
        images: (N, 1, 56, 56).

    Raises:
        RuntimeError: the parameters do not fit together.
    """
    x = error_bounds.exact(images)
    for layer in LAYERS:
        weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias")
        if layer.startswith("conv"):
            x = error_bounds.conv2d(x, weight, bias)
            x = error_bounds.max_pool(error_bounds.relu(x))
        else:
            x = error_bounds.linear(x.reshape(len(images), -1), weight, bias)
            x = x if layer == LAYERS[-1] else error_bounds.relu(x)
    return x


def outputs(spec: NetSpec, state: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """Return what each layer puts out, and what follows makes of it: "conv1", "after conv1", ..."""
    x, found = images, {}
    for layer in LAYERS:
        found[layer] = own_output(spec, layer, state, x)
        found[f"after {layer}"] = x = after(spec, layer, found[layer])
    return found


def own_output(spec: NetSpec, layer: str, state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Return what a layer makes of what it gets; fc1 makes vectors of it first."""
    weight, bias, index = state[f"{layer}.weight"], state.get(f"{layer}.bias"), LAYERS.index(layer)
    if index > 1:
        return F.linear(FLATTENS[spec.flatten](x) if index == 2 else x, weight, bias)
    how = (spec.strides[index], spec.paddings[index], spec.dilations[index])
    return F.conv2d(x, weight, bias, *how, groups=spec.groups if index else 1)


def after(spec: NetSpec, layer: str, own: Tensor) -> Tensor:
    """Return what the next layer gets of what a layer puts out."""
    index = LAYERS.index(layer)
    activate = ACTIVATIONS[spec.activations[index]]
    if index > 1:
        return activate(own)
    pool = POOLS[spec.pools[index]]
    return activate(pool(own)) if spec.pools[index] in BEFORE_ACTIVATION else pool(activate(own))
