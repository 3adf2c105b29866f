"""Judges `conv_pool_conv` by its values, and names the mistake in a wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F

from autograder.assignments.cnns.chain.asking import ChainAnswer, ask
from autograder.assignments.cnns.chain.diagnose import diagnose, no_tensor
from autograder.assignments.cnns.chain.explain import explain
from autograder.assignments.cnns.chain.mistakes import (
    chain_mistakes,
    departures,
    pairs_of_mistakes,
    single_mistakes,
)
from autograder.assignments.cnns.chain.reference import ChainSpec, random_kernel
from autograder.checking.challenge import generator, random_images
from autograder.checking.check_result import CheckResult, Criterion, verdict
from autograder.checking.criteria import alike
from autograder.checking.mistakes import Mistake, found_in, names
from autograder.checking.student import StudentSide
from autograder.checking.thumbnail import as_image
from course_utils.data import portrait

# By the number of mistakes, what of its points a criterion gives: with the right shape, and with
# another. So one mistake costs 8 of the exercise's 20 points, and two cost 14, shape included.
_KEPT = {1: (0.5, 0.8), 2: (0.1, 0.4)}
_AGAIN = "the right answer again when asked again, and no argument changed"
_VAGUE = {"", "chain-rescale", "chain-bias"}  # where steps are not known
_SOMEWHERE = {"chain-random", "chain-nan"}
_PICTURES = "The pictures at this exercise show, for a photograph, the right result and yours."


def values(student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the values of `conv_pool_conv`: 15 points."""
    rng = generator(seed)
    image, kernel = random_images(1, 3, 32, 32, rng)[0], random_kernel(rng)
    odd = random_images(1, 3, 27, 38, rng)[0]
    first = ask(student, image, kernel)
    again = ask(student, image, kernel)
    other_image = ask(student, odd, kernel)
    other_kernel = ask(student, image, 3 * random_kernel(rng))
    answers = [first, other_image, other_kernel]
    repeatable = alike(first.output, again.output)
    criteria: tuple[Criterion, ...] = (
        _values_criterion("values on a fresh image and kernel", first, 7.0),
        _values_criterion("values on an image of another size", other_image, 3.0),
        _values_criterion("values with a kernel of larger numbers", other_kernel, 3.0),
        verdict(
            _AGAIN,
            "yes",
            _steadiness(first, repeatable),
            first.right and again.right and first.untouched,
            2.0,
        ),
    )
    if all(criterion.earned == criterion.points for criterion in criteria):
        return CheckResult(criteria)
    found, count = _found(student, answers, repeatable, rng)
    if count:
        criteria = _but_for_mistakes(criteria, count, answers)
    figures = {} if first.fault else _on_a_photograph(student)
    phrases = [m for m in found if m.name and not m.words.endswith((".", "?"))]
    sentences = [mistake.words for mistake in found if mistake not in phrases]
    said = [found_in("function", phrases), *sentences, *([_PICTURES] if figures else [])]
    advice = " ".join(said).strip()
    return CheckResult(criteria, advice, names(found), figures)


def _found(
    student: StudentSide, answers: Sequence[ChainAnswer], repeatable: bool, rng: torch.Generator
) -> tuple[Sequence[Mistake], int]:
    """Return what is wrong with a chain, and how many steps that is; 0 if this is not known."""
    first = answers[0]
    if first.fault and first.output is not None:
        answers = [replace(answer, fault="") for answer in answers]
        right = all(answer.right for answer in answers)
        found, count = ((), 0) if right else _found(student, answers, repeatable, rng)
        return [no_tensor(first.fault), *found], count + 1 if count or right else 0
    is_chain = repeatable and first.untouched
    spec = _recognised(answers, single_mistakes()) if is_chain else None
    read = None if first.right or spec else explain(student, rng)
    if is_chain and not spec and not read:
        spec = _recognised(answers, pairs_of_mistakes())
    if spec:
        return chain_mistakes(spec), departures(spec)
    diagnosed = diagnose(answers, repeatable)
    if read is None:
        return diagnosed, int(diagnosed[0].name in _VAGUE - {""} and not first.right)
    mistakes, count = read
    if diagnosed[0].name in _VAGUE:
        return mistakes, count
    return [*diagnosed, *(mistakes if diagnosed[0].name in _SOMEWHERE else ())], count


def _recognised(
    answers: Sequence[ChainAnswer], candidates: Iterable[ChainSpec]
) -> ChainSpec | None:
    """Return the wrong chain that gives the same answers; None without one."""
    asked = [answer for answer in answers if answer.output is not None]
    first = answers[0].output
    if first is None or first.numel() == 0 or bool((first == first.flatten()[0]).all()):
        return None  # a constant is no chain, even where a chain with mistakes gives one
    return next((spec for spec in candidates if all(a.agrees(spec) for a in asked)), None)


def _but_for_mistakes(
    criteria: Sequence[Criterion], count: int, answers: Sequence[ChainAnswer]
) -> tuple[Criterion, ...]:
    """Return what criteria give to a chain that is right but for one mistake, or two.

    Args:
        criteria: as they would be without knowing them.
        count: of its mistakes.
        answers: of the student's function, to whatever was asked.
    """
    share = _KEPT[min(count, max(_KEPT))][not all(answer.keeps_shape for answer in answers)]
    got = f"{'one mistake' if count == 1 else 'two mistakes'}, all else right"
    return tuple(
        replace(c, got=c.got if c.name == _AGAIN else got, earned=share * c.points)
        if c.earned < share * c.points
        else c
        for c in criteria
    )


def _on_a_photograph(student: StudentSide) -> dict[str, Any]:
    """Return the activations expected and got on a photograph that everybody has, as pictures.

    It is no part of the challenge: photograph and kernel are like those that the notebook shows.
    """
    photograph = F.avg_pool2d(portrait(), 2)
    kernel = torch.tensor([1.0, 0.0, -1.0]).expand(1, 3, 3, 3).clone()
    answer = ask(student, photograph, kernel)
    got, expected = answer.output, answer.expected
    if got is None or got.dim() != 3 or got.shape[0] != 1 or 0 in got.shape:
        return {}
    limit = float(expected.value.abs().quantile(0.98))
    return {
        "activations": {"expected": as_image(expected.value, limit), "got": as_image(got, limit)}
    }


def _values_criterion(name: str, answer: ChainAnswer, points: float) -> Criterion:
    if answer.fault or answer.output is None:
        return verdict(name, "as specified", answer.fault, False, points)
    want, have = tuple(answer.expected.value.shape), tuple(answer.output.shape)
    if want != have:
        return verdict(name, f"shape {want}", f"shape {have}", False, points)
    got = "as specified" if answer.right else "other values"
    if not answer.output.is_floating_point():
        got = f"values of {str(answer.output.dtype).removeprefix('torch.')}"
    return verdict(name, "as specified", got, answer.right, points)


def _steadiness(first: ChainAnswer, repeatable: bool) -> str:
    if not repeatable:
        return "two different answers"
    if not first.right:
        return "the same wrong answer"
    return "yes" if first.untouched else "an argument was changed"
