"""Recognises what a `Net` computes, whatever its weights, and names its mistakes.

Random weights are loaded into the student's network and into the judge's candidates; a candidate
whose outputs agree on random images within the rounding of float32 is what the network is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from autograder.assignments.cnns.net.diagnose import (
    first_difference,
    misshapen,
    other_layers,
    stopped,
)
from autograder.assignments.cnns.net.learning import never_learns
from autograder.assignments.cnns.net.mistakes import net_neighbours
from autograder.assignments.cnns.net.reference import (
    LAYERS,
    Cache,
    NetSpec,
    convolved,
    flat_features,
    net_blocks,
)
from autograder.assignments.cnns.net.under_test import (
    NetUnderTest,
    Recognition,
    named,
    put_under_test,
)
from autograder.checking import error_bounds
from autograder.checking.criteria import alike
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentFault, StudentSide

_SEARCH = 60_000_000  # candidates times entries of the convolutions' weights: about 2 s
_SCREEN = 1e-3  # relative to the largest output: float32 differs by 1e-5, other networks by more


def examine(
    student: StudentSide, seed: int, arguments: Mapping[str, int], search: bool = True
) -> Recognition:
    """Return what `Net(**arguments)` computes, in the catalogue's words.

    Args:
        student: whose.
        seed: of the challenge.
        arguments: num_channel and num_classes; their defaults where absent.
        search: whether to look through the catalogue; not worth it once it has failed.

    Raises:
        StudentFault: the network cannot be built.
    """
    net = put_under_test(student, seed, arguments)
    if not net.ways:
        return other_layers(net)
    try:
        recognition = _compare(net, search)
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


def _compare(net: NetUnderTest, search: bool) -> Recognition:
    """Return the recognition for a network whose parameter shapes are those of `net.spec`.

    Raises:
        StudentFault: its forward pass fails.
    """
    spec, expected = net.spec, net.blocks(net.spec)["fc3"].after
    answers: list[Tensor] = []
    for answer in net.answers():
        if expected.agrees_with(answer):
            return named([*net.named(spec), *never_learns(net)])
        if answer.shape != expected.value.shape or not answer.is_floating_point():
            return misshapen(net, answer, tuple(expected.value.shape))
        answers.append(answer.double())
    again = next(net.answers()).double()
    if not alike(again, answers[0]):
        mistake = Mistake("random", "chance takes part")
        advice = "The same images gave two different answers in eval mode: chance takes part. Do "
        advice += "you use F.dropout without training=self.training, or make layers in forward?"
        seen = net.seen()
        return Recognition((mistake,), net.right_layers(seen[-1] if seen else None, seen), advice)
    base = net.structure.spec if net.structure else spec
    most = _SEARCH // convolved(spec) + 1 if search else 0
    candidates = islice(net_neighbours(base, flat_features(spec)), most)
    for candidate in _screened(net, candidates, answers):
        output = net.blocks(candidate)["fc3"].after
        if any(output.agrees_with(answer) for answer in answers):
            return named([*net.named(candidate), *never_learns(net)])
    if torch.equal(again[0], again[1]):
        mistake = Mistake("constant", "the images do not matter")
        advice = "Two different images gave the same logits: does the image reach the last layer?"
        return Recognition((mistake,), net.right_layers(again), advice)
    return first_difference(net, again, _mixes(net, again))


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


def _screened(
    net: NetUnderTest, candidates: Iterable[NetSpec], answers: Sequence[Tensor]
) -> Iterator[NetSpec]:
    """Yield the candidates whose output in float32 comes close to one of the answers."""
    given = torch.stack(list(answers)).float()  # (ways, N, K)
    if not bool(given.isfinite().all()):
        return
    allowed = _SCREEN * given.abs().max()
    cache: Cache = {}
    with torch.no_grad():
        for candidate in candidates:
            images = error_bounds.rough(net.images)
            output = net_blocks(candidate, net.state, images, cache)["fc3"].after.value
            if bool(((given - output).abs().amax(dim=(1, 2)) <= allowed).any()):
                yield candidate
