"""What is wrong with a student's `Net`, read from what its layers take and give.

Each layer is judged by what goes into it in the student's own network: so one slip costs its own
layer, not all those behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.net.mistakes import (
    ACTIVATIONS_OTHERWISE,
    FINALS,
    LAYERS_OTHERWISE,
    POOLS_OTHERWISE,
    Change,
    with_changes,
)
from autograder.assignments.cnns.net.reference import (
    LAYERS,
    NetSpec,
    after,
    net_shapes,
    outputs,
    own_output,
)
from autograder.assignments.cnns.steps import IMAGE_WORDS, IMAGES
from autograder.checking.activations import ACTIVATIONS
from autograder.checking.kit.judge_steps import Departure, Expected, Reading, read
from autograder.checking.kit.run_seen import RunSeen
from autograder.checking.kit.step_graph import END, Edge, Node, StepGraph

_IMAGES, _LAST = "images", LAYERS[-1]


@dataclass(frozen=True)
class NetReading:
    """How a network is read.

    Attributes:
        changes: the mistakes of the catalogue.
        unlisted: other departures.
        cost: of the reading.
        fc1_is_wrong: whether fc1 is the first layer that is seen nowhere.
    """

    changes: tuple[Change, ...]
    unlisted: tuple[Departure, ...]
    cost: float
    fc1_is_wrong: bool

    @property
    def wrong_parts(self) -> list[str]:
        """Return the layer of each departure that the catalogue lacks."""
        return [part_of(departure) for departure in self.unlisted]

    def spec(self, spec: NetSpec) -> NetSpec:
        """Return a description of the layers with the mistakes of the catalogue."""
        return with_changes(spec, self.changes)


def read_net(
    spec: NetSpec,
    state: Mapping[str, Tensor],
    images: Tensor,
    seen: Sequence[Tensor],
    answer: Tensor | None,
) -> NetReading:
    """Return the reading with the fewest mistakes.

    Args:
        spec: the student's layers.
        state: the weights that the network ran with, named as in the specification.
        images: that it was given.
        seen: what went in and out of its steps.
        answer: what it returned; None if that is nothing.
    """
    real = [tensor for tensor in seen if tensor.is_floating_point()]
    output = torch.zeros(0) if answer is None else answer
    state = {name: tensor.double() for name, tensor in state.items()}
    graph = _graph(spec, state, images.double())
    run = RunSeen(real, output)
    reading = read(graph, run, list(_expected(spec, state)))
    departures = list(_first_causes(reading, run, answer is not None))
    changes = [change for departure in departures for change in departure.says or ()]
    unlisted = [departure for departure in departures if departure.says is None]
    unseen = next((layer for layer in LAYERS if reading.values[layer] is None), "")
    return NetReading(tuple(changes), tuple(unlisted), reading.cost, unseen == "fc1")


def part_of(departure: Departure) -> str:
    """Return the layer to whose part a departure belongs: the one that stands before it."""
    at = departure.at if departure.source in ("", _IMAGES) else departure.source
    return at.removeprefix("after ")


def _first_causes(reading: Reading, run: RunSeen, answered: bool) -> Iterator[Departure]:
    """Yield departures but for those that say no more than that nothing is known any more."""
    for departure in reading.departures:
        layer = departure.at.removeprefix("after ")
        own, unknown = reading.values.get(layer), reading.values[departure.at] is None
        follows = departure.at.startswith("after ")
        if (unknown and follows and own is None) or (departure.at == END and not answered):
            continue
        yield departure
        if unknown and follows and own is not None and _are_two(own, run):
            yield departure


def _are_two(own: Tensor, run: RunSeen) -> bool:
    """Return whether neither a ReLU nor max pooling is seen behind a convolution's output."""
    maps = [x for _, x in run.tensors if (x.dim(), x.shape[1:2]) == (4, own.shape[1:2])]
    if own.dim() != 4 or any(run.has(x, 0) for x in (own.relu(), F.max_pool2d(own, 2))):
        return False
    return not any(run.has(F.max_pool2d(x, 2), 0) for x in maps if min(x.shape[2:]) > 1)


def _graph(spec: NetSpec, state: Mapping[str, Tensor], images: Tensor) -> StepGraph:
    """Return the steps of a network: each layer, and what follows it."""
    right = with_changes(spec, ())
    fitting = {
        name: state[name] if state[name].shape == shape else state[name].new_zeros(shape)
        for name, shape in net_shapes(right).items()
    }
    rights = outputs(right, fitting, images)
    nodes, x, source = [], images, _IMAGES
    for layer in LAYERS:
        steps = {layer: partial(own_output, right, layer, state)}
        if layer != _LAST:
            steps[f"after {layer}"] = partial(after, right, layer)
        for name, compute in steps.items():
            nodes.append(Node(name, (Edge(source, name, (), x),), compute))
            x, source = rights[name], name
    return StepGraph({_IMAGES: images}, tuple(nodes), Edge(_LAST, END, (), x))


def _expected(spec: NetSpec, state: Mapping[str, Tensor]) -> Iterator[Expected]:
    """Yield the mistakes of the catalogue, each where it shows."""
    for name in IMAGE_WORDS:
        yield Expected(f"{_IMAGES}>{LAYERS[0]}", IMAGES[name], (("image", -1, name),))
    for change in LAYERS_OTHERWISE:
        layer = "fc1" if change[0] == "flatten" else LAYERS[change[1]]
        own = partial(own_output, with_changes(spec, [change]), layer, state)
        yield Expected(layer, own, (change,))
    for index, layer in enumerate(LAYERS[:-1]):
        pools = ("max", *POOLS_OTHERWISE) if layer.startswith("conv") else ("",)
        for activation, pool in product(("relu", *ACTIVATIONS_OTHERWISE), pools):
            both = [("activations", index, activation), ("pools", index, pool)]
            changes = tuple(c for c in both if c[2] not in ("relu", "max", ""))
            if changes:
                names = [change[2] for change in changes]
                count = 1 if set(names) == {"none"} else len(names)
                follow = partial(after, with_changes(spec, changes), layer)
                yield Expected(f"after {layer}", follow, changes, count, "none" in names)
    for index, (layer, following) in enumerate(pairwise(LAYERS[:3])):
        twice: Change = ("pools", index, "max twice")
        yield Expected(f"after {layer}>{following}", partial(F.max_pool2d, kernel_size=2), (twice,))
    for name in FINALS:
        says: tuple[Any, ...] = (("activations", len(LAYERS) - 1, name),)
        yield Expected(f"{_LAST}>{END}", ACTIVATIONS[name], says)
