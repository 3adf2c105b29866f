"""Judges `conv_pool_conv` by its values, and names the mistake in a wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.cnns.chain.reference import (
    CHAIN,
    ChainSpec,
    chain_mistakes,
    departures,
    random_kernel,
    run_chain,
    wrong_chains,
)
from autograder.checking.challenge import generator, random_images
from autograder.checking.check_result import CheckResult, Criterion, verdict
from autograder.checking.criteria import ALIKE, alike
from autograder.checking.mistakes import Mistake, found_in, names
from autograder.checking.student import StudentFault, StudentSide, call, returned_no_tensor
from autograder.checking.thumbnail import as_image
from course_utils.data import portrait

# By the number of mistakes, what of its points a criterion gives: with the right shape, and with
# another. So one mistake costs 8 of the exercise's 20 points, and two cost 14, shape included.
_KEPT = {1: (0.5, 0.8), 2: (0.1, 0.4)}
CONV_POOL_CONV = "conv_pool_conv"
_PICTURES = "The two pictures show what should come out for a photograph, and what does."


@dataclass(frozen=True)
class ChainAnswer:
    """One question to the student's function, and its answer.

    Attributes:
        image: (3, H, W) float32.
        kernel: (1, 3, 3, 3) float32, three equal slices.
        output: what came back, without a leading batch of one; None if nothing did.
        untouched: whether the arguments came back as they went.
        reason: why nothing came back.
    """

    image: Tensor
    kernel: Tensor
    output: Tensor | None
    untouched: bool = True
    reason: str = ""

    @property
    def right(self) -> bool:
        """Return whether the output is what the specification gives."""
        return self.agrees(CHAIN)

    @property
    def keeps_shape(self) -> bool:
        """Return whether the output has the shape that the specification gives."""
        expected = run_chain(CHAIN, self.image, self.kernel)
        assert expected is not None, "the challenge's images are large enough for the chain"
        return self.output is not None and self.output.shape == expected.value.shape

    def agrees(self, spec: ChainSpec) -> bool:
        """Return whether the output is what a chain gives."""
        expected = run_chain(spec, self.image, self.kernel)
        return (
            expected is not None and self.output is not None and expected.agrees_with(self.output)
        )


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
        _values_criterion("values with another, larger kernel", other_kernel, 3.0),
        verdict(
            "the right answer again when asked again, and no argument changed",
            "yes",
            _steadiness(first, repeatable),
            first.right and again.right and first.untouched,
            2.0,
        ),
    )
    if all(criterion.earned == criterion.points for criterion in criteria):
        return CheckResult(criteria)
    spec = _recognised(answers) if repeatable and first.untouched else None
    found = chain_mistakes(spec) if spec else _diagnose(student, answers, repeatable)
    if spec:
        criteria = _but_for_mistakes(criteria, spec, answers)
    figures = _on_a_photograph(student)
    said = found[0].words if found[0].words.endswith((".", "?")) else found_in("function", found)
    advice = f"{said} {_PICTURES}" if figures else said
    return CheckResult(criteria, advice, names(found), figures)


def _recognised(answers: Sequence[ChainAnswer]) -> ChainSpec | None:
    """Return the wrong chain of the catalogue that gives the same answers; None without one."""
    asked = [answer for answer in answers if answer.output is not None]
    if answers[0].output is None:
        return None
    return next((spec for spec in wrong_chains() if all(a.agrees(spec) for a in asked)), None)


def _but_for_mistakes(
    criteria: Sequence[Criterion], spec: ChainSpec, answers: Sequence[ChainAnswer]
) -> tuple[Criterion, ...]:
    """Return what criteria give to a chain that is right but for one mistake, or two.

    Args:
        criteria: as they would be without knowing them.
        spec: the chain.
        answers: of the student's function, to whatever was asked.
    """
    count = departures(spec)
    share = _KEPT[min(count, max(_KEPT))][not all(answer.keeps_shape for answer in answers)]
    got = f"right but for {'one mistake' if count == 1 else 'two mistakes or more'}"
    return tuple(
        replace(c, got=got, earned=share * c.points) if c.earned < share * c.points else c
        for c in criteria
    )


def _on_a_photograph(student: StudentSide) -> dict[str, Any]:
    """Return the activations expected and got on a photograph that everybody has, as pictures.

    It is no part of the challenge: photograph and kernel are like those that the notebook shows.
    """
    photograph = F.avg_pool2d(portrait(), 2)
    kernel = torch.tensor([1.0, 0.0, -1.0]).expand(1, 3, 3, 3).clone()
    expected = run_chain(CHAIN, photograph, kernel)
    got = ask(student, photograph, kernel).output
    assert expected is not None
    if got is None or got.dim() != 3 or got.shape[0] != 1 or 0 in got.shape:
        return {}
    limit = float(expected.value.abs().quantile(0.98))
    return {
        "activations": {"expected": as_image(expected.value, limit), "got": as_image(got, limit)}
    }


def ask(student: StudentSide, image: Tensor, kernel: Tensor) -> ChainAnswer:
    """Return the answer of the student's function on one image and kernel."""
    try:
        output, after = call(student, CONV_POOL_CONV, image, kernel)
    except StudentFault as fault:
        return ChainAnswer(image, kernel, None, True, str(fault))
    untouched = all(_same(a, b) for a, b in zip(after, (image, kernel), strict=True))
    return ChainAnswer(image, kernel, unbatched(output), untouched)


def unbatched(output: Tensor) -> Tensor:
    """Return `output` as (1, h, w) where it came as (1, 1, h, w) or as (h, w)."""
    if output.dim() == 4 and output.shape[0] == 1:
        return output[0]
    return output[None] if output.dim() == 2 else output


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)


def _values_criterion(name: str, answer: ChainAnswer, points: float) -> Criterion:
    if answer.output is None:
        return verdict(name, "as specified", answer.reason, False, points)
    expected = run_chain(CHAIN, answer.image, answer.kernel)
    if expected is not None and answer.output.shape != expected.value.shape:
        want, have = tuple(expected.value.shape), tuple(answer.output.shape)
        return verdict(name, f"shape {want}", f"shape {have}", False, points)
    got = "as specified" if answer.right else "other values"
    if not answer.output.is_floating_point():
        got = f"values of {str(answer.output.dtype).removeprefix('torch.')}"
    return verdict(name, "as specified", got, answer.right, points)


def _steadiness(first: ChainAnswer, repeatable: bool) -> str:
    if not first.right:
        return "no right answer"
    if not repeatable:
        return "another answer"
    return "yes" if first.untouched else "an argument was changed"


def _diagnose(
    student: StudentSide, answers: Sequence[ChainAnswer], repeatable: bool
) -> Sequence[Mistake]:
    """Return the mistake of a chain that the catalogue lacks, in whole sentences."""
    first, other_image, other_kernel = answers
    if first.output is None:
        kind = "output-kind" if returned_no_tensor(first.reason) else ""
        return [Mistake(kind, f"{first.reason[:1].upper()}{first.reason[1:]}".rstrip(".") + ".")]
    if not repeatable:
        mistake = Mistake(
            "chain-random",
            "The same image and kernel gave two different answers. Look for a module that makes "
            "weights or a bias of its own (nn.Conv2d does), for random numbers, and for variables "
            "that keep something from the last call.",
        )
        return [mistake]
    if not first.untouched:
        return [Mistake("chain-in-place", "Your function changes its arguments: work on copies.")]
    for argument, other in (("kernel", other_kernel), ("image", other_image)):
        if other.output is not None and _same(first.output, other.output):
            words = (
                f"Another {argument} gives the same answer: your function does not use its "
                f"argument `{argument}`. Does it use a variable of the notebook in its place, or "
                "a module's own weights?"
            )
            return [Mistake("chain-globals", words)]
    return [_probe_growth(student, answers)]


def _probe_growth(student: StudentSide, answers: Sequence[ChainAnswer]) -> Mistake:
    """Return what a kernel of zeros, and one twice as large, tell about an unknown chain.

    Convolution and max pooling are homogeneous and the kernel is used twice, so a kernel twice as
    large gives four times the result, and a kernel of zeros gives zeros.
    """
    first = answers[0]
    nothing = ask(student, first.image, torch.zeros_like(first.kernel)).output
    doubled = ask(student, first.image, 2 * first.kernel).output
    expected = run_chain(CHAIN, first.image, first.kernel)
    assert first.output is not None
    assert expected is not None
    if first.right:
        wrong = "images of other sizes" if not answers[1].right else "other kernels"
        return Mistake(
            "chain-sizes",
            f"It is right for one image and kernel, and wrong for {wrong}. Look for a size that is "
            "written out as a number, and for a limit on the values.",
        )
    if alike(doubled, first.output):
        return Mistake(
            "chain-rescale",
            "With all numbers of the kernel doubled, the result stays the same: something rescales "
            "it. Return the activations as the convolution gives them.",
        )
    if first.output.shape == expected.value.shape:
        got, want = first.output.double(), expected.value
        scale = float((got * want).sum() / (want * want).sum())
        if alike(got, scale * want):
            return Mistake(
                "chain-rescale",
                "All activations are right but for one factor: does something multiply or divide "
                "them?",
            )
    if nothing is not None and bool((nothing.double().abs() > ALIKE).any()):
        return Mistake(
            "chain-bias",
            "With a kernel of zeros every activation should be zero, and yours are not. Do you add "
            "a bias, or use a module's own weights?",
        )
    if alike(doubled, 2 * first.output):
        return Mistake(
            "chain-kernel-once",
            "With all numbers of the kernel doubled, the result should be four times as large: "
            "both convolutions use the kernel. Yours is twice as large: only one of them does.",
        )
    return Mistake(
        "",
        "The values are wrong, and no common mistake explains them. Print the values after each "
        "step for a small image: convolution, 2x2 max pooling, convolution.",
    )
