"""Pure: how a tensor may hang together with others, up to the rounding of float32."""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.checking.criteria import ALIKE

_MIN_FINITE = 0.25  # of the activations: a NaN on the way reaches nine of them
_MIN_RANGE = 0.01  # of the largest activation: what differs less is one constant


def is_sum_of(terms: Tensor, got: Tensor) -> bool:
    """Return whether `got` is a sum of terms (n, ...), each of as many entries, times any factors.

    More than one of them has to count, and there have to be far fewer than entries.
    """
    terms, known = terms.flatten(1), got.flatten().isfinite()
    if terms.shape[1] != len(known) or 2 * len(terms) > known.sum() or not varies(got):
        return False
    terms, wanted = terms[:, known].T, got.flatten()[known, None]
    factors = torch.linalg.lstsq(terms, wanted).solution
    counting = factors.abs() > _MIN_RANGE * factors.abs().max()
    return int(counting.sum()) > 1 and is_close(terms @ factors, wanted)


def is_function_of(expected: Tensor, got: Tensor) -> bool:
    """Return whether `got` has equal entries wherever `expected`, of the same shape, has."""
    if got.shape != expected.shape or not varies(got):
        return False
    known = got.isfinite()
    values, which = (expected[known] * 1000).round().unique(return_inverse=True)
    low, high = torch.full_like(values, torch.inf), torch.full_like(values, -torch.inf)
    low.scatter_reduce_(0, which, got[known], "amin")
    high.scatter_reduce_(0, which, got[known], "amax")
    return bool((high - low).max() <= ALIKE * got[known].abs().max())


def is_close(expected: Tensor, got: Tensor) -> bool:
    """Return whether two tensors of the same shape differ by rounding at most."""
    return bool((expected - got).abs().max() <= ALIKE * expected.abs().max())


def is_multiple_of(expected: Tensor, got: Tensor) -> bool:
    """Return whether `got` is `expected` times one factor that is not zero."""
    if got.shape != expected.shape or not varies(got):
        return False
    return is_close((got * expected).sum() / (expected**2).sum() * expected, got)


def varies(x: Tensor) -> bool:
    """Return whether enough entries are finite, and not all of these the same."""
    known = x[x.isfinite()]
    if len(known) <= _MIN_FINITE * x.numel():
        return False
    return bool(known.max() - known.min() > _MIN_RANGE * known.abs().max())
