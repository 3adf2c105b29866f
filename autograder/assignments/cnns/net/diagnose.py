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
from autograder.assignments.cnns.net.right_layers import is_in, wrong_steps
from autograder.assignments.cnns.net.under_test import NetUnderTest, Recognition
from autograder.checking.mistakes import Mistake, found_in
from autograder.checking.pairing import match_layers, weights_of
from autograder.checking.student import ParameterInfo, StudentFault, returned_no_tensor


def misshapen(net: NetUnderTest, answer: Tensor, expected: tuple[int, ...]) -> Recognition:
    got, dtype = tuple(answer.shape), str(answer.dtype).removeprefix("torch.")
    advice = f"Expected logits {expected}, got {got} {dtype}."
    if not answer.is_floating_point():
        advice += " Return the logits themselves, not the class with the largest one."
    elif answer.numel() == torch.Size(expected).numel():
        advice += " These are as many numbers as expected, in another arrangement."
    mistakes = [
        *net.named(net.spec),
        Mistake("output-shape", "the logits have another shape", "fc3"),
    ]
    return Recognition(tuple(mistakes), _without(net.right_layers(), mistakes), advice)


def first_difference(net: NetUnderTest, answer: Tensor, mixes: bool) -> Recognition:
    """Return the recognition for a network that no candidate explains: where its outputs part.

    Args:
        net: with the weights of its first pairing.
        answer: what it returned with these.
        mixes: whether an image gets another answer alone than in a batch.
    """
    spec = as_specified(net.spec)  # what stands between its layers is not known
    mistakes = net.named(spec)
    seen = net.seen()
    right = net.right_layers(answer, seen)
    advice, blamed = _where_it_parts(net, spec, seen, right)
    known = {*blamed, *right, *(mistake.part for mistake in mistakes)}
    others = [layer for layer in LAYERS if layer not in known]
    if others and _is_finite(seen):
        advice += f" Then look at {' and at '.join(others)}, and at what follows: that is not as "
        advice += "specified either."
    advice = f"{advice} {found_in('network', mistakes)}".strip()
    second = _second_mistakes(net, seen, right, mistakes)
    if mixes:
        mistakes.insert(0, Mistake("batch-mixed", "the images of a batch mix"))
        mixed = "An image gets other logits in a batch than alone: the images of a batch mix."
        advice = f"{mixed} {advice}"
    parts = _without(right, mistakes)
    return Recognition(tuple(mistakes), parts, advice, explained=False, second=second)


def _where_it_parts(
    net: NetUnderTest, spec: NetSpec, seen: Sequence[Tensor], right: frozenset[str]
) -> tuple[str, Sequence[str]]:
    """Return where a network's outputs part from a candidate's, and the layers that may be why.

    Where a layer is not right but puts out what it should, something stands behind it.
    """
    blocks, previous = net.blocks(spec), ""
    for layer in LAYERS:
        if not any(is_in(output, blocks[layer].own) for output in seen):
            if previous and previous not in right:
                steps = "activation and pooling" if "conv" in previous else "activation"
                advice = f"{previous} with its {steps} gives what it should, but {layer} gets "
                return advice + "something else: look at what happens between them.", (previous,)
            advice = (
                f"The first wrong numbers come out of {layer}: look at that layer, and at what "
            )
            return advice + f"happens between {previous or 'the images'} and it.", (previous, layer)
        if layer != "fc3" and not any(is_in(output, blocks[layer].after) for output in seen):
            advice = f"{layer} puts out what it should, but what follows it does not: look at the "
            advice += "activation" + (" and the pooling." if "conv" in layer else ".")
            return advice, (layer,)
        previous = layer
    advice = "Every layer puts out what it should, but forward returns something else: look at its "
    return advice + "last lines.", LAYERS[-1:]


def _is_finite(seen: Sequence[Tensor]) -> bool:
    """Return whether every step shows: behind a NaN nothing does."""
    return all(bool(x.isfinite().all()) for x in seen)


def _second_mistakes(
    net: NetUnderTest, seen: Sequence[Tensor], right: frozenset[str], mistakes: Sequence[Mistake]
) -> frozenset[str]:
    """Return the layers with two mistakes: one may have a name, the others show in what was seen.

    Args:
        net: with the weights that gave what was seen.
        seen: what went in and out of its steps.
        right: the layers that are right where they stand, but for what has a name.
        mistakes: those that have a name.
    """
    if not _is_finite(seen):
        return frozenset()
    named = [mistake.part for mistake in mistakes]
    return frozenset(
        layer
        for layer in LAYERS
        if layer not in right
        and wrong_steps(layer, net.state, net.images, seen) + named.count(layer) > 1
    )


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
            words = "the feature maps are not flattened for each image"
            mistakes = [Mistake("flatten-missing", words, layer)]
        else:
            spec = _geometry(net, spec, have, seen) if layer == "fc1" else spec
            words = f"{layer} takes {want} inputs, but {have} reach it"
            mistakes = [Mistake(f"{layer}-inputs", words, layer)]
            side = sizes(spec)[1]
            fits = layer == "fc1" and have == flat_features(spec)
            advice += f" That layer is {layer}."
            if fits:
                advice += f" Feature maps of {spec.channels[1]} x {side} x {side} reach it."
    mistakes = [*net.named(spec), *mistakes]
    advice = f"{found_in('network', net.named(spec))} {advice}".strip()
    parts = _without(net.right_layers(seen=seen), mistakes)
    answered = not returned_no_tensor(fault)
    if not answered:
        mistakes.append(Mistake("output-kind", fault, LAYERS[-1]))
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
        output = net.answer(net.images)
    except StudentFault as fault:
        advice += f" {str(fault)[:1].upper()}{str(fault)[1:]}"
    else:
        if len(matched) == len(LAYERS) and net.blocks(spec)["fc3"].after.agrees_with(output):
            return Recognition((), frozenset(LAYERS), "")  # what it has besides does nothing
    parts = _without(net.right_layers(output) & matched.keys(), mistakes)
    return Recognition(tuple(mistakes), parts, advice)


def _structural_mistakes(net: NetUnderTest) -> list[Mistake]:
    """Return what is wrong with the parameters' shapes, in whole sentences."""
    structure = net.structure
    if structure is None:
        return [wrong_count(net.core)]
    spec, inputs, side = structure.spec, structure.inputs, sizes(structure.spec)[1]
    wanted = (1, spec.channels[0], flat_features(spec), *spec.features[:2])
    mistakes = []
    for layer, have, want in zip(LAYERS, inputs, wanted, strict=True):
        if have == want:
            continue
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
