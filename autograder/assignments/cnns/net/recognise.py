"""Recognises what a `Net` computes, whatever its weights, and names its mistakes.

Random weights are loaded into the student's network and into the judge's own. It is right if the
outputs agree on random images within the rounding of float32; if not, its steps are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from autograder.assignments.cnns.net.diagnose import (
    first_difference,
    misshapen,
    other_layers,
    stopped,
)
from autograder.assignments.cnns.net.learning import never_learns
from autograder.assignments.cnns.net.reading import NetReading
from autograder.assignments.cnns.net.reference import LAYERS
from autograder.assignments.cnns.net.under_test import (
    NetUnderTest,
    Recognition,
    named,
    put_under_test,
)
from autograder.checking.criteria import alike
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentFault, StudentSide


def examine(student: StudentSide, seed: int, arguments: Mapping[str, int]) -> Recognition:
    """Return what `Net(**arguments)` computes, in the catalogue's words.

    Args:
        student: whose.
        seed: of the challenge.
        arguments: num_channel and num_classes; their defaults where absent.

    Raises:
        StudentFault: the network cannot be built.
    """
    net = put_under_test(student, seed, arguments)
    if not net.ways:
        return other_layers(net)
    try:
        recognition = _compare(net)
        return _in_another_kind(recognition, net.fault) if net.fault else recognition
    except StudentFault as fault:
        return stopped(net, str(fault))


def _in_another_kind(recognition: Recognition, fault: str) -> Recognition:
    """Return a recognition of logits that come in a value which is no tensor."""
    mistake = Mistake("output-kind", fault, LAYERS[-1])
    return replace(
        recognition,
        mistakes=(*recognition.mistakes, mistake),
        right_parts=recognition.right_parts - {mistake.part},
        advice=f"{fault[:1].upper()}{fault[1:]}. {recognition.advice}".strip(),
    )


def _compare(net: NetUnderTest) -> Recognition:
    """Return the recognition for a network whose parameter shapes are those of `net.spec`.

    Raises:
        StudentFault: its forward pass fails.
    """
    spec, shape = net.spec, (len(net.images), net.spec.features[-1])
    answers: list[Tensor] = []
    for answer in net.answers():
        if net.is_right(answer):
            return named([*net.named(spec), *never_learns(net)])
        if answer.shape != shape or not answer.is_floating_point():
            return misshapen(net, answer, shape)
        answers.append(answer.double())
    again = next(net.answers()).double()
    if not alike(again, answers[0]):
        mistake = Mistake("random", "chance takes part")
        advice = "The same images gave two different answers in eval mode: chance takes part. Do "
        advice += "you use F.dropout without training=self.training, or make layers in forward?"
        return Recognition((mistake,), net.right_parts(net.read(None)), advice)
    reading = _best_reading(net)
    found = net.named(reading.spec(spec))
    if found and not reading.unlisted:
        return named([*found, *never_learns(net)])
    if torch.equal(again[0], again[1]):
        mistake = Mistake("constant", "the images do not matter")
        advice = "Two different images gave the same logits: does the image reach the last layer?"
        return Recognition((mistake,), net.right_parts(reading), advice)
    return first_difference(net, reading, _mixes(net, again))


def _best_reading(net: NetUnderTest) -> NetReading:
    """Return the reading with the fewest mistakes, of all pairings and orders of flattening."""
    readings = []
    for number, answer in enumerate(net.answers()):
        readings.append(net.read(answer))
        if number + 1 >= len(net.ways) and not min(readings, key=_cost).fc1_is_wrong:
            break
    return min(readings, key=_cost)


def _cost(reading: NetReading) -> float:
    return reading.cost


def _mixes(net: NetUnderTest, answer: Tensor) -> bool:
    """Return whether the first image gets another answer alone than in the batch.

    Args:
        net: with the weights of its first pairing.
        answer: what it returned for the batch with these.
    """
    try:
        alone = net.answer(net.images[:1])
    except StudentFault:
        return True
    return not alike(alone, answer[:1])
