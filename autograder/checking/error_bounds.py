"""Pure: reference values in float64, each with a bound on what float32 arithmetic may add.

A right answer is computed in float32, in an order of summation that nobody prescribes. A sum of n
products then errs by at most about sqrt(n) * u times the sum of the products' sizes, with high
probability, where u = 2**-24. Source: Higham and Mary 2019, "A New Approach to Probabilistic
Rounding Error Analysis", theorem 2.4, whose confidence factor is `LAMBDA`. They find 1 to be enough
in practice; here PyTorch's results stay a hundred times closer still
(`test_error_bounds.py`), which leaves room for other orders, and for algorithms that trade accuracy
for speed (Winograd's).
Errors that come in from earlier layers are independent of each other, so their squares add up: a
bound that added their sizes would, after four layers, be wide enough for a wrong network to slip
through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

UNIT_ROUNDOFF = 2.0**-24  # float32
LAMBDA = 1.0
_SMALLEST = 2.0**-126  # below, float32 loses digits


@dataclass(frozen=True)
class Bounded:
    """Values and how far a float32 computation of them may be off.

    Attributes:
        value: any shape, float64.
        error: the same shape, float64, at least 0.
    """

    value: Tensor
    error: Tensor

    def agrees_with(self, got: Tensor) -> bool:
        """Return whether `got` has these values, in whatever floating-point dtype it comes."""
        if got.shape != self.value.shape or not got.is_floating_point():
            return False
        return bool((torch.abs(got.double() - self.value) <= self.error).all())

    def reshape(self, *shape: int) -> Bounded:
        """Return the same entries in another shape."""
        return Bounded(self.value.reshape(*shape), self.error.reshape(*shape))


def exact(tensor: Tensor) -> Bounded:
    """Return an input: known without error."""
    return Bounded(tensor.double(), torch.zeros_like(tensor, dtype=torch.float64))


def conv2d(x: Bounded, weight: Tensor, bias: Tensor | None = None) -> Bounded:
    """Return the convolution of `x` (..., C, H, W) with `weight` (K, C, h, w)."""
    weight, bias = weight.double(), None if bias is None else bias.double()
    value = F.conv2d(x.value, weight, bias)
    sizes = F.conv2d(x.value.abs(), weight.abs(), None if bias is None else bias.abs())
    carried = F.conv2d(x.error**2, weight**2).sqrt()
    return Bounded(value, carried + _rounding(math.prod(weight.shape[1:])) * sizes)


def linear(x: Bounded, weight: Tensor, bias: Tensor | None = None) -> Bounded:
    """Return `x` (..., I) times `weight` (O, I) transposed, plus `bias` (O,)."""
    weight, bias = weight.double(), None if bias is None else bias.double()
    value = F.linear(x.value, weight, bias)
    sizes = F.linear(x.value.abs(), weight.abs(), None if bias is None else bias.abs())
    carried = F.linear(x.error**2, weight**2).sqrt()
    return Bounded(value, carried + _rounding(weight.shape[1]) * sizes)


def max_pool(x: Bounded) -> Bounded:
    """Return the largest value of each 2x2 block; its error is at most the block's largest."""
    return Bounded(F.max_pool2d(x.value, 2), F.max_pool2d(x.error, 2))


def relu(x: Bounded) -> Bounded:
    """Return what is positive: it shifts no more than its argument does."""
    return Bounded(x.value.relu(), x.error + _SMALLEST)


def _rounding(terms: int) -> float:
    return LAMBDA * UNIT_ROUNDOFF * math.sqrt(terms + 1)
