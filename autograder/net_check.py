"""Judges `Net` by its parameters and by the function it computes, and names its mistakes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from autograder.challenge import generator, random_images, random_state
from autograder.pairing import Pairing, Structure, infer, pairings, weights_of
from autograder.references import (
    LAYERS,
    Mistake,
    NetSpec,
    flat_features,
    net_mistakes,
    net_neighbours,
    net_shapes,
    net_spec,
    net_stages,
    sizes,
)
from autograder.results import CheckResult, Criterion, verdict
from autograder.student import Model, ParameterInfo, Student, StudentFault

NAME = "Net"
OTHER = {"num_channel": 5, "num_classes": 7}  # a size that the notebook never mentions
IMAGES = 3
_FLATTEN_ORDERS = ((0, 1, 2), (1, 2, 0), (0, 2, 1), (2, 1, 0))  # of (C, H, W); the first is usual


def parameters(student: Student, seed: int) -> CheckResult:
    """Returns the verdict on the parameters of `Net`: 10 points."""
    model, shapes = Model(student, NAME, seed), net_shapes(net_spec())
    left = list(model.parameters)
    criteria = [_layer_criterion(layer, shapes, left, model.parameters) for layer in LAYERS]
    criteria.append(_total_criterion("parameters in all", net_spec(), model.parameters))
    name = "parameters in all of Net({})".format(", ".join(f"{k}={v}" for k, v in OTHER.items()))
    try:
        other = Model(student, NAME, seed, **OTHER)
        criteria.append(_total_criterion(name, net_spec(**OTHER), other.parameters))
    except StudentFault as fault:
        total = _count(net_shapes(net_spec(**OTHER)).values())
        criteria.append(verdict(name, f"{total:,}", str(fault), False, 1.0))
    wrong = next((c.name for c in criteria if c.earned < c.points), None)
    advice = "" if wrong is None else f"Start at the first row that differs: {wrong}."
    figures = {"parameters": float(_count(p.shape for p in model.parameters))}
    return CheckResult(tuple(criteria), advice, figures=figures)


def _layer_criterion(
    layer: str,
    shapes: Mapping[str, tuple[int, ...]],
    left: list[ParameterInfo],
    every: Sequence[ParameterInfo],
) -> Criterion:
    """Returns the criterion of one layer; takes what matches out of `left`."""
    wanted = {k: v for k, v in shapes.items() if k.startswith(layer)}
    expected = f"weight {wanted[f'{layer}.weight']}, bias {wanted[f'{layer}.bias']}"
    owners = {p.owner: [q for q in left if q.owner == p.owner] for p in left}
    for group in [*owners.values(), left]:
        for pair in _pairs_in(group):
            if pairings(wanted, pair):
                for parameter in pair:
                    left.remove(parameter)
                return verdict(f"layer {layer}", expected, "the same", True, 1.6)
    weights = weights_of(every)
    index = LAYERS.index(layer)
    got = "no such layer"
    if index < len(weights):
        weight = weights[index]
        biases = [p.shape for p in every if p.owner == weight.owner and len(p.shape) == 1]
        got = f"weight {weight.shape}, " + (f"bias {biases[0]}" if biases else "no bias")
    return verdict(f"layer {layer}", expected, got, False, 1.6)


def _pairs_in(group: Sequence[ParameterInfo]) -> list[list[ParameterInfo]]:
    weights, rest = weights_of(group), [p for p in group if len(p.shape) == 1]
    return [[weight, bias] for weight in weights for bias in rest]


def _total_criterion(name: str, spec: NetSpec, got: Sequence[ParameterInfo]) -> Criterion:
    expected, count = _count(net_shapes(spec).values()), _count(p.shape for p in got)
    return verdict(name, f"{expected:,}", f"{count:,}", expected == count, 1.0)


def _count(shapes: object) -> int:
    return sum(math.prod(shape) for shape in shapes)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Finding:
    """What a network was recognised as.

    Attributes:
        mistakes: where it departs from the specification; empty if it is right.
        right_parts: the layers that are right.
        advice: what the student reads, "" if the network is right.
    """

    mistakes: tuple[Mistake, ...]
    right_parts: frozenset[str]
    advice: str


def function(student: Student, seed: int) -> CheckResult:
    """Returns the verdict on the function that `Net` computes: 20 points."""
    finding = examine(student, seed)
    criteria = [
        verdict(
            f"{layer} and what follows it",
            "as specified",
            "as specified" if layer in finding.right_parts else _got(finding, layer),
            layer in finding.right_parts,
            3.2,
        )
        for layer in LAYERS
    ]
    advice = finding.advice
    if finding.right_parts:
        other = examine(student, seed + 1, **OTHER)
        passed = len(other.right_parts) == len(LAYERS)
        shown = ", ".join(f"{key}={value}" for key, value in OTHER.items())
        got = "as specified" if passed else "another network"
        criteria.append(verdict(f"the same for Net({shown})", "as specified", got, passed, 4.0))
        if not advice and not passed:
            advice = _other_size_advice(student, other, seed)
    else:
        criteria.append(verdict("the same for other sizes", "as specified", "-", False, 4.0))
    key = finding.mistakes[0].key if finding.mistakes else ""
    return CheckResult(tuple(criteria), advice, key)


def _got(finding: Finding, layer: str) -> str:
    words = [mistake.sentence for mistake in finding.mistakes if mistake.part == layer]
    return "as if " + " and ".join(words) if words else "differs"


def _other_size_advice(student: Student, other: Finding, seed: int) -> str:
    try:
        shapes = [p.shape for p in Model(student, NAME, seed, **OTHER).parameters]
        default = [p.shape for p in Model(student, NAME, seed).parameters]
        channels = [p.shape for p in Model(student, NAME, seed, num_channel=5).parameters]
        classes = [p.shape for p in Model(student, NAME, seed, num_classes=7).parameters]
    except StudentFault as fault:
        return f"With other sizes than the defaults, {fault}."
    if shapes == default or channels == default:
        return "Your network ignores its argument num_channel: is a number written out somewhere?"
    if classes == default:
        return "Your network ignores its argument num_classes: is a 10 written out somewhere?"
    return f"It is right for the defaults, but not for other sizes. {other.advice}"


def examine(student: Student, seed: int, **arguments: int) -> Finding:
    """Returns what `Net(**arguments)` computes, whatever its weights, in the catalogue's words.

    Random weights are loaded into the student's network and into candidates of the reference; a
    candidate whose outputs agree on random images within the rounding of float32 is what the
    network is.

    Raises:
        StudentFault: the network cannot be built.
    """
    rng, right = generator(seed), net_spec(**arguments)
    model = Model(student, NAME, seed, **arguments)
    images = random_images(IMAGES, 1, 56, 56, rng)
    structure = infer(model.parameters)
    for spec in _candidates(structure, right):
        ways = pairings(net_shapes(spec), model.parameters)
        if ways:
            return _compare(model, structure, spec, ways, images, rng, right)
    return _unrecognised(model, structure, images, right)


def _candidates(structure: Structure | None, right: NetSpec) -> list[NetSpec]:
    """Returns descriptions to try for the parameters' shapes: the right one first."""
    if structure is None or structure.spec == right:
        return [right, *_first_neighbour(structure)]
    return _first_neighbour(structure)


def _first_neighbour(structure: Structure | None) -> list[NetSpec]:
    if structure is None:
        return []
    return list(net_neighbours(structure.spec, structure.inputs_of_fc1))[:1]


def _compare(
    model: Model,
    structure: Structure | None,
    spec: NetSpec,
    ways: Sequence[Pairing],
    images: Tensor,
    rng: object,
    right: NetSpec,
) -> Finding:
    """Returns the finding for a network whose parameter shapes are those of `spec`."""
    state = random_state(net_shapes(spec), rng)  # type: ignore[arg-type]
    answers: list[Tensor] = []
    for way in ways:
        model.load({slot.parameter.name: slot.fit(state[name]) for name, slot in way.items()})
        answers.append(model.forward(images))
        if _is(spec, state, images, answers[-1:]) and spec == right:
            return Finding((), frozenset(LAYERS), "")
    if spec == right and _is_reordered(model, ways[0], spec, state, images):
        return Finding((), frozenset(LAYERS), "")
    base = structure.spec if structure else spec
    inputs = structure.inputs_of_fc1 if structure else flat_features(spec)
    firsts = [answer[:1] for answer in answers]  # one image rules out nearly every candidate
    for candidate in net_neighbours(base, inputs):
        if not _is(candidate, state, images[:1], firsts):
            continue
        if _is(candidate, state, images, answers):
            return _named(net_mistakes(candidate, right))
    return _first_difference(model, ways[0], spec, state, images, right)


def _is(
    spec: NetSpec, state: Mapping[str, Tensor], images: Tensor, answers: Sequence[Tensor]
) -> bool:
    expected = net_stages(spec, state, images)["output"]
    return any(expected.agrees_with(answer) for answer in answers)


def _is_reordered(
    model: Model, way: Pairing, spec: NetSpec, state: Mapping[str, Tensor], images: Tensor
) -> bool:
    """Returns whether the network is right but flattens its feature maps in another order."""
    channels, size = spec.channels[1], sizes(spec)[1]
    expected = net_stages(spec, state, images)["output"]
    weight = state["fc1.weight"].reshape(-1, channels, size, size)
    slot = way["fc1.weight"]
    for order in _FLATTEN_ORDERS[1:]:
        columns = weight.permute(0, *(axis + 1 for axis in order)).reshape(len(weight), -1)
        model.load({slot.parameter.name: slot.fit(columns)})
        if expected.agrees_with(model.forward(images)):
            return True
    return False


def _named(mistakes: Sequence[Mistake]) -> Finding:
    wrong = {mistake.part for mistake in mistakes}
    words = ", and as if ".join(mistake.sentence for mistake in mistakes)
    right_parts = frozenset(LAYERS) - wrong
    return Finding(tuple(mistakes), right_parts, f"Your network behaves as if {words}.")


def _first_difference(
    model: Model,
    way: Pairing,
    spec: NetSpec,
    state: Mapping[str, Tensor],
    images: Tensor,
    right: NetSpec,
) -> Finding:
    """Returns the finding for a network that no candidate explains: where its outputs part."""
    model.load({slot.parameter.name: slot.fit(state[name]) for name, slot in way.items()})
    stages, seen = net_stages(spec, state, images), [output for _, output in model.trace(images)]
    shape_mistakes = net_mistakes(spec, right)
    agreed: set[str] = set()
    for layer in LAYERS:
        if not any(
            output.numel() == stages[layer].value.numel()
            and stages[layer].reshape(*output.shape).agrees_with(output)
            for output in seen
        ):
            advice = f"The outputs of your network first differ from the specification's at {layer}"
            advice += ": look at that layer, and at what stands before it."
            break
        agreed.add(layer)
    else:
        advice = "Every layer puts out what it should, but not the network: look at its last lines."
    advice += "".join(f" Besides, {mistake.sentence}." for mistake in shape_mistakes[:1])
    parts = agreed - {mistake.part for mistake in shape_mistakes} - set(LAYERS[-1:])
    return Finding(tuple(shape_mistakes), frozenset(parts), advice)


def _unrecognised(
    model: Model, structure: Structure | None, images: Tensor, right: NetSpec
) -> Finding:
    """Returns the finding for a network whose layers are not those of the specification."""
    if structure is None:
        shapes = ", ".join(str(p.shape) for p in weights_of(model.parameters)) or "none"
        advice = "Expected two convolutions and three fully connected layers and nothing else "
        advice += f"with parameters; got weights of these shapes: {shapes}."
        return Finding((), frozenset(), advice)
    spec, inputs = structure.spec, structure.inputs_of_fc1
    needed, size = flat_features(spec), sizes(spec)[1]
    mistakes = net_mistakes(spec, right)
    words = "".join(f" Besides, {mistake.sentence}." for mistake in mistakes[:1])
    advice = f"fc1 takes {inputs} inputs, but your convolutions and poolings leave "
    advice += f"{spec.channels[1]} x {size} x {size} = {needed}.{words}"
    wrong = Mistake("fc1-inputs", "fc1", f"fc1 took {inputs} inputs instead of {needed}")
    return Finding((wrong, *mistakes), frozenset(), advice)
