"""Pure: which parameter of a student's network is which parameter of the reference.

Parameters are paired by shape and by the module that owns them, never by name or order, so that any
way of writing the same network is recognised.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor

from autograder.references import NetSpec
from autograder.student import ParameterInfo

MOST_PAIRINGS = 12  # more can only come from parameters outside any module, all of one size

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Slot:
    """Where a reference's tensor goes: a parameter of the student's, transposed or not."""

    parameter: ParameterInfo
    transposed: bool = False

    def fit(self, tensor: Tensor) -> Tensor:
        """Returns the reference's `tensor` in the shape of the student's parameter."""
        tensor = tensor.t() if self.transposed else tensor
        return tensor.reshape(self.parameter.shape).contiguous()


Pairing = dict[str, Slot]


def pairings(shapes: Mapping[str, Shape], parameters: Sequence[ParameterInfo]) -> list[Pairing]:
    """Returns every plausible way to pair a reference's parameters with a student's.

    Args:
        shapes: the reference's, by names such as "conv1.weight" and "conv1.bias".
        parameters: the student's.

    Returns:
        The pairings, the most natural first; none if the shapes do not match one to one.
    """
    if len(shapes) != len(parameters):
        return []
    return list(islice(_complete({}, list(shapes.items()), list(parameters)), MOST_PAIRINGS))


def _complete(
    found: Pairing, wanted: list[tuple[str, Shape]], free: list[ParameterInfo]
) -> Iterator[Pairing]:
    if not wanted:
        yield found
        return
    (name, shape), rest = wanted[0], wanted[1:]
    for parameter in _owned_first(name, found, free):
        slot = _fits(shape, parameter)
        if slot is not None:
            others = [p for p in free if p is not parameter]
            yield from _complete({**found, name: slot}, rest, others)


def _owned_first(name: str, found: Pairing, free: list[ParameterInfo]) -> list[ParameterInfo]:
    """Returns the candidates for `name`: a bias belongs to the module of its weight, if to any."""
    weight = found.get(name.replace(".bias", ".weight"))
    if weight is None:
        return free
    owner = weight.parameter.owner
    weights = sum(1 for slot in found.values() if slot.parameter.owner == owner)
    weights += sum(1 for p in free if p.owner == owner and len(p.shape) > 1)
    same = [p for p in free if p.owner == owner]
    return same if weights == 1 and same else free


def _fits(shape: Shape, parameter: ParameterInfo) -> Slot | None:
    theirs = parameter.shape
    if math.prod(theirs) != math.prod(shape):
        return None
    if len(shape) == 1:
        return Slot(parameter) if sum(n != 1 for n in theirs) <= 1 else None
    if len(theirs) > 1 and theirs[0] == shape[0]:
        return Slot(parameter)
    if len(shape) == 2 and theirs == shape[::-1]:
        return Slot(parameter, transposed=True)
    return None


@dataclass(frozen=True)
class Structure:
    """A student's network as its parameter shapes show it.

    Attributes:
        spec: the description that these shapes suggest, everything else as specified.
        inputs_of_fc1: input features of the first fully connected layer.
    """

    spec: NetSpec
    inputs_of_fc1: int


def weights_of(parameters: Sequence[ParameterInfo]) -> list[ParameterInfo]:
    """Returns the parameters with two dimensions or more: the layers' weights."""
    return [parameter for parameter in parameters if len(parameter.shape) > 1]


def infer(parameters: Sequence[ParameterInfo]) -> Structure | None:
    """Returns what the shapes say; None unless it is two convolutions and three linear layers."""
    weights = weights_of(parameters)
    convs = [w.shape for w in weights if len(w.shape) == 4]
    linears = [w.shape for w in weights if len(w.shape) == 2]
    if len(convs) != 2 or len(linears) != 3:
        return None
    convs.sort(key=lambda shape: shape[1] != 1)
    chain = _chain(linears)
    biases = _has_bias(parameters, [*convs, *chain])
    if len(weights) + sum(biases) != len(parameters):
        return None
    spec = NetSpec(
        channels=(convs[0][0], convs[1][0]),
        features=(chain[0][0], chain[1][0], chain[2][0]),
        kernels=(convs[0][-1], convs[1][-1]),
        biases=biases,
    )
    return Structure(spec, chain[0][1])


def _chain(linears: Sequence[Shape]) -> list[Shape]:
    """Returns linear layers in the order in which outputs feed inputs; in doubt, as registered."""
    outputs = {shape[0] for shape in linears}
    first = max(linears, key=lambda shape: (shape[1] not in outputs, shape[1]))
    ordered, left = [first], [shape for shape in linears if shape is not first]
    while left:
        following = next((s for s in left if s[1] == ordered[-1][0]), left[0])
        ordered.append(following)
        left.remove(following)
    return ordered


def _has_bias(
    parameters: Sequence[ParameterInfo], weights: list[Shape]
) -> tuple[bool, bool, bool, bool, bool]:
    biases = Counter(p.shape[0] for p in parameters if len(p.shape) == 1)
    owners = {p.owner for p in parameters if len(p.shape) == 1}
    has = []
    for shape in weights:
        modules = [p.owner for p in parameters if p.shape == shape]
        own_module = len(modules) == 1 and sum(p.owner == modules[0] for p in parameters) <= 2
        present = modules[0] in owners if own_module else biases[shape[0]] > 0
        biases[shape[0]] -= present
        has.append(present)
    return has[0], has[1], has[2], has[3], has[4]
