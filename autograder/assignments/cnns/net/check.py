"""Judges `Net` by its parameters and by the function it computes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.assignments.cnns.net.diagnose import wrong_count
from autograder.assignments.cnns.net.extra_layers import extra_mistakes, split
from autograder.assignments.cnns.net.mistakes import net_mistakes
from autograder.assignments.cnns.net.recognise import examine
from autograder.assignments.cnns.net.reference import (
    LAYERS,
    NetSpec,
    Shape,
    net_shapes,
    net_spec,
    parameter_count,
    sizes,
)
from autograder.assignments.cnns.net.structure import infer, misfits
from autograder.assignments.cnns.net.under_test import NET, Recognition
from autograder.assignments.cnns.networks import build
from autograder.checking.check_result import CheckResult, Criterion, verdict
from autograder.checking.criteria import called
from autograder.checking.mistakes import Mistake, found_in, names
from autograder.checking.pairing import match_layers, weights_of
from autograder.checking.student import ParameterInfo, StudentFault, StudentSide

OTHER = {"num_channel": 5, "num_classes": 7}  # a size that the notebook never mentions
_OTHER_SHOWN = called(NET, OTHER)
_LAYER_POINTS, _TOTAL_POINTS = 1.6, 1.0
_PART_POINTS, _OTHER_PART_POINTS, _SECOND_POINTS = 2.8, 0.6, 3.0
_PICTURE = "The picture at the exercise shows which layers are right, and where to start."
_UNANSWERED = 0.5  # the share of its points that a layer keeps in a network that returns nothing
DEFAULTS = {"num_channel": 8, "num_classes": 10}
_DEFAULTS_SHOWN = called(NET, DEFAULTS)


def parameters(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the parameters of `Net`: 10 points."""
    model = own = build(student, NET, seed)
    defaults = _other_defaults(student, seed, own.parameters)
    if defaults:
        model = build(student, NET, seed, **DEFAULTS)
    shapes = net_shapes(net_spec())
    matched = match_layers(shapes, model.parameters)
    taken = [slot.parameter for pairing in matched.values() for slot in pairing.values()]
    left = [p for p in model.parameters if p not in taken]
    criteria = [_layer_criterion(layer, shapes, layer in matched, left) for layer in LAYERS]
    try:
        other = f"{_count(build(student, NET, seed, **OTHER).parameters):,}"
    except StudentFault as fault:
        other = str(fault)
    name, got = "parameters in all", f"{_count(own.parameters):,}"
    criteria.append(_total_criterion(name, net_spec(), got))
    criteria.append(_total_criterion(f"{name} of {_OTHER_SHOWN}", net_spec(**OTHER), other))
    figures = {"parameters": float(_count(model.parameters))}
    wrong = next((c.name for c in criteria if c.earned < c.points), None)
    if wrong is None:
        return CheckResult(tuple(criteria), figures=figures)
    if defaults:
        return CheckResult(tuple(criteria), defaults.words, names([defaults]), figures)
    core, extra_layers = split(model.parameters)
    pairing = {name: slot for found in matched.values() for name, slot in found.items()}
    mistakes = _by_shapes(core) or extra_mistakes(extra_layers, model.parameters, pairing)
    if mistakes[:1] and mistakes[0].words.endswith("."):
        advice = mistakes[0].words
    else:
        advice = f"{found_in('network', mistakes[:1])} Look first at the row: {wrong}.".strip()
    return CheckResult(tuple(criteria), advice, names(mistakes[:1]), figures)


def _by_shapes(parameters: Sequence[ParameterInfo]) -> list[Mistake]:
    """Return what the shapes of a network's parameters show to be wrong with its layers."""
    structure, right = infer(parameters), net_spec()
    if structure is None:
        return [wrong_count(parameters)]
    mistakes = net_mistakes(structure.spec, right)
    for layer, have, want in misfits(structure, right)[: not mistakes]:
        words = f"{layer} takes {have:,} inputs, expected {want:,}"
        if layer == "fc1":
            words += ": count what reaches it, and mend first what is wrong before it"
        mistakes = [Mistake(f"{layer}-inputs", f"{words}.", layer)]
    return mistakes


def _layer_criterion(
    layer: str, shapes: Mapping[str, Shape], found: bool, left: Sequence[ParameterInfo]
) -> Criterion:
    """Return the criterion of one layer; `left` are parameters that belong to no right layer."""
    weight = shapes[f"{layer}.weight"]
    expected = f"weight {weight}, bias {shapes[f'{layer}.bias']}"
    if found:
        return verdict(f"layer {layer}", expected, "the same", True, _LAYER_POINTS)
    similar = [w for w in weights_of(left) if len(w.shape) == len(weight)]
    similar.sort(key=lambda w: -sum(a == b for a, b in zip(w.shape, weight, strict=True)))
    got = "no such layer"
    if similar:
        biases = [p.shape for p in left if p.owner == similar[0].owner and p is not similar[0]]
        got = f"weight {similar[0].shape}, " + (f"bias {biases[0]}" if biases else "no bias")
    return verdict(f"layer {layer}", expected, got, False, _LAYER_POINTS)


def _total_criterion(name: str, spec: NetSpec, got: str) -> Criterion:
    expected = f"{parameter_count(spec):,}"
    return verdict(name, expected, got, got == expected, _TOTAL_POINTS)


def _count(parameters: Sequence[ParameterInfo]) -> int:
    return sum(math.prod(p.shape) for p in parameters)


def function(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the function that `Net` computes: 20 points.

    Each layer, with what follows it, earns its share for the default sizes, and some more if it is
    right for other sizes too. A layer has no more than its share to lose, so a second mistake at
    one layer has a row of its own.
    """
    recognition, defaults = examine(student, seed, {}), None
    if not recognition.right:
        defaults = _other_defaults(student, seed, build(student, NET, seed).parameters)
        recognition = examine(student, seed, DEFAULTS) if defaults else recognition
    share = 1.0 if recognition.answered else _UNANSWERED
    criteria = [
        Criterion(
            f"{layer} and what follows it",
            "as specified",
            "as specified" if layer in recognition.right_parts else _got(recognition, layer),
            share * _PART_POINTS if layer in recognition.right_parts else 0.0,
            _PART_POINTS,
        )
        for layer in LAYERS
    ]
    criteria.append(_second_criterion(recognition))
    mistakes, advice = list(recognition.mistakes), recognition.advice
    name = f"the same for {_OTHER_SHOWN}"
    most = _OTHER_PART_POINTS * len(LAYERS)
    try:
        other = examine(student, seed + 1, OTHER)
    except StudentFault as fault:
        other = Recognition((), frozenset(), f"{_OTHER_SHOWN} cannot be built: {fault}")
    kept = 0 if defaults else len(other.right_parts & recognition.right_parts)
    got = f"{len(other.right_parts)} of {len(LAYERS)} layers as specified"
    if defaults:
        got += f", but {NET}() has other sizes"
    elif kept < len(other.right_parts):
        got += f"; only {kept} of them are right for {NET}() too"
    criteria.append(Criterion(name, "as specified", got, share * _OTHER_PART_POINTS * kept, most))
    if other.right_parts < recognition.right_parts:
        mistake = _other_size_mistake(student, other, seed)
        mistakes.append(mistake)
        advice = f"{advice} {mistake.words}".strip()
    if defaults:
        mistakes.insert(0, defaults)
        advice = f"{defaults.words} {advice}".strip()
    figures = {}
    if names(mistakes) != ("output-kind",):  # that is no layer's
        figures["layers"] = _layers(recognition)
        advice = advice if recognition.right else f"{advice} {_PICTURE}".strip()
    return CheckResult(tuple(criteria), advice, names(mistakes), figures)


def _second_criterion(recognition: Recognition) -> Criterion:
    """Return the criterion that no layer has two mistakes."""
    right = recognition.answered and bool(recognition.right_parts)
    got = "yes" if right else "no layer is right"
    if recognition.crowded:
        right, got = False, f"a second one at {' and at '.join(recognition.crowded)}"
    elif not recognition.answered:
        got = "nothing was returned"
    return verdict("at most one mistake in each layer", "yes", got, right, _SECOND_POINTS)


def _other_defaults(
    student: StudentSide, seed: int, parameters: Sequence[ParameterInfo]
) -> Mistake | None:
    """Return the mistake that `Net()` has other sizes than the exercise's; None if it has not.

    Then everything else is asked of the network whose sizes are written out.

    Args:
        student: whose.
        seed: of the challenge.
        parameters: of `Net()`.
    """
    own = [p.shape for p in parameters]
    if set(own) >= set(net_shapes(net_spec()).values()):
        return None
    try:
        written_out = [p.shape for p in build(student, NET, seed, **DEFAULTS).parameters]
    except StudentFault:
        return None
    if own == written_out:
        return None
    return Mistake(
        "other-defaults",
        f"{NET}() has other sizes than {_DEFAULTS_SHOWN}: give both arguments the default values "
        "of the exercise.",
    )


def _layers(recognition: Recognition) -> list[dict[str, Any]]:
    """Return what each layer should put out, and whether it does, for the picture."""
    spec = net_spec()
    sides = sizes(spec)
    shown = [f"{c} x {side} x {side}" for c, side in zip(spec.channels, sides, strict=True)]
    shown += [str(count) for count in spec.features]
    return [
        {"name": layer, "size": size, "right": layer in recognition.right_parts}
        for layer, size in zip(LAYERS, shown, strict=True)
    ]


def _got(recognition: Recognition, layer: str) -> str:
    words = [mistake.words for mistake in recognition.mistakes if mistake.part == layer]
    if not words:
        unknown = "not as specified" + (", or not reached" if recognition.explained else "")
        return recognition.notes.get(layer, unknown)
    return words[0] if words[0].endswith(".") else "; ".join(words)


def _other_size_mistake(student: StudentSide, other: Recognition, seed: int) -> Mistake:
    """Return why a network is less right for other sizes than the defaults, in a sentence."""
    try:
        default = [p.shape for p in build(student, NET, seed).parameters]
    except StudentFault:
        default = []
    for argument, value in OTHER.items():
        try:
            shapes = [p.shape for p in build(student, NET, seed, **{argument: value}).parameters]
        except StudentFault as fault:
            words = f"{NET}({argument}={value}) cannot be built: {fault}"
            return Mistake(f"{argument}-ignored", words)
        if shapes == default:
            words = f"{NET} ignores its argument {argument}: is a number written in its place?"
            return Mistake(f"{argument}-ignored", words)
    name = other.mistakes[0].name if other.mistakes else "other-sizes"
    return Mistake(name, f"For other sizes than the defaults it is wrong. {other.advice}")
