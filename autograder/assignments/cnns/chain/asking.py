"""One question to the student's `conv_pool_conv`, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from autograder.assignments.cnns.chain.reference import ChainSpec, right_answer, run_chain
from autograder.checking.criteria import alike
from autograder.checking.error_bounds import Bounded
from autograder.checking.student import StudentFault, StudentSide, call_for_any

CONV_POOL_CONV = "conv_pool_conv"
SEED = 0  # for a student's random numbers where they are to stay the same


@dataclass(frozen=True)
class ChainAnswer:
    """One question to the student's function, and its answer.

    Attributes:
        image: (3, H, W) float32.
        kernel: (1, 3, 3, 3) float32, three equal slices.
        output: what came back, or the tensor in it, without a leading batch of one; None if no
            numbers came back.
        untouched: whether the arguments came back as they went.
        fault: why no tensor came back; "" if one did.
    """

    image: Tensor
    kernel: Tensor
    output: Tensor | None
    untouched: bool = True
    fault: str = ""

    @cached_property
    def expected(self) -> Bounded:
        """Return what the specification gives."""
        return right_answer(self.image, self.kernel)

    @cached_property
    def right(self) -> bool:
        """Return whether the output is what the specification gives."""
        return self.output is not None and self.expected.agrees_with(self.output)

    @property
    def keeps_shape(self) -> bool:
        """Return whether a tensor came of the shape and the kind of numbers that it should have."""
        if self.fault or self.output is None or not self.output.is_floating_point():
            return False
        return self.output.shape == self.expected.value.shape

    def agrees(self, spec: ChainSpec) -> bool:
        """Return whether the output is what a chain gives, but for rounding."""
        if self.output is None or not self.output.is_floating_point():
            return False
        return alike(run_chain(spec, self.image, self.kernel), self.output)


def ask(
    student: StudentSide, image: Tensor, kernel: Tensor, seed: int | None = None
) -> ChainAnswer:
    """Return the answer of the student's function on one image and kernel.

    Args:
        student: whose.
        image: (3, H, W) float32.
        kernel: (1, 3, 3, 3) float32, three equal slices.
        seed: makes a random function answer alike each time; None lets it be random.
    """
    shape = (1, *((side - 2) // 2 - 2 for side in image.shape[1:]))
    try:
        returned, after = call_for_any(student, CONV_POOL_CONV, image, kernel, seed=seed)
        output = returned.likeliest(shape)
    except StudentFault as fault:
        return ChainAnswer(image, kernel, None, True, str(fault))
    untouched = all(same(a, b) for a, b in zip(after, (image, kernel), strict=True))
    return ChainAnswer(image, kernel, unbatched(output), untouched, returned.fault)


def unbatched(output: Tensor) -> Tensor:
    """Return `output` as (1, h, w) where it came as (1, 1, h, w) or as (h, w)."""
    if output.dim() == 4 and output.shape[0] == 1:
        return output[0]
    return output[None] if output.dim() == 2 else output


def same(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors are equal in shape, dtype and entries."""
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
