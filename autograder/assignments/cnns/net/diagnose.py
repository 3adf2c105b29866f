"""What stands in the way of a network that no candidate of the catalogue explains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from autograder.assignments.cnns.net.mistakes import as_specified, net_mistakes, net_neighbours
from autograder.assignments.cnns.net.reference import (
    LAYERS,
    NetSpec,
    flat_features,
    net_shapes,
    sizes,
)
from autograder.assignments.cnns.net.right_layers import is_in
from autograder.assignments.cnns.net.under_test import IMAGES, NetUnderTest, Recognition, as_if
from autograder.checking.mistakes import Mistake
from autograder.checking.pairing import match_layers, weights_of
from autograder.checking.student import StudentFault


def misshapen(net: NetUnderTest, answer: Tensor, expected: tuple[int, ...]) -> Recognition:
    got, dtype = tuple(answer.shape), str(answer.dtype).removeprefix("torch.")
    advice = f"Expected logits {expected}, got {got} {dtype}."
    if not answer.is_floating_point():
        advice += " Return the logits themselves, not the class with the largest one."
    elif answer.numel() == torch.Size(expected).numel():
        advice += " The numbers may be right, but not their arrangement."
    mistakes = [*net.named(net.spec), Mistake("output-shape", "the shape differed", "fc3")]
    return Recognition(tuple(mistakes), _without(net.right_layers(), mistakes), advice)


def first_difference(net: NetUnderTest, answer: Tensor) -> Recognition:
    """Return the recognition for a network that no candidate explains: where its outputs part.

    Args:
        net: with the weights of its first pairing.
        answer: what it returned with these.
    """
    spec = as_specified(net.spec)  # what stands between its layers is not known
    mistakes = net.named(spec)
    blocks, seen = net.blocks(spec), net.seen()
    advice = "Every layer puts out what it should, but not the network: look at its last lines."
    previous = "the images"
    for layer in LAYERS:
        if not any(is_in(output, blocks[layer].own) for output in seen):
            advice = f"The outputs of your network first differ from the specification's at {layer}"
            advice += f": look at that layer, and at what stands between {previous} and it."
            break
        if layer != "fc3" and not any(is_in(output, blocks[layer].after) for output in seen):
            advice = f"{layer} puts out what it should, but what follows it is not as specified: "
            advice += "look at the activation" + (" and the pooling." if "conv" in layer else ".")
            break
        previous = layer
    advice += "".join(f" Besides, it behaves as if {m.words}." for m in mistakes[:1])
    parts = _without(net.right_layers(answer, seen), mistakes)
    return Recognition(tuple(mistakes), parts, advice, explained=False)


def _without(parts: frozenset[str], mistakes: Sequence[Mistake]) -> frozenset[str]:
    return parts - {mistake.part for mistake in mistakes}


def stopped(net: NetUnderTest, fault: str) -> Recognition:
    """Return the recognition for a network whose forward pass fails."""
    spec = net.structure.spec if net.structure else net.spec
    advice, seen = f"{fault[:1].upper()}{fault[1:]}", net.seen()
    mistakes: list[Mistake] = []
    found = re.search(r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", fault)
    if found:
        rows, have, want, outputs = (int(number) for number in found.groups())
        layers = {(p[1], p[0]): name for name, p in net_shapes(net.spec).items() if p[1:]}
        layer = layers.get((want, outputs), "fc1").removesuffix(".weight")
        if rows != len(net.images):
            words = "the feature maps were not flattened for each image"
            mistakes = [Mistake("flatten-missing", words, layer)]
        else:
            spec = _geometry(net, spec, have, seen) if layer == "fc1" else spec
            words = f"{layer} took {want} inputs, though {have} reach it"
            mistakes = [Mistake(f"{layer}-inputs", words, layer)]
            side = sizes(spec)[1]
            fits = layer == "fc1" and have == flat_features(spec)
            maps = f" ({spec.channels[1]} x {side} x {side})" if fits else ""
            advice += f" Here {layer} takes {want} inputs, but {have}{maps} reach it."
    mistakes = [*net.named(spec), *mistakes]
    advice += f" {as_if(net.named(spec))}"
    parts = _without(net.right_layers(seen=seen), mistakes)
    answered = not fault.startswith("expected forward(...) to return a tensor")
    return Recognition(tuple(mistakes), parts, advice.strip(), answered=answered)


def _geometry(net: NetUnderTest, spec: NetSpec, features: int, seen: Sequence[Tensor]) -> NetSpec:
    """Return convolutions and poolings that leave as many features, and gave what was seen."""
    for candidate in net_neighbours(spec, features):
        own = net.blocks(candidate)["conv2"].own
        if any(is_in(output, own) for output in seen):
            return candidate
    return spec


def other_layers(net: NetUnderTest) -> Recognition:
    """Return the recognition for a network whose parameters do not fit together as specified."""
    mistakes = _structural_mistakes(net)
    spec = net.spec
    matched = match_layers(net_shapes(spec), net.core)
    for way in matched.values():
        net.load(way)
    advice, output = " ".join(mistake.words for mistake in mistakes), None
    try:
        output = net.model.forward(net.images)
    except StudentFault as fault:
        advice += f" {str(fault)[:1].upper()}{str(fault)[1:]}"
    else:
        if len(matched) == len(LAYERS) and net.blocks(spec)["fc3"].after.agrees_with(output):
            return Recognition((), frozenset(LAYERS), "")  # what it has besides does nothing
        if output.dim() > 0 and len(output) == IMAGES and torch.equal(output[0], output[1]):
            return Recognition(tuple(mistakes), frozenset(), advice)
    parts = _without(net.right_layers(output) & matched.keys(), mistakes)
    return Recognition(tuple(mistakes), parts, advice)


def _structural_mistakes(net: NetUnderTest) -> list[Mistake]:
    """Return what is wrong with the parameters' shapes, in whole sentences."""
    structure = net.structure
    if structure is None:
        return [_count_mistake(net)]
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
        mistakes.append(Mistake(f"{layer}-inputs", words, layer))
    shapes = [
        replace(m, words=f"Besides, your network behaves as if {m.words}.")
        for m in net_mistakes(spec, net.right)
    ]
    odd = Mistake("kernel-shape", "The kernels of the convolutions should be 5x5.", "conv1")
    return [*mistakes, *shapes] or [odd]


def _count_mistake(net: NetUnderTest) -> Mistake:
    weights = weights_of(net.core)
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
            return Mistake(f"{kind}-{'missing' if have < want else 'extra'}", advice)
    return Mistake("other-parameters", advice)
