"""What checks of every assignment ask: is the shape right, are these values the same?"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from autograder import StudentFault
from autograder.checking.check_result import Criterion, verdict

ALIKE = 1e-4  # relative to the largest entry: float32 sums of a few thousand differ by about 1e-6


def alike(a: Tensor | None, b: Tensor | None) -> bool:
    """Return whether two tensors differ by rounding at most; no tensor, or an empty one, does not.

    Args:
        a: of any shape and dtype.
        b: the same; the rounding allowed is relative to its largest entry.
    """
    if a is None or b is None or a.shape != b.shape or a.numel() == 0:
        return False
    size = float(b.double().abs().max())
    allowed = ALIKE * size if math.isfinite(size) else 0.0
    return torch.allclose(a.double(), b.double(), rtol=0.0, atol=allowed, equal_nan=True)


def shape_criterion(
    name: str,
    expected: tuple[int, ...],
    observe: Callable[[], Tensor],
    points: float,
    also: Collection[tuple[int, ...]] = (),
) -> Criterion:
    """Return whether an output has the expected shape, and real numbers in it.

    Args:
        name: what the output is, in the student's words.
        expected: its shape.
        observe: asks for it; a `StudentFault` becomes what was got.
        points: all or none.
        also: other shapes that are right.
    """
    try:
        output = observe()
    except StudentFault as fault:
        return verdict(name, str(expected), str(fault), False, points)
    passed = tuple(output.shape) in (expected, *also) and output.is_floating_point()
    got = str(tuple(output.shape))
    if not output.is_floating_point():
        got += f" of {str(output.dtype).removeprefix('torch.')}"
    return verdict(name, str(expected), got, passed, points)


def shape_advice(criteria: Sequence[Criterion], advice: str) -> str:
    """Return what to say of lost points: why an answer failed, if one did; "" if none were lost.

    Args:
        criteria: of `shape_criterion`.
        advice: for who has a wrong shape.
    """
    lost = [criterion.got for criterion in criteria if criterion.earned < criterion.points]
    failed = [got for got in lost if not got.startswith("(")]
    return next(iter(failed), advice if lost else "")


def called(name: str, arguments: Mapping[str, object]) -> str:
    """Return a call as a student would write it: "Net(num_channel=4)"."""
    return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
