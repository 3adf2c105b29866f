"""What the shapes of a student's parameters say of the network that they belong to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from autograder.assignments.cnns.net.reference import LAYERS, NetSpec, flat_features, net_shapes
from autograder.checking.pairing import Shape, is_weight, weights_of
from autograder.checking.student import ParameterInfo


@dataclass(frozen=True)
class Structure:
    """A student's network as its parameter shapes show it.

    Attributes:
        spec: the description that these shapes suggest, everything else as specified.
        inputs: what each of the five layers takes: channels or features.
    """

    spec: NetSpec
    inputs: tuple[int, ...]

    @property
    def shapes(self) -> dict[str, Shape]:
        """Return the shape of each parameter; of fc1's whatever number of inputs it has."""
        shapes = net_shapes(self.spec)
        return {**shapes, "fc1.weight": (shapes["fc1.weight"][0], self.inputs[2])}


def misfits(structure: Structure, spec: NetSpec) -> list[tuple[str, int, int]]:
    """Return which layers take other inputs than in a network: how many, and how many there."""
    wanted = (1, spec.channels[0], flat_features(spec), *spec.features[:2])
    both = zip(LAYERS, structure.inputs, wanted, strict=True)
    return [(layer, have, want) for layer, have, want in both if have != want]


def infer(parameters: Sequence[ParameterInfo]) -> Structure | None:
    """Return what the shapes say; None unless it is two convolutions and three linear layers."""
    weights = weights_of(parameters)
    convs: list[Shape] = [w.shape for w in weights if len(w.shape) == 4]
    linears: list[Shape] = [w.shape for w in weights if len(w.shape) == 2]
    if len(convs) != 2 or len(linears) != 3 or len(weights) != 5:
        return None
    if convs[0][1] == convs[1][0] != convs[1][1]:  # the second feeds the first
        convs.reverse()
    linears, groups = _in_order(linears), _groups(*convs)
    biases = _has_bias(parameters, [*convs, *linears])
    if len(weights) + sum(biases) != len(parameters):
        return None
    spec = NetSpec(
        channels=(convs[0][0], convs[1][0]),
        features=(linears[0][0], linears[1][0], linears[2][0]),
        kernels=(convs[0][-1], convs[1][-1]),
        groups=groups,
        biases=biases,
    )
    inputs = [shape[1] for shape in [*convs, *linears]]
    inputs[1] *= groups
    return Structure(spec, tuple(inputs))


def _groups(first: Shape, second: Shape) -> int:
    """Return into how many groups the second convolution parts what the first puts out."""
    groups, rest = divmod(first[0], second[1])
    return groups if groups and not rest and second[0] % groups == 0 else 1


def _in_order(linears: Sequence[Shape]) -> list[Shape]:
    """Return linear layers in the order in which outputs feed inputs.

    They may be stored transposed. In doubt, the widest comes first, then as registered.
    """
    orders = [list(order) for order in permutations(linears)]
    orders += [list(order) for order in permutations([shape[::-1] for shape in linears])]
    return max(orders, key=lambda order: (_links(order), order[0][1]))


def _links(linears: Sequence[Shape]) -> int:
    return sum(b[1] == a[0] for a, b in pairwise(linears))


def _has_bias(
    parameters: Sequence[ParameterInfo], weights: list[Shape]
) -> tuple[bool, bool, bool, bool, bool]:
    vectors = [p for p in parameters if not is_weight(p)]
    biases = Counter(math.prod(p.shape) for p in vectors)
    owners = {p.owner for p in vectors}
    has = []
    for shape in weights:
        modules = [p.owner for p in parameters if p.shape in (shape, shape[::-1])]
        own_module = len(modules) == 1 and sum(p.owner == modules[0] for p in parameters) <= 2
        present = biases[shape[0]] > 0
        if own_module and modules[0]:
            present = modules[0] in owners or (present and _has_bare_biases(vectors, weights))
        biases[shape[0]] -= present
        has.append(present)
    return has[0], has[1], has[2], has[3], has[4]


def _has_bare_biases(vectors: Sequence[ParameterInfo], weights: list[Shape]) -> bool:
    """Return whether biases are parameters of their own, outside the weights' modules."""
    return any(p.owner == "" for p in vectors) and len(vectors) <= len(weights)
