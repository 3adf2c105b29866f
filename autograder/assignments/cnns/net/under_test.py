"""A student's `Net` under examination: random weights for it, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.net.extra_layers import (
    ExtraLayer,
    extra_mistakes,
    split,
    transparent_state,
)
from autograder.assignments.cnns.net.mistakes import net_mistakes, with_changes
from autograder.assignments.cnns.net.reading import NetReading, read_net
from autograder.assignments.cnns.net.reference import (
    LAYERS,
    NetSpec,
    convolved,
    net_shapes,
    net_spec,
    outputs,
    right_logits,
    sizes,
)
from autograder.assignments.cnns.net.structure import Structure, infer
from autograder.assignments.cnns.networks import build
from autograder.checking.challenge import generator, random_images, random_state
from autograder.checking.mistakes import Mistake, found_in
from autograder.checking.pairing import Pairing, Shape, pairings
from autograder.checking.student import Model, ParameterInfo, StudentFault, StudentSide
from course_utils.training import IMAGE_SIZE

NET = "Net"
IMAGES = 2
MAX_PARAMETERS = 3_000_000  # entries of all of them: what fits into one message
MAX_CONVOLVED = 100_000  # entries of the convolutions' weights
_GAIN = 10.0
_MAX_DRAWS, _MIN_SHARE, _LARGE = 200, 0.2, 7.0  # a ReLU6 is flat from 6 on
_FLATTEN_ORDERS = ((0, 1, 2), (1, 2, 0), (0, 2, 1), (2, 1, 0), (1, 0, 2), (2, 0, 1))  # of (C, H, W)


@dataclass(frozen=True)
class Recognition:
    """What a network was recognised as.

    Attributes:
        mistakes: where it departs from the specification; empty if it is right, or unknown.
        right_parts: the layers that are right, each with what follows it.
        advice: what the student reads, "" if the network is right.
        explained: whether these mistakes are all that is wrong.
        answered: whether the network returned a tensor, or failed on the way to one.
        second: layers at which a second mistake shows that has no name.
        notes: what else there is to say of a layer in its row.
    """

    mistakes: tuple[Mistake, ...]
    right_parts: frozenset[str]
    advice: str
    explained: bool = True
    answered: bool = True
    second: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Return whether the network is the specified one."""
        return len(self.right_parts) == len(LAYERS)

    @property
    def crowded(self) -> list[str]:
        """Return the layers that have more than one mistake."""
        parts = [mistake.part for mistake in self.mistakes]
        return [layer for layer in LAYERS if layer in self.second or parts.count(layer) > 1]


@dataclass(frozen=True)
class NetUnderTest:
    """A student's network under examination.

    Attributes:
        model: on the student's side.
        right: what it should be.
        structure: what its parameter shapes say; None if they are not two and three layers.
        core: its parameters without those of `extra_layers`.
        extra_layers: layers that it has besides, made transparent.
        spec: what its parameter shapes suggest, all else as specified.
        images: (IMAGES, 1, 56, 56) float32.
        state: random values for its parameters, named as in the specification.
        ways: how these pair with the student's parameters; none if they do not.
    """

    model: Model
    right: NetSpec
    structure: Structure | None
    core: Sequence[ParameterInfo]
    extra_layers: Sequence[ExtraLayer]
    spec: NetSpec
    images: Tensor
    state: Mapping[str, Tensor]
    ways: Sequence[Pairing]

    def load(self, way: Pairing) -> None:
        """Put `state` into the student's network."""
        self.model.load({slot.parameter.name: slot.fit(self.state[k]) for k, slot in way.items()})

    def answers(self) -> Iterator[Tensor]:
        """Yield the network's output for each pairing, then for each order of flattening."""
        for way in self.ways:
            self.load(way)
            yield self.answer(self.images)
        weight, channels = self.state["fc1.weight"], self.spec.channels[1]
        size = math.isqrt(weight.shape[1] // channels)
        if size < 2 or channels * size**2 != weight.shape[1] or not self.ways:
            return
        self.load(self.ways[0])
        weight, slot = weight.reshape(-1, channels, size, size), self.ways[0]["fc1.weight"]
        for order in _FLATTEN_ORDERS[1:]:
            columns = weight.permute(0, *(axis + 1 for axis in order)).reshape(len(weight), -1)
            self.model.load({slot.parameter.name: slot.fit(columns)})
            yield self.answer(self.images)

    @cached_property
    def fault(self) -> str:
        """What the network returns in place of a tensor, in a sentence; "" if it returns one."""
        return self.model.forward_for_any(self.images).fault

    def answer(self, images: Tensor) -> Tensor:
        """Return what the network returns for some images, or the tensor in it.

        Raises:
            StudentFault: it fails, or returns no numbers.
        """
        shape = (len(images), self.right.features[-1])
        return self.model.forward_for_any(images).likeliest(shape)

    def seen(self) -> list[Tensor]:
        """Return what went in and out of the submodules while the network ran, if it can be had.

        It runs with the weights that were loaded last.
        """
        try:
            return self.model.trace(self.images)
        except StudentFault:
            return []

    def read(self, answer: Tensor | None) -> NetReading:
        """Return how the network is read, with the weights loaded last.

        Args:
            answer: what it returned then; None if nothing of use.
        """
        return read_net(self.spec, self.state, self.images, self.seen(), answer)

    def right_parts(self, reading: NetReading) -> frozenset[str]:
        """Return the layers that are right where they stand, each with what follows it.

        Never all of them: this is asked of networks that are wrong.
        """
        wrong = {*reading.wrong_parts, *(m.part for m in self.named(reading.spec(self.spec)))}
        return frozenset(LAYERS) - (wrong or {LAYERS[-1]})

    def is_right(self, answer: Tensor) -> bool:
        """Return whether an answer is what the layers give with all else as specified."""
        try:
            return right_logits(self.state, self.images).agrees_with(answer)
        except RuntimeError:  # torch: they do not fit together
            return False

    def named(self, spec: NetSpec) -> list[Mistake]:
        """Return where the network departs from the specification if it is `spec`."""
        pairing = self.ways[0] if self.ways else {}
        extra = extra_mistakes(self.extra_layers, self.model.parameters, pairing)
        return sorted([*net_mistakes(spec, self.right), *extra], key=lambda m: LAYERS.index(m.part))


def put_under_test(student: StudentSide, seed: int, arguments: Mapping[str, int]) -> NetUnderTest:
    """Return `Net(**arguments)`, built on the student's side, with all that is asked of it.

    Raises:
        StudentFault: it cannot be built.
    """
    rng, right = generator(seed), net_spec(**arguments)
    images = random_images(IMAGES, 1, IMAGE_SIZE, IMAGE_SIZE, rng)
    model = build(student, NET, seed, **arguments)
    core, extra_layers = split(model.parameters)
    if extra_layers:
        model.load(transparent_state(extra_layers))
    structure = infer(core)
    _check_size(model.parameters, structure)
    if structure is not None and sizes(structure.spec)[1] == 0:
        structure = None  # its kernels are larger than its feature maps
    spec, shapes = right, net_shapes(right)
    ways = pairings(shapes, core)
    if not ways and structure is not None:
        spec, shapes = structure.spec, structure.shapes
        ways = pairings(shapes, core)
    state = telling_state(spec, shapes, images, rng)
    return NetUnderTest(model, right, structure, core, extra_layers, spec, images, state, ways)


def _check_size(parameters: Sequence[ParameterInfo], structure: Structure | None) -> None:
    """Raise StudentFault for networks so large that the judge should not compute their like."""
    count = sum(math.prod(p.shape) for p in parameters)
    if any(0 in p.shape for p in parameters):
        raise StudentFault("a parameter of your network has no entries")
    if count > MAX_PARAMETERS or (structure and convolved(structure.spec) > MAX_CONVOLVED):
        raise StudentFault(f"your network is far too large: it has {count:,} parameters")


def named(mistakes: Sequence[Mistake]) -> Recognition:
    """Return the recognition for a network that was recognised, by its mistakes."""
    mistakes = sorted(mistakes, key=lambda m: LAYERS.index(m.part))
    right_parts = frozenset(LAYERS) - {mistake.part for mistake in mistakes}
    return Recognition(tuple(mistakes), right_parts, found_in("network", mistakes))


def telling_state(
    spec: NetSpec, shapes: Mapping[str, Shape], images: Tensor, rng: torch.Generator
) -> dict[str, Tensor]:
    """Return random parameters with which every activation makes a difference.

    Where a layer's outputs have one sign only, a missing ReLU would not show; where all are small,
    a ReLU6 would not. So signals are made `_GAIN` times as large as usual, and parameters drawn
    until each layer has a share of both signs and something large (for narrow networks that takes
    a few dozen draws).
    """
    right = with_changes(spec, ())
    for _ in range(_MAX_DRAWS):
        state = random_state(shapes, rng)
        state["conv1.weight"] *= _GAIN
        for name in state:
            if name.endswith("bias"):
                state[name] *= _GAIN / 2
        fitting = {name: _cut(state[name], shape) for name, shape in net_shapes(right).items()}
        found = outputs(right, fitting, images)
        if all(_is_telling(found[layer]) for layer in LAYERS[:-1]):
            break
    return state


def _cut(x: Tensor, shape: Shape) -> Tensor:
    """Return a weight for as many inputs as a shape has: those there are, again and again."""
    if x.dim() < 2 or x.shape[1] == shape[1]:
        return x
    times = -(-shape[1] // x.shape[1])
    return torch.cat([x] * times, dim=1)[:, : shape[1]]


def _is_telling(own: Tensor) -> bool:
    pooled = F.max_pool2d(own, 2) if own.dim() == 4 and own.shape[-1] > 1 else own
    negative = float((pooled < 0).double().mean())
    return _MIN_SHARE <= negative <= 1 - _MIN_SHARE and bool(pooled.max() > _LARGE)
