"""What stands in the way of a network that no candidate of the catalogue explains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from autograder.assignments.cnns.net.mistakes import net_mistakes
from autograder.assignments.cnns.net.reading import NetReading, part_of
from autograder.assignments.cnns.net.reference import LAYERS, flat_features, net_shapes, sizes
from autograder.assignments.cnns.net.structure import misfits
from autograder.assignments.cnns.net.under_test import NetUnderTest, Recognition
from autograder.checking.kit.judge_steps import Departure
from autograder.checking.kit.step_graph import END
from autograder.checking.mistakes import Mistake, found_in
from autograder.checking.pairing import match_layers, weights_of
from autograder.checking.student import ParameterInfo, StudentFault, returned_no_tensor


def misshapen(net: NetUnderTest, answer: Tensor, expected: tuple[int, ...]) -> Recognition:
    """Return the recognition for a network whose output has another shape or kind."""
    got, dtype = tuple(answer.shape), str(answer.dtype).removeprefix("torch.")
    advice = f"Expected logits {expected}, got {got} {dtype}."
    if not answer.is_floating_point():
        advice += " Return the logits themselves, not the class with the largest one."
    elif answer.numel() == torch.Size(expected).numel():
        advice += " These are as many numbers as expected, in another arrangement."
    reading = net.read(None)
    mistakes = [
        *net.named(reading.spec(net.spec)),
        Mistake("output-shape", "the logits have another shape", "fc3"),
    ]
    return Recognition(tuple(mistakes), _without(net.right_parts(reading), mistakes), advice)


def first_difference(net: NetUnderTest, reading: NetReading, mixes: bool) -> Recognition:
    """Return the recognition for a network with mistakes that the catalogue lacks.

    Args:
        net: the network.
        reading: of its steps.
        mixes: whether an image gets another answer alone than in a batch.
    """
    mistakes, parts = net.named(reading.spec(net.spec)), reading.wrong_parts
    advice = _where(reading.unlisted[0]) if parts else _AT_THE_END
    others = [layer for layer in LAYERS if layer in parts[1:] and layer != parts[0]]
    if others:
        advice += f" Then look at {' and at '.join(others)}, and at what follows: that is not as "
        advice += "specified either."
    advice = f"{advice} {found_in('network', mistakes)}".strip()
    named = [mistake.part for mistake in mistakes]
    second = frozenset(p for p in parts if parts.count(p) + named.count(p) > 1)
    right = net.right_parts(reading)
    if mixes:
        mistakes.insert(0, Mistake("batch-mixed", "the images of a batch mix"))
        mixed = "An image gets other logits in a batch than alone: the images of a batch mix."
        advice = f"{mixed} {advice}"
    wrong = {departure.at for departure in reading.unlisted}
    notes = {part: "right, but not what follows it" for part in parts if part not in wrong}
    found = tuple(mistakes)
    return Recognition(found, right, advice, explained=False, second=second, notes=notes)


_AT_THE_END = (
    "Every layer puts out what it should, but forward returns something else: look at its last "
    "lines."
)


def _where(departure: Departure) -> str:
    """Return where a network parts from the specification: a layer, or what is around it."""
    at, layer = departure.at, part_of(departure)
    steps = "activation and pooling" if layer.startswith("conv") else "activation"
    if at == END:
        return _AT_THE_END
    if at.startswith("after "):
        return (
            f"{layer} puts out what it should, but what follows it does not: look at the {steps}."
        )
    if departure.source in LAYERS or departure.source.startswith("after "):
        advice = f"{layer} with its {steps} gives what it should, but {at} gets something else: "
        return advice + "look at what happens between them."
    if departure.source:
        return f"{at} gets something else than the images: look at what happens before it."
    advice = f"{at} gets what it should, but puts out something else: look at that layer, and at "
    return f"{advice}its arguments."


def _without(parts: frozenset[str], mistakes: Sequence[Mistake]) -> frozenset[str]:
    return parts - {mistake.part for mistake in mistakes}


def stopped(net: NetUnderTest, fault: str) -> Recognition:
    """Return the recognition for a network whose forward pass fails."""
    reading, advice = net.read(None), f"{fault[:1].upper()}{fault[1:]}"
    spec = reading.spec(net.structure.spec if net.structure else net.spec)
    mistakes: list[Mistake] = []
    found = re.search(r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", fault)
    if found:
        rows, have, want, outputs = (int(number) for number in found.groups())
        layers = {tuple(w.shape[::-1]): name for name, w in net.state.items() if w.dim() == 2}
        layer = layers.get((want, outputs), "fc1").removesuffix(".weight")
        if rows != len(net.images):
            words = "the feature maps are not flattened for each image"
            mistakes = [Mistake("flatten-missing", words, layer)]
        else:
            words = f"{layer} takes {want} inputs, but {have} reach it"
            mistakes = [Mistake(f"{layer}-inputs", words, layer)]
            side = sizes(spec)[1]
            fits = layer == "fc1" and have == flat_features(spec)
            advice += f" That layer is {layer}: {words}."
            if fits:
                advice += f" These are feature maps of {spec.channels[1]} x {side} x {side}."
    mistakes = [*net.named(spec), *mistakes]
    advice = f"{found_in('network', net.named(spec))} {advice}".strip()
    parts = _without(net.right_parts(reading), mistakes)
    answered = not returned_no_tensor(fault)
    if not answered:
        mistakes.append(Mistake("output-kind", fault, LAYERS[-1]))
    return Recognition(tuple(mistakes), parts, advice.strip(), answered=answered)


def other_layers(net: NetUnderTest) -> Recognition:
    """Return the recognition for a network whose parameters do not fit together as specified."""
    mistakes = _structural_mistakes(net)
    spec = net.spec
    matched = match_layers(net_shapes(spec), net.core)
    for way in matched.values():
        net.load(way)
    advice, output = " ".join(mistake.words for mistake in mistakes), None
    try:
        output = net.answer(net.images)
    except StudentFault as fault:
        advice += f" {str(fault)[:1].upper()}{str(fault)[1:]}"
    else:
        if len(matched) == len(LAYERS) and net.is_right(output):
            return Recognition((), frozenset(LAYERS), "")  # what it has besides does nothing
    parts = _without(net.right_parts(net.read(output)) & matched.keys(), mistakes)
    return Recognition(tuple(mistakes), parts, advice)


def _structural_mistakes(net: NetUnderTest) -> list[Mistake]:
    """Return what is wrong with the parameters' shapes, in whole sentences."""
    structure = net.structure
    if structure is None:
        return [wrong_count(net.core)]
    spec, side, mistakes = structure.spec, sizes(structure.spec)[1], []
    for layer, have, want in misfits(structure, spec):
        words = f"{layer} takes {have} inputs, but {want} reach it."
        if layer == "fc1":
            words = f"fc1 takes {have} inputs, but your convolutions and poolings leave "
            words += f"{spec.channels[1]} x {side} x {side} = {want}."
        mistakes.append(Mistake(f"{layer}-inputs", words, layer))
    shapes = [replace(m, words=found_in("network", [m])) for m in net_mistakes(spec, net.right)]
    odd = Mistake("kernel-shape", "The kernels of the convolutions should be 5x5.", "conv1")
    return [*mistakes, *shapes] or [odd]


def wrong_count(parameters: Sequence[ParameterInfo]) -> Mistake:
    """Return the mistake that a network has other layers than two and three, in whole sentences."""
    weights = weights_of(parameters)
    convs = sum(len(w.shape) == 4 for w in weights)
    linears = sum(len(w.shape) == 2 for w in weights)
    shapes = ", ".join(str(w.shape) for w in weights) or "none"
    advice = "The table has two convolutions and three fully connected layers, and nothing else "
    advice += f"with parameters. PyTorch finds {convs} and {linears} in your network, with weights "
    advice += f"of these shapes: {shapes}."
    if convs < 2 or linears < 3:
        advice += " It finds a layer only if __init__ makes it an attribute (self.name = ...) or "
        advice += "puts it into an nn.ModuleList. It does not look into a plain list."
    for kind, have, want in (("conv", convs, 2), ("fc", linears, 3)):
        if have != want:
            return Mistake(f"{kind}-{'missing' if have < want else 'extra'}", advice)
    return Mistake("other-parameters", advice)
