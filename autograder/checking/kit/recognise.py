"""What a wrong answer is: the mutant, or the two at once, that give the same answers everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder import StudentFault
from autograder.checking.kit.blocks import Fit
from autograder.checking.kit.catalogue import run_safely, subject_of
from autograder.checking.kit.challenge import Challenge, answers_of
from autograder.checking.kit.effect import Paired
from autograder.checking.kit.mutant import Mutant, pair
from autograder.checking.kit.reference import Reference, Subject
from autograder.checking.kit.values import distance

MAX_PAIRS = 2000  # of mutants that are tried on a wrong answer
_FAR = 1e-4  # what two forms of one mistake may differ by in float32


@dataclass
class Asked:
    """A student's side at one size.

    Attributes:
        challenge: what is asked.
        answers: of a function: what came back in each round, or why nothing did.
        paired: of a module: a network for each draw of equal values; empty if none is built.
        given: of a module: what it returns before any weights are loaded.
        failed: why there is no network, or no answer of it.
    """

    challenge: Challenge
    answers: list[Any | StudentFault] = field(default_factory=list)
    paired: list[Paired] = field(default_factory=list)
    given: Any = None
    failed: StudentFault | None = None

    @property
    def silent(self) -> bool:
        """Return whether nothing came back at all."""
        return self.failed is not None or (
            bool(self.answers) and all(isinstance(a, StudentFault) for a in self.answers)
        )


def is_right(asked: Asked) -> bool:
    """Return whether the answers at one size are the reference's."""
    if asked.silent:
        return False
    if asked.paired:
        return _network_is(asked, asked.challenge.right)
    rounds = zip(asked.challenge.rounds, asked.answers, strict=True)
    return all(
        not isinstance(answer, StudentFault)
        and distance(answer, one.expected) <= asked.challenge.tolerance
        for one, answer in rounds
    )


def recognise(
    reference: Reference, mutants: Sequence[Mutant], asked: Sequence[Asked]
) -> Mutant | None:
    """Return the mistake that explains all answers of a student who is wrong; None: it is unknown.

    Args:
        reference: what is right.
        mutants: what is tried, the author's first; then two of them at once.
        asked: the student's side at every size, at one of them wrong.
    """
    sizes = [one for one in asked if not one.silent]
    if not sizes:
        return None
    explains = _explains_network if reference.is_module else _explains_function
    tried: Callable[[Mutant], bool] = lambda mutant: explains(reference, mutant, sizes)  # noqa: E731
    return next(filter(tried, itertools.chain(mutants, _pairs(mutants))), None)


def _pairs(mutants: Sequence[Mutant]) -> Iterator[Mutant]:
    both = (pair(a, b) for a, b in itertools.combinations(mutants, 2))
    return itertools.islice((mutant for mutant in both if mutant is not None), MAX_PAIRS)


def _explains_function(reference: Reference, mutant: Mutant, sizes: Sequence[Asked]) -> bool:
    return all(_explains_answers(reference, mutant, asked) for asked in sizes)


def _explains_answers(reference: Reference, mutant: Mutant, asked: Asked) -> bool:
    challenge = asked.challenge
    subject = subject_of(reference, challenge.size, mutant, challenge.right)
    if subject is None:
        return False
    for one, answer in zip(challenge.rounds, asked.answers, strict=True):
        if isinstance(answer, StudentFault):
            continue
        allowed = max(challenge.tolerance, _FAR)
        apart = distance(answer, answers_of(subject, one))
        if apart > allowed and not mutant.double:
            # What float32 alone shows, such as an overflow; or what it blurs, such as 1 / x.
            apart = distance(answer, answers_of(subject, one, torch.float32))
        if apart > allowed:
            return False
    return True


def _explains_network(reference: Reference, mutant: Mutant, sizes: Sequence[Asked]) -> bool:
    for asked in sizes:
        right = asked.challenge.right
        subject = subject_of(reference, asked.challenge.size, mutant, right)
        if subject is None or not _network_is(asked, subject):
            return False
    return True


def _network_is(asked: Asked, subject: Subject) -> bool:
    """Return whether a student's network computes what a reference or a mutant does.

    Raises:
        StudentFault: it cannot be asked any more.
    """
    tolerance = asked.challenge.tolerance
    allowed = tolerance if subject is asked.challenge.right else max(tolerance, _FAR)
    for fit in asked.paired[0].fits(subject):
        for paired in asked.paired:  # where one draw does not tell blocks apart, another may
            if not paired.alike_tied(subject, fit, max(tolerance, _FAR)):
                break
            if _same_in_all_rounds(asked.challenge, paired, fit, subject, allowed):
                return True
    return False


def _same_in_all_rounds(
    challenge: Challenge, paired: Paired, fit: Fit, subject: Subject, allowed: float
) -> bool:
    pairs = paired.pairs(subject, fit)
    for one in challenge.rounds:
        state = paired.without_zero(fit, subject.random_state(one.seed))
        mine = run_safely(subject, one.inputs, state)
        if distance(paired.answer(subject, fit, pairs, one.inputs, state), mine) > allowed:
            return False
    return True
