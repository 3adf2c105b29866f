"""What is asked at one size, so that every mutant shows, and how exact an answer must be.

Inputs and weights are drawn again until each mutant differs from the reference in a round. The
tolerance lies between what float32 does to the reference and the nearest mutant: their geometric
mean, so that there is as much room on one side as on the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from autograder import CheckFault
from autograder.checking.challenge import derive_seed
from autograder.checking.kit.catalogue import SHOWS, precision, run_safely, subject_of
from autograder.checking.kit.mutant import Mutant
from autograder.checking.kit.reference import Reference, Size, Subject
from autograder.checking.kit.values import distance

MAX_ROUNDS = 4
_TRIES = 12
_MAX_ERROR = SHOWS / 100  # of the reference in float32: beyond, no mutant could be told
_ROOM = 30.0  # how many times the reference's own error a right answer may have, at the least
_LEAST = 2e-5  # a fiftieth of `SHOWS`: forms that lose digits, such as E[x^2] - E[x]^2, stay within


@dataclass(frozen=True)
class Round:
    """One question.

    Attributes:
        inputs: the arguments, float32.
        seed: of the weights, if there are any.
        expected: what is right, float64.
        single: the same as float32 gives it.
    """

    inputs: Sequence[Any]
    seed: int
    expected: Any
    single: Any


@dataclass(frozen=True)
class Challenge:
    """What is asked at one size.

    Attributes:
        size: which.
        right: the reference, ready to run.
        rounds: the questions.
        tolerance: how far an answer may be off, relative to the largest entry.
        hidden: names of mutants that show in none of the rounds.
    """

    size: Size
    right: Subject
    rounds: tuple[Round, ...]
    tolerance: float
    hidden: tuple[str, ...]


def draw_challenge(
    reference: Reference, mutants: Sequence[Mutant], size: Size, seed: int
) -> Challenge:
    """Return the questions at one size.

    Args:
        reference: what is right.
        mutants: that should show.
        size: of the inputs.
        seed: of all that is drawn.

    Raises:
        CheckFault: float32 is not exact enough for the reference.
    """
    right = reference.subject(size)
    subjects = {m.name: subject_of(reference, size, m, right) for m in mutants}
    nearest = {name: 0.0 for name, subject in subjects.items() if subject is not None}
    rounds: list[Round] = []
    error = 0.0
    for attempt in range(_TRIES):
        one, off = _round(reference, size, right, derive_seed("round", seed, attempt))
        if off > _MAX_ERROR:
            continue
        apart = _apart(one, subjects, [name for name, far in nearest.items() if far < SHOWS])
        news = [name for name, far in apart.items() if far >= SHOWS]
        if rounds and not news:
            continue
        rounds.append(one)
        error = max(error, off)
        nearest.update({name: max(nearest[name], far) for name, far in apart.items()})
        if len(rounds) == MAX_ROUNDS or min(nearest.values(), default=math.inf) >= SHOWS:
            break
    if not rounds:
        raise CheckFault(
            f"the reference {reference.name} is off by more than {_MAX_ERROR:g} in float32, "
            "however its inputs are drawn: let `inputs` draw smaller numbers"
        )
    seen = [far for far in nearest.values() if far >= SHOWS]
    hidden = tuple(name for name, far in nearest.items() if far < SHOWS)
    return Challenge(size, right, tuple(rounds), _tolerance(error, min(seen, default=1.0)), hidden)


def _tolerance(error: float, nearest: float) -> float:
    nearest = min(nearest, 1.0)
    middle = math.sqrt(max(error, 1e-8) * nearest)
    return min(max(middle, _ROOM * error, _LEAST), nearest / 3)


def _round(reference: Reference, size: Size, right: Subject, seed: int) -> tuple[Round, float]:
    """Return one question, and how far float32 is off."""
    inputs, state = reference.inputs(size, seed), right.random_state(seed)
    single = right.run(inputs, state, torch.float32)
    expected = right.run(inputs, state)
    return Round(inputs, seed, expected, single), distance(single, expected)


def _apart(
    one: Round, subjects: Mapping[str, Subject | None], names: Sequence[str]
) -> dict[str, float]:
    """Return how far each mutant is from the reference in one round; inf where it cannot run."""
    found = {}
    for name in names:
        subject = subjects[name]
        assert subject is not None
        state = subject.random_state(one.seed)
        output = run_safely(subject, one.inputs, state, precision(subject.mutant))
        found[name] = distance(output, one.expected)
    return found


def answers_of(subject: Subject, one: Round, dtype: torch.dtype = torch.float64) -> Any:
    """Return what a mutant gives in a round; None where it raises."""
    return run_safely(subject, one.inputs, subject.random_state(one.seed), dtype)
