"""Which one step is wrong in a chain, whatever that step does.

A convolution with a single 1 in its kernel only moves what it gets. So an image can be built that
gives a wanted map after the first convolution, after the pooling or at the end, wherever the 1
stands, and with any numbers around it. What comes after that step cannot tell such images apart:
- something is done to the right result: equal results stay equal, whatever led to them;
- something else than the pooling: the answer is what the second convolution makes of one map;
- another second convolution: kernels add up, and a map twice as large gives twice as much;
- other kernels than the one given: see `which_kernels`;
- something is done to the image first: with the 1 elsewhere, the answer moves as it should.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.chain.asking import SEED, ask
from autograder.assignments.cnns.chain.reference import CHAIN, convolution, random_kernel
from autograder.assignments.cnns.chain.relations import varies
from autograder.assignments.cnns.chain.which_kernels import is_biased
from autograder.checking.challenge import random_images
from autograder.checking.criteria import alike
from autograder.checking.error_bounds import Bounded, exact
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentSide

Place = tuple[int, int]  # row and column of the 1 in the kernel
Builder = Callable[[Tensor, Place, torch.Generator], Tensor]

_SIDE = 32  # pixels
_TRIES = 4  # with another kernel each: it cannot be seen with every one
_PLACES: tuple[Place, ...] = ((0, 0), (0, 2), (2, 0))
_MOVED = 3  # places in the result, by two pixels: one of them behind the pooling
_WEIGHTS = (1.0, -0.75, 0.5)  # of the places in a kernel that has all three

_AT_THE_END = Mistake(
    "chain-rescale",
    "All is right up to the second convolution, but then its result is changed, or a part of it is "
    "left out. Return it as it is.",
)
_BETWEEN = Mistake(
    "chain-between",
    "Both convolutions are right, but what reaches the second one is not the largest value of each "
    "2x2 block. Look at the pooling, and at what stands before and after it.",
)
_SECOND = Mistake(
    "chain-second",
    "All is right up to the pooling, but not the second convolution. Look at its kernel, and at "
    "its padding, stride and dilation.",
)
_KERNEL = Mistake(
    "chain-other-kernel",
    "Convolutions and pooling are right, but at least one convolution does not use the kernel as "
    "it comes in. Do you change its numbers, or take another kernel?",
)
_KERNEL_AND_BIAS = Mistake(
    "chain-other-kernel",
    "The pooling is right. But at least one convolution does not use the kernel as it comes in, "
    "and a bias is added.",
)
_AFTER_THE_FIRST = Mistake(
    "chain-after-first",
    "The first convolution is right, but more than one thing is wrong after it. Print the shape "
    "after each step, and the numbers of one 2x2 block before and after the pooling.",
)
_SEVERAL = Mistake(
    "chain-changed",
    "With a single 1 in the kernel every number gets to its place. But more than one thing changes "
    "the numbers on the way. Look at all that you do besides convolutions and pooling.",
)
_IMAGE = Mistake(
    "chain-input",
    "Convolutions and pooling are right, but they do not get the image as it comes in. Look for "
    "what changes the image before the first convolution.",
)


def wrong_step(asked: Asked) -> Mistake | None:
    """Return what is known of the only wrong step; None if more are wrong, or there is no chain."""
    relations: dict[Callable[[Asked], bool], Mistake] = {
        _changes_the_result: _AT_THE_END,
        _pools_otherwise: _BETWEEN,
        _has_another_second: _SECOND,
        _changes_the_kernel: _KERNEL,
        _changes_the_image: _IMAGE,
    }
    return next((mistake for holds, mistake in relations.items() if holds(asked)), None)


def only_the_first_is_right(asked: Asked) -> Mistake | None:
    """Return what to say of a chain whose answer depends on the first convolution; else None."""
    here, again = (asked.answers(image_with_first, asked.first) for _ in range(2))
    others = asked.answers(image_with_first, _another(asked.first))
    if not (here and again and others and asked.moved):
        return None
    equal = all(alike(one, two) for one, two in zip(here, again, strict=True))
    differ = not any(alike(one, two) for one, two in zip(here, others, strict=True))
    return _AFTER_THE_FIRST if equal and differ and not alike(*asked.moved[:2]) else None


def only_moves(asked: Asked) -> Mistake | None:
    """Return what to say of a chain in which more than one step changes numbers; None of others.

    With a single 1 in the kernel the right steps only move the image, and whatever is done to the
    numbers moves along.
    """
    others = asked.answers(_one_image, 1 - asked.image.flip(-1))
    if not (_are_moved(asked.moved, _MOVED) and others) or alike(asked.moved[0], others[0]):
        return None
    return _SEVERAL


def kernels_and_biases(asked: Asked) -> Mistake | None:
    """Return what is wrong with a chain that has kernels and biases of its own; None of others."""
    return _KERNEL_AND_BIAS if asked.biased else None


class Asked:
    """A question to a function, and maps on the way to its right answer.

    Args:
        student: whose function.
        rng: draws the question, and those after it.

    Attributes:
        image: (3, 32, 32) float32.
        kernel: (1, 3, 3, 3) float32 with three numbers, at `_PLACES`.
        first: (30, 30) float64, after the first convolution.
        pooled: (15, 15) float64.
        result: (13, 13) float64.
        got: the answer, or None.
    """

    def __init__(self, student: StudentSide, rng: torch.Generator) -> None:
        self._student, self.rng = student, rng
        self.image = random_images(1, 3, _SIDE, _SIDE, rng)[0]
        kernels = [w * single(place) for w, place in zip(_WEIGHTS, _PLACES, strict=True)]
        self.kernel = torch.stack(kernels).sum(0)
        self.first = convolution(CHAIN, 0, exact(self.image), self.kernel).value[0]
        self.pooled = F.max_pool2d(self.first[None], 2)[0]
        self.result = convolution(CHAIN, 1, Bounded(self.pooled[None], None), self.kernel).value[0]
        self.got = self.answer(self.image, self.kernel)

    def answer(self, image: Tensor, kernel: Tensor) -> Tensor | None:
        """Return the student's answer, float64, of whatever shape; None without real numbers."""
        output = ask(self._student, image, kernel, SEED).output
        if output is None or output.is_complex() or output.numel() == 0:
            return None
        return output.double()

    def answers(self, build: Builder, wanted: Tensor) -> list[Tensor]:
        """Return the answers with the 1 at each place, to images built for a map; [] without."""
        answers = [self.answer(build(wanted, place, self.rng), single(place)) for place in _PLACES]
        given = [answer for answer in answers if answer is not None]
        return given if len(given) == len(answers) else []

    @cached_property
    def moved(self) -> list[Tensor]:
        """Return the answers to the image as it is, with the 1 at each place; [] without."""
        return self.answers(_one_image, self.image)

    @cached_property
    def biased(self) -> bool | None:
        """Whether a chain with other kernels than the given one adds a bias; None if it is none."""
        kernels = (random_kernel(self.rng) for _ in range(_TRIES))
        tried = (is_biased(partial(self.answer, kernel=kernel), self.image) for kernel in kernels)
        return next((biased for biased in tried if biased is not None), None)


def single(place: Place) -> Tensor:
    """Return a kernel (1, 3, 3, 3) with one 1 in each slice."""
    kernel = torch.zeros(1, 3, 3, 3)
    kernel[..., place[0], place[1]] = 1
    return kernel


def image_with_first(first: Tensor, place: Place, rng: torch.Generator) -> Tensor:
    """Return an image (3, h + 2, w + 2) float32 whose first convolution gives a map (h, w)."""
    total = _framed(first, place, rng)
    colours = torch.rand(2, *total.shape, generator=rng, dtype=torch.float64)
    return torch.cat([colours, (total - colours.sum(0))[None]]).float()


def image_with_pooled(pooled: Tensor, place: Place, rng: torch.Generator) -> Tensor:
    """Return an image (3, 2h + 2, 2w + 2) float32 that gives a map (h, w) after the pooling."""
    blocks = pooled - 0.1 - torch.rand(4, *pooled.shape, generator=rng, dtype=torch.float64)
    largest = torch.randint(0, 4, (1, *pooled.shape), generator=rng)
    blocks.scatter_(0, largest, pooled[None])
    return image_with_first(F.pixel_shuffle(blocks[None], 2)[0, 0], place, rng)


def image_with_result(result: Tensor, place: Place, rng: torch.Generator) -> Tensor:
    """Return an image (3, 2h + 6, 2w + 6) float32 whose right answer is a map (h, w)."""
    return image_with_pooled(_framed(result, place, rng), place, rng)


def _another(wanted: Tensor) -> Tensor:
    """Return a map of the same size that no step but a constant one takes for the same."""
    return 1 - 2 * wanted.mT


def _framed(inner: Tensor, place: Place, rng: torch.Generator) -> Tensor:
    """Return random numbers (h + 2, w + 2) that hold a map (h, w) from a place on."""
    (row, column), (height, width) = place, inner.shape
    framed = torch.randn(height + 2, width + 2, generator=rng, dtype=torch.float64) * inner.std()
    framed[row : row + height, column : column + width] = inner
    return framed


def _changes_the_result(asked: Asked) -> bool:
    same = asked.answers(image_with_result, asked.result)
    others = asked.answers(image_with_result, _another(asked.result))
    if asked.got is None or not same or not others:
        return False
    as_expected = all(alike(got, asked.got) for got in same)
    return as_expected and not any(alike(got, asked.got) for got in others)


def _pools_otherwise(asked: Asked) -> bool:
    answers = asked.answers(image_with_first, asked.first)
    others = asked.answers(image_with_first, _another(asked.first))
    if not (_add_up(asked.got, answers) and _are_moved(answers, 2) and others):
        return False
    return not any(alike(one, other) for one, other in zip(answers, others, strict=True))


def _has_another_second(asked: Asked) -> bool:
    answers = asked.answers(image_with_pooled, asked.pooled)
    doubled = asked.answers(image_with_pooled, 2 * asked.pooled)
    if not _add_up(asked.got, answers) or not doubled:
        return False
    return all(alike(two, 2 * one) for two, one in zip(doubled, answers, strict=True))


def _changes_the_kernel(asked: Asked) -> bool:
    return asked.biased is False


def _changes_the_image(asked: Asked) -> bool:
    doubled = asked.answer(asked.image, 2 * single(_PLACES[0]))
    moved = _are_moved(asked.moved, _MOVED)
    return moved and doubled is not None and alike(doubled, 4 * asked.moved[0])


def _one_image(image: Tensor, place: Place, rng: torch.Generator) -> Tensor:
    return image


def _add_up(got: Tensor | None, answers: Sequence[Tensor]) -> bool:
    """Return whether an answer is the sum of those with each 1 alone, times its weight."""
    if got is None or not answers or any(a.shape != got.shape for a in answers) or not varies(got):
        return False
    total = sum((w * a for w, a in zip(_WEIGHTS, answers, strict=True)), torch.zeros_like(got))
    return alike(total, got)


def _are_moved(answers: Sequence[Tensor], by: int) -> bool:
    """Return whether the answers are parts of one map, moved to the right or down by that much."""
    if not answers or any(a.dim() != 3 or min(a.shape[1:]) <= by for a in answers):
        return False
    here, right, below = answers
    moved = alike(here[:, :, by:], right[:, :, :-by]) and alike(here[:, by:], below[:, :-by])
    return moved and varies(here)
