"""Random inputs and weights, each from a seed of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from autograder.checking.challenge import derive_seed, generator

_KEPT = 64  # tensors of values
_GAIN = 1.6  # of weights: signals so large that a changed activation shows


class Draw:
    """Draws the inputs of one challenge: what an author's `inputs` gets first.

    Args:
        seed: of everything that is drawn.
    """

    def __init__(self, seed: int) -> None:
        self._rng = generator(seed)

    def normal(self, *shape: int) -> Tensor:
        """Return normal entries of mean 0 and standard deviation 1, float32 of this shape."""
        return torch.randn(shape, generator=self._rng, dtype=torch.float32)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return entries in [low, high), float32 of this shape."""
        return torch.rand(shape, generator=self._rng, dtype=torch.float32) * (high - low) + low

    def integers(self, *bounds: int, size: Sequence[int]) -> Tensor:
        """Return entries in [0, high) for `integers(high, size=...)`, or in [low, high): int64."""
        low, high = (0, *bounds)[-2:]
        return torch.randint(low, high, tuple(size), generator=self._rng)

    def booleans(self, *shape: int, share: float = 0.5) -> Tensor:
        """Return truth values of which about `share` are true, bool of this shape."""
        return torch.rand(shape, generator=self._rng) < share


@lru_cache(maxsize=_KEPT)
def drawn_entries(shape: tuple[int, ...], key: str, seed: int) -> Tensor:
    """Return random values for a parameter or a buffer, float64 that float32 holds exactly.

    The same seed, shape and name give the same values, in whatever network they stand: every mutant
    gets them. So they are kept for a while, and nobody may change them.

    Args:
        shape: of the tensor, a tuple.
        key: its name; a running variance is positive.
        seed: of the challenge.
    """
    rng = generator(derive_seed("values", seed, key, tuple(shape)))
    values = torch.randn(tuple(shape), generator=rng, dtype=torch.float32)
    if key.endswith("running_var"):
        values = 0.5 + values.abs()
    elif len(shape) > 1:
        values = values * (_GAIN / math.sqrt(max(1, math.prod(shape[1:]))))
    else:
        values = values * 0.7
    return values.double()
