"""A run of the student's function: the tensors that were seen in it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

from torch import Tensor

from autograder.checking.criteria import ALIKE, alike

_FEW = 64
_MIN_ENTRIES = 4  # that are finite, of what is looked for: with fewer, it may be there by chance


class RunSeen:
    """What PyTorch's functions took and gave in one run, and what was returned.

    Args:
        seen: the tensors, in their order.
        output: what was returned.

    Attributes:
        seen: those tensors, float64.
        output: float64.
    """

    def __init__(self, seen: Sequence[Tensor], output: Tensor) -> None:
        self.seen = [tensor.double() for tensor in seen]
        self.output = output.double()

    @cached_property
    def tensors(self) -> list[tuple[int, Tensor]]:
        """Return every tensor once, with the place at which it is seen first."""
        found: dict[tuple[int, ...], list[tuple[int, Tensor]]] = defaultdict(list)
        for place, tensor in enumerate([*self.seen, self.output]):
            alike_ones = found[tuple(tensor.shape)]
            if tensor.numel() and not any(is_same(tensor, other) for _, other in alike_ones):
                alike_ones.append((place, tensor))
        return sorted(itertools.chain(*found.values()), key=lambda both: both[0])

    def place(self, wanted: Tensor) -> int:
        """Return where a tensor is seen first; -1 if it is not."""
        return next((place for place, tensor in self.tensors if is_same(tensor, wanted)), -1)

    def has(self, wanted: Tensor, after: int) -> bool:
        """Return whether a tensor is seen, in whatever shape, not before a place.

        What is the same everywhere, or hardly anywhere finite, is not found: it may be anything.
        """
        flat = wanted.flatten()
        fitting = [t for place, t in self.tensors if place >= after and t.numel() == len(flat)]
        return _says_much(flat) and any(is_same(t.flatten(), flat) for t in fitting)

    def shifted(self, wanted: Tensor, after: int) -> Tensor | None:
        """Return what is seen of a tensor with a number added to it; None if nothing is."""
        fitting = [t for place, t in self.tensors if place >= after and t.shape == wanted.shape]
        return next((t for t in fitting if _says_much(wanted) and _is_shifted(t, wanted)), None)


def is_same(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors have the same shape and, but for rounding, the same numbers."""
    if a.shape != b.shape:
        return False
    few = [_some(x) for x in (a, b)]  # tell most tensors apart, and cost little
    allowed = ALIKE * b.abs().max() if b.numel() else 0.0
    return not bool(((few[0] - few[1]).abs() > allowed).any()) and alike(a, b)


def difference(value: Tensor, right: Tensor) -> str:
    """Return how a tensor differs from the right one: "shape", "factor", "shift", "order" or ""."""
    if value.shape != right.shape:
        return "shape"
    if _is_shifted(value, right):
        return "shift"
    if alike(value.flatten().sort().values, right.flatten().sort().values):
        return "order"
    factor = (value * right).sum() / (right * right).sum()
    known = bool(factor.isfinite()) and factor != 0
    return "factor" if known and alike(factor * right, value) else ""


def _some(x: Tensor) -> Tensor:
    """Return some of a tensor's entries, from all over it."""
    return x.flatten()[:: x.numel() // _FEW + 1]


def _says_much(x: Tensor) -> bool:
    known = x[x.isfinite()]
    return len(known) >= _MIN_ENTRIES and bool(
        known.max() - known.min() > ALIKE * known.abs().max()
    )


def _is_shifted(x: Tensor, wanted: Tensor) -> bool:
    few = _some(x) - _some(wanted)
    if few.max() - few.min() > 2 * ALIKE * x.abs().max():
        return False
    apart = x - wanted
    mean = apart.mean()
    return bool((apart - mean).abs().max() <= ALIKE * x.abs().max() < mean.abs())
