"""What is wrong with a `conv_pool_conv` that no chain of the catalogue explains."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from autograder.assignments.cnns.chain.asking import ChainAnswer, ask, same
from autograder.checking.criteria import ALIKE, alike
from autograder.checking.kit.run_seen import difference
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentSide, returned_no_tensor


def diagnose(
    student: StudentSide, answers: Sequence[ChainAnswer], repeatable: bool
) -> Sequence[Mistake]:
    """Return the mistake of a chain that the catalogue lacks, in whole sentences."""
    first, other_image, other_kernel = answers
    if first.output is None:
        return [no_tensor(first.fault)]
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
    if not bool(first.output.isfinite().all()):
        words = (
            "Some activations are NaN (not a number) or infinite: look for a root, a logarithm, a "
            "power or a division."
        )
        return [Mistake("chain-nan", words)]
    for argument, other in (("kernel", other_kernel), ("image", other_image)):
        if other.output is not None and same(first.output, other.output):
            words = (
                f"Another {argument} gives the same answer: your function does not use its "
                f"argument `{argument}`. Does it use a variable of the notebook in its place, or "
                "a module's own weights?"
            )
            return [Mistake("chain-globals", words)]
    return [_probe_growth(student, answers)]


def no_tensor(fault: str) -> Mistake:
    """Return the mistake of a chain that returns no tensor, or nothing."""
    if not returned_no_tensor(fault):
        return Mistake("", fault)
    return Mistake("output-kind", f"{fault[:1].upper()}{fault[1:]}.")


def _probe_growth(student: StudentSide, answers: Sequence[ChainAnswer]) -> Mistake:
    """Return what a kernel of zeros, and one twice as large, tell about an unknown chain.

    Convolution and max pooling are homogeneous and the kernel is used twice, so a kernel twice as
    large gives four times the result, and a kernel of zeros gives zeros.
    """
    first = answers[0]
    nothing = ask(student, first.image, torch.zeros_like(first.kernel)).output
    doubled = ask(student, first.image, 2 * first.kernel).output
    assert first.output is not None
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
    if difference(first.output.double(), first.expected.value) == "factor":
        return Mistake(
            "chain-rescale",
            "All activations are right but for one factor: does something multiply or divide them?",
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
            "both convolutions use the kernel. Yours is twice as large. Does only one of them use "
            "it, or does something bring the numbers to a fixed size?",
        )
    return Mistake(
        "",
        "The values are wrong, and which step is to blame does not show from outside. Find out by "
        "hand: take an image of zeros with a single 1, and a kernel of zeros with a single 1. "
        "Print what each step gives: convolution, 2x2 max pooling, convolution. Where is the 1 "
        "after each step, and where should it be?",
    )
