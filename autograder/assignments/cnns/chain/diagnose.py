"""What is wrong with a `conv_pool_conv` that no chain of the catalogue explains."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.assignments.cnns.chain.asking import ChainAnswer, same
from autograder.assignments.cnns.chain.explain import HOW
from autograder.checking.kit.run_seen import difference
from autograder.checking.mistakes import Mistake
from autograder.checking.student import returned_no_tensor

_NAMES = {"factor": "chain-rescale", "shift": "chain-bias", "order": "chain-rescale"}


def diagnose(answers: Sequence[ChainAnswer], repeatable: bool) -> Sequence[Mistake]:
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
    return [_unknown(answers)]


def no_tensor(fault: str) -> Mistake:
    """Return the mistake of a chain that returns no tensor, or nothing."""
    if not returned_no_tensor(fault):
        return Mistake("", fault)
    return Mistake("output-kind", f"{fault[:1].upper()}{fault[1:]}.")


def _unknown(answers: Sequence[ChainAnswer]) -> Mistake:
    """Return what the answers tell of a chain that is unknown."""
    first, other_image, _ = answers
    assert first.output is not None, "it answers"
    if first.right:
        wrong = "other kernels" if other_image.right else "images of other sizes"
        words = f"It is right for one image and kernel, and wrong for {wrong}. Look for a size "
        words += "that is written out as a number, and for a limit on the values."
        return Mistake("chain-sizes", words)
    how = difference(first.output.double(), first.expected.value)
    if name := _NAMES.get(how):
        return Mistake(name, f"What you return is not right. {HOW[how]}")
    return Mistake(
        "",
        "The values are wrong, and which step is to blame does not show from outside. Find out by "
        "hand: take an image of zeros with a single 1, and a kernel of zeros with a single 1. "
        "Print what each step gives: convolution, 2x2 max pooling, convolution. Where is the 1 "
        "after each step, and where should it be?",
    )
