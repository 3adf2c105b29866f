"""Which steps are right in a wrong chain that the catalogue lacks: all but one, or all but two.

One question is asked whose image is black and white, and whose kernel holds three ones. What a step
of the student's own does there cannot be foreseen. But whatever it does, it leaves a relation
between the answer and what the right steps give:
- a change of the image, of the kernel's size or of the result: equal activations stay equal;
- something else than max pooling between the convolutions: the answer is the second convolution of
  some function of the 2x2 blocks of the first one's result.
Where such a relation holds, all other steps are right. The same is asked of chains with one mistake
of the catalogue: then two steps are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.chain.asking import SEED, ChainAnswer, ask
from autograder.assignments.cnns.chain.mistakes import (
    FLIPPED,
    chain_mistakes,
    departures,
    single_mistakes,
)
from autograder.assignments.cnns.chain.reference import CHAIN, ChainSpec, convolution, run_chain
from autograder.assignments.cnns.chain.relations import is_function_of, is_sum_of
from autograder.assignments.cnns.chain.which_step import (
    Asked,
    kernels_and_biases,
    only_moves,
    only_the_first_is_right,
    wrong_step,
)
from autograder.checking.error_bounds import Bounded
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentSide

_SIDE = 80  # pixels: several times as many activations as blocks that differ

_LOOK_FOR = (
    "Look for a factor, for a number that is added, for a limit, and for a change of the image, of "
    "its colours, of the kernel or of the result."
)
_ONLY_CHANGED = Mistake(
    "chain-changed",
    f"Both convolutions and the pooling are right, but something changes the numbers. {_LOOK_FOR}",
)
_CHANGED = Mistake("chain-changed", f"Something else changes the numbers too. {_LOOK_FOR}")
_BETWEEN = Mistake(
    "chain-between",
    "What reaches the second convolution is not the largest value of each 2x2 block of what the "
    "first one should give. Look at the pooling, and at what stands before and after it.",
)


@dataclass(frozen=True)
class Explanation:
    """What explains a wrong answer.

    Attributes:
        mistakes: those of the catalogue, then what is known of the step that it lacks.
        count: how many steps are wrong.
    """

    mistakes: tuple[Mistake, ...]
    count: int


def explain(student: StudentSide, rng: torch.Generator) -> Explanation | None:
    """Return which steps are wrong, one or two; None if there are more, or this is no chain.

    Args:
        student: whose.
        rng: draws the question.
    """
    found = _explanations(student, rng)
    return next((explanation for explanation in found if explanation), None)


def _explanations(student: StudentSide, rng: torch.Generator) -> Iterator[Explanation | None]:
    """Yield explanations of one wrong step, then of two; None where one does not hold.

    There are none for a function that does not answer: it is not asked again.
    """
    image, kernel = _question(rng)
    asked = ask(student, image, kernel, SEED)
    if asked.output is None:
        return
    if _is_changed(CHAIN, asked):
        yield Explanation((_ONLY_CHANGED,), 1)
    steps = Asked(student, rng)
    step = wrong_step(steps)
    yield Explanation((step,), 1) if step else None
    bases = list(_bases())
    for spec in bases:
        if spec == replace(CHAIN, kernels=spec.kernels) and _is_changed(spec, asked):
            yield _explanation(spec, _CHANGED)
    for spec in bases:
        yield _with_one_more(spec, asked)
    both = kernels_and_biases(steps)
    yield Explanation((both,), 2) if both else None
    moves = only_moves(steps)
    yield Explanation((moves,), 2) if moves else None
    after = only_the_first_is_right(steps)
    yield Explanation((after,), 2) if after else None


def _with_one_more(spec: ChainSpec, asked: ChainAnswer) -> Explanation | None:
    """Return the explanation by a wrong chain and one more step; None if more are wrong."""
    if _is_changed(spec, asked):
        return _explanation(spec, _CHANGED)
    if spec.order == CHAIN.order and _is_pooled_otherwise(spec, asked):
        return _explanation(spec, _BETWEEN)
    return None


def _question(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return an image (3, 80, 80) of zeros and ones, and a kernel (1, 3, 3, 3).

    On the left, four pixels each are equal: so there are blocks whose activations are all negative.
    No turn and no reflection leaves the kernel as it is.
    """
    pixels = torch.randint(0, 2, (_SIDE, _SIDE), generator=rng).float()
    half = pixels[::2, : _SIDE // 2 : 2]
    pixels[:, : _SIDE // 2] = half.repeat_interleave(2, 0).repeat_interleave(2, 1)
    kernel = torch.tensor([[0.0, 0, -1], [1, 0, 0], [0, 0, 1]])
    return pixels.expand(3, -1, -1).clone(), kernel.expand(1, 3, 3, 3).clone()


def _bases() -> Iterator[ChainSpec]:
    """Yield the chains with one mistake that shows on black and white whatever else is wrong."""
    for spec in single_mistakes():
        changes_numbers = (spec.image, spec.rescale) != (CHAIN.image, CHAIN.rescale)
        turns = all(change in ("none", *FLIPPED, "transposed") for change in spec.kernels)
        if turns and not changes_numbers and spec.between in ("none", "relu", "abs"):
            yield spec


def _explanation(spec: ChainSpec, mistake: Mistake) -> Explanation:
    """Return the explanation by a chain of the catalogue and a step that the catalogue lacks."""
    return Explanation((*chain_mistakes(spec), mistake), departures(spec) + 1)


def _numbers(answer: ChainAnswer) -> Tensor | None:
    """Return what came back as (1, h, w) float64; None if it is something else."""
    output = answer.output
    if output is None or output.is_complex() or output.dim() != 3 or len(output) != 1:
        return None
    return output.double()


def _is_changed(spec: ChainSpec, answer: ChainAnswer) -> bool:
    """Return whether activations are equal where a chain's are."""
    expected, got = run_chain(spec, answer.image, answer.kernel), _numbers(answer)
    return expected is not None and got is not None and is_function_of(expected.value, got)


def _is_pooled_otherwise(spec: ChainSpec, answer: ChainAnswer) -> bool:
    """Return whether some function of the first result's 2x2 blocks is convolved."""
    got = _numbers(answer)
    as_specified = (CHAIN.pool, CHAIN.between, CHAIN.channels)
    if got is None or (spec.pool, spec.between, spec.channels) != as_specified:
        return False
    first = convolution(spec, 0, Bounded(answer.image.double(), None), answer.kernel).value
    blocks = F.unfold(first[None], 2, stride=2)[0]
    kinds, kind = blocks.unique(dim=1, return_inverse=True)
    places = F.one_hot(kind, kinds.shape[1]).T.double()
    maps = places.reshape(-1, 1, first.shape[1] // 2, first.shape[2] // 2)
    terms = convolution(spec, 1, Bounded(maps, None), answer.kernel).value
    return got.shape == terms.shape[1:] and is_sum_of(terms, got)
