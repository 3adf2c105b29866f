"""The grade cells of a function: shapes and values of what it returns, its arguments left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autograder import StudentFault
from autograder.checking.challenge import derive_seed
from autograder.checking.check_result import CheckResult, Criterion, verdict
from autograder.checking.criteria import shape_advice
from autograder.checking.kit.asking import apply
from autograder.checking.kit.challenge import draw_challenge
from autograder.checking.kit.exercise import Exercise, sentence
from autograder.checking.kit.recognise import Asked, is_right, recognise
from autograder.checking.kit.values import described, leaves, same_form
from autograder.checking.student import StudentSide

SHAPE_ADVICE = "Print the shape of what you return, and compare it with the exercise."
AS_SPECIFIED = "as specified"


def shape(
    exercise: Exercise, points: Sequence[float], student: StudentSide, seed: int
) -> CheckResult:
    """Check the structure and the shapes of what a function returns, at several sizes."""
    criteria = []
    for at, part in enumerate(points):
        size = exercise.reference.sizes[at]
        inputs = exercise.reference.inputs(size, derive_seed(seed, at))
        expected = exercise.reference.subject(size).run(inputs, dtype=torch.float32)
        try:
            answer, _ = apply(student, exercise.name, inputs)
        except StudentFault as fault:
            answer = fault
        name = f"what {exercise.name} returns for {exercise.label(at, inputs)}"
        criteria.append(shape_criterion(name, expected, answer, part))
    return CheckResult(tuple(criteria), shape_advice(criteria, SHAPE_ADVICE))


def shape_criterion(name: str, expected: Any, answer: Any, points: float) -> Criterion:
    """Return whether an answer, or a `StudentFault`, has the structure and shapes of another."""
    if isinstance(answer, StudentFault):
        return verdict(name, described(expected), str(answer), False, points)
    return verdict(
        name, described(expected), described(answer), same_form(answer, expected), points
    )


def values(
    exercise: Exercise, points: Sequence[float], student: StudentSide, seed: int
) -> CheckResult:
    """Check what a function returns at several sizes, and that its arguments stay as they were."""
    sizes = exercise.reference.sizes
    mutants = exercise.catalogue.mutants
    asked, clean, criteria = [], True, []
    for at in range(min(len(points), len(sizes))):
        challenge = draw_challenge(exercise.reference, mutants, sizes[at], derive_seed(seed, at))
        one = Asked(challenge)
        for question in challenge.rounds:
            try:
                answer, after = apply(student, exercise.name, question.inputs)
                clean = clean and _untouched(question.inputs, after)
            except StudentFault as fault:
                answer = fault
            one.answers.append(answer)
        asked.append(one)
        name = f"values for {exercise.label(at, challenge.rounds[0].inputs)}"
        criteria.append(_criterion(name, one, points[at]))
    pure = criteria[0].earned > 0 and clean
    if len(points) > len(sizes):
        said = "yes" if pure else "they change" if not clean else "not known: another answer"
        name = "the arguments stay as they were, for the right answer"
        criteria.append(verdict(name, "yes", said, pure, points[-1]))
    if all(criterion.earned == criterion.points for criterion in criteria):
        return CheckResult(tuple(criteria))
    return _explained(exercise, asked, criteria)


def _explained(
    exercise: Exercise, asked: Sequence[Asked], criteria: list[Criterion]
) -> CheckResult:
    faults = [a for one in asked for a in one.answers if isinstance(a, StudentFault)]
    if all(one.silent for one in asked):
        return CheckResult(tuple(criteria), str(faults[0]))
    if all(map(is_right, asked)):
        words = "Your function changes its arguments; make a new tensor."
        mistake = exercise.special("in-place", words)
        return CheckResult(tuple(criteria), mistake.words, (mistake.name,))
    found = recognise(exercise.reference, exercise.catalogue.mutants, asked)
    if found is not None:
        named = exercise.named(found)
        credited = [_credited(c, found.credit) for c in criteria]
        return CheckResult(tuple(credited), sentence(found.words, "function"), named)
    if faults:
        return CheckResult(tuple(criteria), str(faults[0]))
    forms = [c for c in criteria if c.earned < c.points and c.expected != AS_SPECIFIED]
    if forms and forms[0].expected != "yes":
        return CheckResult(tuple(criteria), f"expected {forms[0].expected}, got {forms[0].got}")
    mistake = exercise.special("unknown", _unknown(criteria))
    return CheckResult(tuple(criteria), mistake.words, (mistake.name,))


def _unknown(criteria: Sequence[Criterion]) -> str:
    right = [c.name for c in criteria if c.earned == c.points]
    if right:
        return f"Right where it says {right[0]}, and wrong elsewhere: what differs between the two?"
    return "It returns other values than specified. Work out the smallest example on paper."


def _credited(criterion: Criterion, credit: float) -> Criterion:
    if criterion.earned or criterion.expected != AS_SPECIFIED:
        return criterion
    earned = round(criterion.points * credit, 2)
    return Criterion(criterion.name, criterion.expected, criterion.got, earned, criterion.points)


def _criterion(name: str, one: Asked, points: float) -> Criterion:
    faults = [answer for answer in one.answers if isinstance(answer, StudentFault)]
    if faults:
        return verdict(name, AS_SPECIFIED, str(faults[0]), False, points)
    for question, answer in zip(one.challenge.rounds, one.answers, strict=True):
        if not same_form(answer, question.expected):
            return verdict(name, described(question.single), described(answer), False, points)
    right = is_right(one)
    return verdict(name, AS_SPECIFIED, AS_SPECIFIED if right else "other values", right, points)


def _untouched(inputs: Sequence[Any], after: Sequence[Tensor]) -> bool:
    sent = [leaf for leaf in leaves(tuple(inputs)) if isinstance(leaf, Tensor)]
    return len(sent) == len(after) and all(
        a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
        for a, b in zip(sent, after, strict=True)
    )
