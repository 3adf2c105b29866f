"""Pure: reference values in float64, each with a bound on what float32 arithmetic may add.

A right answer is computed in float32, in an order of summation that nobody prescribes. A sum of n
products then errs by at most about sqrt(n) * u times the sum of the products' sizes, with high
probability, where u = 2**-24. Source: Higham and Mary 2019, "A New Approach to Probabilistic
Rounding Error Analysis", theorem 2.4. `LAMBDA` is that theorem's confidence factor, doubled
for algorithms that trade accuracy for speed (Winograd's for 3x3 convolutions). Errors that come in
from earlier layers are independent of each other, so their squares add up: a bound that added their
sizes would, after four layers, be wide enough for a wrong network to slip through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

UNIT_ROUNDOFF = 2.0**-24  # float32
LAMBDA = 4.0


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
        """Returns whether `got` has these values, in whatever floating-point dtype it comes."""
        if got.shape != self.value.shape or not got.is_floating_point():
            return False
        return bool((torch.abs(got.double() - self.value) <= self.error).all())

    def reshape(self, *shape: int) -> Bounded:
        """Returns the same entries in another shape."""
        return Bounded(self.value.reshape(*shape), self.error.reshape(*shape))

    def differs_from(self, other: Bounded) -> bool:
        """Returns whether no answer could agree with both."""
        if self.value.shape != other.value.shape:
            return True
        return bool((torch.abs(self.value - other.value) > self.error + other.error).any())


def exact(tensor: Tensor) -> Bounded:
    """Returns an input: known without error."""
    return Bounded(tensor.double(), torch.zeros_like(tensor, dtype=torch.float64))


def conv2d(
    x: Bounded, weight: Tensor, bias: Tensor | None = None, padding: int = 0, stride: int = 1
) -> Bounded:
    """Returns the convolution of `x` (..., C, H, W) with `weight` (K, C, h, w)."""
    weight, bias = weight.double(), None if bias is None else bias.double()
    value = F.conv2d(x.value, weight, bias, padding=padding, stride=stride)
    sizes = F.conv2d(
        x.value.abs(), weight.abs(), None if bias is None else bias.abs(), stride, padding
    )
    carried = F.conv2d(x.error**2, weight**2, padding=padding, stride=stride).sqrt()
    return Bounded(value, carried + _rounding(math.prod(weight.shape[1:])) * sizes)


def linear(x: Bounded, weight: Tensor, bias: Tensor | None = None) -> Bounded:
    """Returns `x` (..., I) times `weight` (O, I) transposed, plus `bias` (O,)."""
    weight, bias = weight.double(), None if bias is None else bias.double()
    value = F.linear(x.value, weight, bias)
    sizes = F.linear(x.value.abs(), weight.abs(), None if bias is None else bias.abs())
    carried = F.linear(x.error**2, weight**2).sqrt()
    return Bounded(value, carried + _rounding(weight.shape[1]) * sizes)


def max_pool(x: Bounded, kernel: int = 2, stride: int = 2) -> Bounded:
    """Returns the largest value of each window; its error is at most the window's largest."""
    return Bounded(F.max_pool2d(x.value, kernel, stride), F.max_pool2d(x.error, kernel, stride))


def avg_pool(x: Bounded, kernel: int = 2, stride: int = 2) -> Bounded:
    """Returns the mean of each window."""
    sizes = F.avg_pool2d(x.value.abs(), kernel, stride)
    carried = F.avg_pool2d(x.error, kernel, stride)
    return Bounded(F.avg_pool2d(x.value, kernel, stride), carried + _rounding(kernel**2) * sizes)


def spatial_mean(x: Bounded) -> Bounded:
    """Returns the mean over the last two dimensions."""
    sizes = x.value.abs().mean(dim=(-2, -1))
    terms = x.value.shape[-1] * x.value.shape[-2]
    return Bounded(
        x.value.mean(dim=(-2, -1)), x.error.mean(dim=(-2, -1)) + _rounding(terms) * sizes
    )


ELEMENTWISE = {
    "none": lambda v: v,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda v: F.softmax(v, dim=-1),
    "log_softmax": lambda v: F.log_softmax(v, dim=-1),
}
_STEEPEST = {"sigmoid": 0.25, "gelu": 1.13, "silu": 1.1}  # largest slopes; 1 for the others


def apply(name: str, x: Bounded) -> Bounded:
    """Returns one of `ELEMENTWISE` of `x`; log-softmax and softmax act on the last dimension."""
    value = ELEMENTWISE[name](x.value)
    rounding = 0.0 if name in ("none", "relu") else LAMBDA * UNIT_ROUNDOFF
    error = _STEEPEST.get(name, 1.0) * x.error
    if name in ("softmax", "log_softmax"):  # d log p = d x - sum of p d x
        error = x.error + (value if name == "softmax" else value.exp()).mul(x.error).sum(
            dim=-1, keepdim=True
        )
        error = error * value if name == "softmax" else error
    return Bounded(value, error + rounding * value.abs())


def _rounding(terms: int) -> float:
    return LAMBDA * UNIT_ROUNDOFF * math.sqrt(terms + 1)
