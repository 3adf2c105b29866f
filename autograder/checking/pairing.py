"""Pure: which parameter of a student's network is which parameter of the reference.

Parameters are paired by shape and by the module that owns them, never by name or order, so that any
way of writing the same network is recognised.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor

from autograder.checking.student import ParameterInfo

Shape = tuple[int, ...]
MAX_PAIRINGS = 12  # more can only come from parameters outside any module, all of one size


@dataclass(frozen=True)
class Slot:
    """Where a reference's tensor goes: a parameter of the student's, transposed or not."""

    parameter: ParameterInfo
    transposed: bool = False

    def fit(self, tensor: Tensor) -> Tensor:
        """Return the reference's `tensor` in the shape of the student's parameter."""
        tensor = tensor.flatten(start_dim=1).t() if self.transposed else tensor
        return tensor.reshape(self.parameter.shape).contiguous()


Pairing = dict[str, Slot]


def pairings(shapes: Mapping[str, Shape], parameters: Sequence[ParameterInfo]) -> list[Pairing]:
    """Return every plausible way to pair a reference's parameters with a student's.

    Args:
        shapes: the reference's, by names such as "conv1.weight" and "conv1.bias".
        parameters: the student's.

    Returns:
        The pairings, the most natural first; none if the shapes do not match one to one.
    """
    if len(shapes) != len(parameters):
        return []
    weights_first = sorted(shapes.items(), key=lambda item: item[0].endswith(".bias"))
    return list(islice(_complete({}, weights_first, list(parameters)), MAX_PAIRINGS))


def match_layers(
    shapes: Mapping[str, Shape], parameters: Sequence[ParameterInfo]
) -> dict[str, Pairing]:
    """Return the pairing of each of the reference's layers that the student's network has too.

    Args:
        shapes: the reference's, by names such as "conv1.weight"; before the last dot is the layer.
        parameters: the student's.
    """
    left, matched = list(parameters), {}
    for layer in dict.fromkeys(name.rpartition(".")[0] for name in shapes):
        wanted = {n: shape for n, shape in shapes.items() if n.rpartition(".")[0] == layer}
        pairing = next(_complete({}, list(wanted.items()), left), None)
        if pairing is not None:
            matched[layer] = pairing
            taken = [slot.parameter for slot in pairing.values()]
            left = [p for p in left if p not in taken]
    return matched


def _complete(
    found: Pairing, wanted: list[tuple[str, Shape]], free: list[ParameterInfo]
) -> Iterator[Pairing]:
    if not wanted:
        yield found
        return
    (name, shape), rest = wanted[0], wanted[1:]
    for parameter in _owned_first(name, found, free):
        for slot in _fits(shape, parameter):
            others = [p for p in free if p is not parameter]
            yield from _complete({**found, name: slot}, rest, others)


def _owned_first(name: str, found: Pairing, free: list[ParameterInfo]) -> list[ParameterInfo]:
    """Return the candidates for `name`: a bias belongs to the module of its weight, if to any."""
    weight = found.get(name.replace(".bias", ".weight"))
    if weight is None:
        return free
    owner = weight.parameter.owner
    weights = sum(1 for slot in found.values() if slot.parameter.owner == owner)
    weights += sum(1 for p in free if p.owner == owner and is_weight(p))
    same = [p for p in free if p.owner == owner]
    return same if weights == 1 and same else free


def _fits(shape: Shape, parameter: ParameterInfo) -> list[Slot]:
    theirs = parameter.shape
    if math.prod(theirs) != math.prod(shape):
        return []
    if len(shape) == 1:
        return [Slot(parameter)] if sum(n != 1 for n in theirs) <= 1 else []
    if len(theirs) < 2:
        return []
    ways = [Slot(parameter)] if theirs[0] == shape[0] else []
    return [*ways, Slot(parameter, transposed=True)] if theirs[-1] == shape[0] else ways


def is_weight(parameter: ParameterInfo) -> bool:
    """Return whether a parameter is a layer's weight, by its shape: not a bias or a scale."""
    if len(parameter.shape) == 2 and parameter.kind == "Linear":
        return True
    return sum(n != 1 for n in parameter.shape) > 1


def weights_of(parameters: Sequence[ParameterInfo]) -> list[ParameterInfo]:
    """Return the layers' weights among the parameters."""
    return [parameter for parameter in parameters if is_weight(parameter)]
