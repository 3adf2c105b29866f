"""Recognises what a `Net` computes, whatever its weights, and names its mistakes.

Random weights are loaded into the student's network and into the judge's candidates; a candidate
whose outputs agree on random images within the rounding of float32 is what the network is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograder import bounded
from autograder.challenge import generator, random_images, random_state
from autograder.extras import Extra, extra_mistakes, split, transparent_state
from autograder.mistakes import Mistake, net_mistakes, net_neighbours
from autograder.pairing import Pairing, Structure, infer, match_layers, pairings, weights_of
from autograder.references import (
    IMAGE_SIZE,
    LAYERS,
    Block,
    Cache,
    NetSpec,
    flat_features,
    net_blocks,
    net_shapes,
    net_spec,
    sizes,
)
from autograder.student import Model, ParameterInfo, Student, StudentFault

NAME = "Net"
IMAGES = 2
_FLATTEN_ORDERS = ((0, 1, 2), (1, 2, 0), (0, 2, 1), (2, 1, 0), (1, 0, 2), (2, 0, 1))  # of (C, H, W)
_SCREEN = 1e-3  # relative to the largest output: float32 differs by 1e-5, other networks by more


@dataclass(frozen=True)
class Finding:
    """What a network was recognised as.

    Attributes:
        mistakes: where it departs from the specification; empty if it is right, or unknown.
        right_parts: the layers that are right, each with what follows it.
        advice: what the student reads, "" if the network is right.
    """

    mistakes: tuple[Mistake, ...]
    right_parts: frozenset[str]
    advice: str

    @property
    def right(self) -> bool:
        """Returns whether the network is the specified one."""
        return len(self.right_parts) == len(LAYERS)


@dataclass(frozen=True)
class Subject:
    """A student's network under examination.

    Attributes:
        model: on the student's side.
        right: what it should be.
        structure: what its parameter shapes say; None if they are not two and three layers.
        core: its parameters without those of `extras`.
        extras: layers that it has besides, made transparent.
        spec: the description nearest to the specification that has its parameter shapes.
        images: (IMAGES, 1, 56, 56) float32.
        state: random values for the parameters of `spec`.
        ways: how these pair with the student's parameters; none if they do not.
    """

    model: Model
    right: NetSpec
    structure: Structure | None
    core: Sequence[ParameterInfo]
    extras: Sequence[Extra]
    spec: NetSpec
    images: Tensor
    state: Mapping[str, Tensor]
    ways: Sequence[Pairing]

    def load(self, way: Pairing) -> None:
        """Returns nothing; puts `state` into the student's network."""
        self.model.load({slot.parameter.name: slot.fit(self.state[k]) for k, slot in way.items()})

    def answers(self) -> Iterator[Tensor]:
        """Yields the network's output for each pairing, then for each order of flattening."""
        for way in self.ways:
            self.load(way)
            yield self.model.forward(self.images)
        channels, size = self.spec.channels[1], sizes(self.spec)[1]
        if self.spec.flatten != "flatten" or not self.ways:
            return
        self.load(self.ways[0])
        weight = self.state["fc1.weight"].reshape(-1, channels, size, size)
        slot = self.ways[0]["fc1.weight"]
        for order in _FLATTEN_ORDERS[1:]:
            columns = weight.permute(0, *(axis + 1 for axis in order)).reshape(len(weight), -1)
            self.model.load({slot.parameter.name: slot.fit(columns)})
            yield self.model.forward(self.images)

    def blocks(self, spec: NetSpec) -> dict[str, Block]:
        """Returns what a candidate gives for the same images and weights."""
        return net_blocks(spec, self.state, bounded.exact(self.images))

    def named(self, spec: NetSpec) -> list[Mistake]:
        """Returns where the network departs from the specification if it is `spec`."""
        pairing = self.ways[0] if self.ways else {}
        extra = extra_mistakes(self.extras, self.model.parameters, pairing)
        return sorted([*net_mistakes(spec, self.right), *extra], key=lambda m: LAYERS.index(m.part))


def examine(student: Student, seed: int, **arguments: int) -> Finding:
    """Returns what `Net(**arguments)` computes, in the catalogue's words.

    Raises:
        StudentFault: the network cannot be built.
    """
    subject = _subject(student, seed, arguments)
    if not subject.ways:
        return _other_layers(subject)
    try:
        return _compare(subject)
    except StudentFault as fault:
        return _stopped(subject, str(fault))


def _subject(student: Student, seed: int, arguments: Mapping[str, int]) -> Subject:
    rng, right = generator(seed), net_spec(**arguments)
    images = random_images(IMAGES, 1, IMAGE_SIZE, IMAGE_SIZE, rng)
    model = Model(student, NAME, seed, **arguments)
    core, extras = split(model.parameters)
    if extras:
        model.load(transparent_state(extras))
    structure = infer(core)
    specs = [right]
    if structure is not None and structure.spec != right:
        specs = [structure.spec]
    if structure is not None:
        specs += list(net_neighbours(structure.spec, structure.inputs[2]))[:1]
    for spec in specs:
        ways = pairings(net_shapes(spec), core)
        if ways:
            break
    else:
        spec = specs[0]
    state = random_state(net_shapes(spec), rng)
    return Subject(model, right, structure, core, extras, spec, images, state, ways)


def _compare(subject: Subject) -> Finding:
    """Returns the finding for a network whose parameter shapes are those of `subject.spec`.

    Raises:
        StudentFault: its forward pass fails.
    """
    spec, answers = subject.spec, []
    expected = subject.blocks(spec)["fc3"].after
    for answer in subject.answers():
        if expected.agrees_with(answer):
            return _named(subject.named(spec))
        if not answers and tuple(answer.shape) != tuple(expected.value.shape):
            return _misshapen(subject, answer, tuple(expected.value.shape))
        answers.append(answer)
    subject.load(subject.ways[0])
    again = subject.model.forward(subject.images)
    if not torch.allclose(again, answers[0], rtol=1e-4, atol=1e-5, equal_nan=True):
        mistake = Mistake("random", "", "chance took part")
        advice = "The same images gave two different answers in eval mode: does chance take part "
        advice += "(F.dropout without training=self.training, or weights made in forward)?"
        return Finding((mistake,), _seen_parts(subject, spec), advice)
    if torch.equal(answers[0][0], answers[0][1]):
        mistake = Mistake("constant", "", "the images did not matter")
        advice = "Two different images gave the same output: does the image reach the last layer?"
        return Finding((mistake,), frozenset(), advice)
    base = subject.structure.spec if subject.structure else spec
    for candidate in _screened(subject, net_neighbours(base, flat_features(spec)), answers):
        output = subject.blocks(candidate)["fc3"].after
        if any(output.agrees_with(answer) for answer in answers):
            return _named(subject.named(candidate))
    return _first_difference(subject)


def _screened(
    subject: Subject, candidates: Iterable[NetSpec], answers: Sequence[Tensor]
) -> Iterator[NetSpec]:
    """Yields the candidates whose output in float32 comes close to one of the answers."""
    given = torch.stack([answer.float() for answer in answers])  # (ways, N, K)
    if not bool(given.isfinite().all()):
        return
    allowed = _SCREEN * given.abs().max()
    cache: Cache = {}
    with torch.no_grad():
        for candidate in candidates:
            images = bounded.rough(subject.images)
            output = net_blocks(candidate, subject.state, images, cache)["fc3"].after.value
            if bool(((given - output).abs().amax(dim=(1, 2)) <= allowed).any()):
                yield candidate


def _named(mistakes: Sequence[Mistake]) -> Finding:
    right_parts = frozenset(LAYERS) - {mistake.part for mistake in mistakes}
    return Finding(tuple(mistakes), right_parts, _as_if(mistakes))


def _as_if(mistakes: Sequence[Mistake]) -> str:
    words = ", and as if ".join(mistake.sentence for mistake in mistakes)
    return f"Your network behaves as if {words}." if mistakes else ""


def _misshapen(subject: Subject, answer: Tensor, expected: tuple[int, ...]) -> Finding:
    got, dtype = tuple(answer.shape), str(answer.dtype).removeprefix("torch.")
    advice = f"Expected logits {expected}, got {got} {dtype}."
    if not answer.is_floating_point():
        advice += " Return the logits themselves, not the class with the largest one."
    elif answer.numel() == torch.Size(expected).numel():
        advice += " The numbers may be right, but not their arrangement."
    mistakes = [*subject.named(subject.spec), Mistake("output-shape", "fc3", "the shape differed")]
    return Finding(
        tuple(mistakes), _without(_seen_parts(subject, subject.spec), mistakes), advice
    )


def _first_difference(subject: Subject) -> Finding:
    """Returns the finding for a network that no candidate explains: where its outputs part."""
    mistakes = subject.named(subject.spec)
    blocks, seen = subject.blocks(subject.spec), _seen(subject)
    advice = "Every layer puts out what it should, but not the network: look at its last lines."
    previous = "the images"
    for layer in LAYERS:
        if not any(_is_in(output, blocks[layer].own) for output in seen):
            advice = f"The outputs of your network first differ from the specification's at {layer}"
            advice += f": look at that layer, and at what stands between {previous} and it."
            break
        if layer != "fc3" and not any(_is_in(output, blocks[layer].after) for output in seen):
            advice = f"{layer} puts out what it should, but what follows it is not as specified: "
            advice += "look at the activation" + (" and the pooling." if "conv" in layer else ".")
            break
        previous = layer
    advice += "".join(f" Besides, it behaves as if {m.sentence}." for m in mistakes[:1])
    parts = _without(_seen_parts(subject, subject.spec, seen), mistakes)
    return Finding(tuple(mistakes), parts, advice)


def _seen(subject: Subject) -> list[Tensor]:
    """Returns what went in and out of the submodules while the network ran, as far as it got."""
    return subject.model.trace(subject.images)


def _seen_parts(
    subject: Subject, spec: NetSpec, seen: Sequence[Tensor] | None = None
) -> frozenset[str]:
    """Returns the layers but the last whose output reaches the next layer as it should."""
    seen = _seen(subject) if seen is None else seen
    blocks = subject.blocks(spec)
    return frozenset(
        layer for layer in LAYERS[:-1] if any(_is_in(got, blocks[layer].after) for got in seen)
    )


def _is_in(output: Tensor, expected: bounded.Bounded) -> bool:
    same_size = output.numel() == expected.value.numel() and output.dim() > 0
    return same_size and expected.reshape(*output.shape).agrees_with(output)


def _without(parts: frozenset[str], mistakes: Sequence[Mistake]) -> frozenset[str]:
    return parts - {mistake.part for mistake in mistakes}


def _stopped(subject: Subject, fault: str) -> Finding:
    """Returns the finding for a network whose forward pass fails."""
    spec, advice = subject.spec, f"{fault[:1].upper()}{fault[1:]}"
    mistakes, seen = subject.named(spec), _seen(subject)
    found = re.search(r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", fault)
    if found:
        rows, have, want, outputs = (int(number) for number in found.groups())
        layers = {(p[1], p[0]): name.split(".")[0] for name, p in net_shapes(spec).items() if p[1:]}
        layer = layers.get((want, outputs), "fc1")
        if rows != len(subject.images):
            words = "the feature maps were not flattened for each image"
            mistakes.append(Mistake("flatten-missing", layer, words))
        else:
            cause = _geometry(subject, have, seen) if layer == "fc1" else None
            spec = cause or spec
            words = f"{layer} took {want} inputs, though {have} reach it"
            mistakes += [*subject.named(spec), Mistake(f"{layer}-inputs", layer, words)]
            advice += f" Here {layer} takes {want} inputs, but {have} reach it. "
            advice += _as_if(subject.named(spec)) if cause else ""
    parts = _without(_seen_parts(subject, spec, seen), mistakes)
    return Finding(tuple(mistakes), parts, advice.strip())


def _geometry(subject: Subject, features: int, seen: Sequence[Tensor]) -> NetSpec | None:
    """Returns convolutions and poolings that leave as many features, and gave what was seen."""
    for candidate in net_neighbours(subject.spec, features):
        own = net_blocks(candidate, _resized(subject, candidate), bounded.exact(subject.images))
        if any(_is_in(output, own["conv2"].own) for output in seen):
            return candidate
    return None


def _resized(subject: Subject, spec: NetSpec) -> dict[str, Tensor]:
    """Returns the weights of the convolutions, and zeros of fitting shapes for the rest."""
    shapes = net_shapes(spec)
    return {
        name: subject.state[name] if name.startswith("conv") else torch.zeros(shape)
        for name, shape in shapes.items()
    }


def _other_layers(subject: Subject) -> Finding:
    """Returns the finding for a network whose parameters do not fit together as specified."""
    mistakes = _structural_mistakes(subject)
    spec = subject.spec
    matched = match_layers(net_shapes(spec), subject.core)
    for way in matched.values():
        subject.load(way)
    advice = " ".join(mistake.sentence for mistake in mistakes)
    try:
        output = subject.model.forward(subject.images)
    except StudentFault as fault:
        advice += f" {str(fault)[:1].upper()}{str(fault)[1:]}"
    else:
        if len(output) == IMAGES and torch.equal(output[0], output[1]):
            return Finding(tuple(mistakes), frozenset(), advice)
    parts = _without(_seen_parts(subject, spec) & matched.keys(), mistakes)
    return Finding(tuple(mistakes), parts, advice)


def _structural_mistakes(subject: Subject) -> list[Mistake]:
    """Returns what is wrong with the parameters' shapes, in whole sentences."""
    structure = subject.structure
    if structure is None:
        return [_count_mistake(subject)]
    spec, inputs, side = structure.spec, structure.inputs, sizes(structure.spec)[1]
    wanted = (1, spec.channels[0], flat_features(spec), *spec.features[:2])
    mistakes = []
    for layer, have, want in zip(LAYERS, inputs, wanted, strict=True):
        if have == want:
            continue
        words = f"{layer} takes {have} inputs, but what stands before it leaves {want}."
        if layer == "fc1":
            words = f"fc1 takes {have} inputs, but your convolutions and poolings leave "
            words += f"{spec.channels[1]} x {side} x {side} = {want}."
        mistakes.append(Mistake(f"{layer}-inputs", layer, words))
    shapes = [
        replace(m, sentence=f"Besides, your network behaves as if {m.sentence}.")
        for m in net_mistakes(spec, subject.right)
    ]
    odd = Mistake("kernel-shape", "conv1", "The kernels of the convolutions should be 5x5.")
    return [*mistakes, *shapes] or [odd]


def _count_mistake(subject: Subject) -> Mistake:
    weights = weights_of(subject.core)
    convs = sum(len(w.shape) == 4 for w in weights)
    linears = sum(len(w.shape) == 2 for w in weights)
    shapes = ", ".join(str(w.shape) for w in weights) or "none"
    advice = "Expected two convolutions and three fully connected layers, and nothing else with "
    advice += f"parameters; got {convs} and {linears}, with weights of these shapes: {shapes}."
    if convs < 2 or linears < 3:
        advice += " (Layers count if they are attributes, self.name = ..., or in an "
        advice += "nn.ModuleList; a plain list hides them.)"
    for kind, have, want in (("conv", convs, 2), ("fc", linears, 3)):
        if have != want:
            return Mistake(f"{kind}-{'missing' if have < want else 'extra'}", "", advice)
    return Mistake("other-parameters", "", advice)
