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

A search through hundreds of candidates first needs to know which are worth the exact arithmetic:
`rough` values go through the same functions in float32, without bounds, several times as fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

UNIT_ROUNDOFF = 2.0**-24  # float32
LAMBDA = 1.0
_ACTIVATION_ULPS = 4.0  # what vectorised exponentials and the like may be off
_SMALLEST = 2.0**-126  # below, float32 loses digits


@dataclass(frozen=True)
class Bounded:
    """Values and how far a float32 computation of them may be off.

    Attributes:
        value: any shape, float64; float32 if rough.
        error: the same shape, float64, at least 0; None if rough.
    """

    value: Tensor
    error: Tensor | None

    def agrees_with(self, got: Tensor) -> bool:
        """Return whether `got` has these values, in whatever floating-point dtype it comes."""
        if self.error is None or got.shape != self.value.shape or not got.is_floating_point():
            return False
        return bool((torch.abs(got.double() - self.value) <= self.error).all())

    def reshape(self, *shape: int) -> Bounded:
        """Return the same entries in another shape."""
        error = None if self.error is None else self.error.reshape(*shape)
        return Bounded(self.value.reshape(*shape), error)


def exact(tensor: Tensor) -> Bounded:
    """Return an input: known without error."""
    return Bounded(tensor.double(), torch.zeros_like(tensor, dtype=torch.float64))


def rough(tensor: Tensor) -> Bounded:
    """Return an input for a quick look: float32, no bounds."""
    return Bounded(tensor.float(), None)


def conv2d(
    x: Bounded,
    weight: Tensor,
    bias: Tensor | None = None,
    padding: int | tuple[int, int] = 0,
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Bounded:
    """Return the convolution of `x` (..., C, H, W) with `weight` (K, C // groups, h, w)."""
    weight, bias = weight.to(x.value.dtype), None if bias is None else bias.to(x.value.dtype)
    how = (stride, padding, dilation, groups)
    value = F.conv2d(x.value, weight, bias, *how)
    if x.error is None:
        return Bounded(value, None)
    sizes = F.conv2d(x.value.abs(), weight.abs(), None if bias is None else bias.abs(), *how)
    carried = F.conv2d(x.error**2, weight**2, None, *how).sqrt()
    return Bounded(value, carried + _rounding(math.prod(weight.shape[1:])) * sizes)


def linear(x: Bounded, weight: Tensor, bias: Tensor | None = None) -> Bounded:
    """Return `x` (..., I) times `weight` (O, I) transposed, plus `bias` (O,)."""
    weight, bias = weight.to(x.value.dtype), None if bias is None else bias.to(x.value.dtype)
    value = F.linear(x.value, weight, bias)
    if x.error is None:
        return Bounded(value, None)
    sizes = F.linear(x.value.abs(), weight.abs(), None if bias is None else bias.abs())
    carried = F.linear(x.error**2, weight**2).sqrt()
    return Bounded(value, carried + _rounding(weight.shape[1]) * sizes)


def max_pool(x: Bounded, kernel: int = 2, stride: int = 2) -> Bounded:
    """Return the largest value of each window; its error is at most the window's largest."""
    error = None if x.error is None else F.max_pool2d(x.error, kernel, stride)
    return Bounded(F.max_pool2d(x.value, kernel, stride), error)


def avg_pool(x: Bounded, kernel: int = 2, stride: int = 2) -> Bounded:
    """Return the mean of each window."""
    value = F.avg_pool2d(x.value, kernel, stride)
    if x.error is None:
        return Bounded(value, None)
    sizes = F.avg_pool2d(x.value.abs(), kernel, stride)
    carried = F.avg_pool2d(x.error, kernel, stride)
    return Bounded(value, carried + _rounding(kernel**2) * sizes)


def spatial_mean(x: Bounded) -> Bounded:
    """Return the mean over the last two dimensions."""
    flat = x.reshape(*x.value.shape[:-2], -1)
    means = mean(flat, dim=-1)
    return means.reshape(*means.value.shape[:-1])


def mean(x: Bounded, dim: int) -> Bounded:
    """Return the mean over one dimension, which stays with size 1."""
    value = x.value.mean(dim, keepdim=True)
    if x.error is None:
        return Bounded(value, None)
    sizes = x.value.abs().mean(dim, keepdim=True)
    carried = x.error.mean(dim, keepdim=True)
    return Bounded(value, carried + _rounding(x.value.shape[dim]) * sizes)


def spatial_max(x: Bounded) -> Bounded:
    """Return the largest value over the last two dimensions."""
    error = None if x.error is None else x.error.amax(dim=(-2, -1))
    return Bounded(x.value.amax(dim=(-2, -1)), error)


ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda v: v,
    "relu": torch.relu,
    "abs": torch.abs,
    "leaky_relu": F.leaky_relu,
    "relu6": F.relu6,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda v: F.softmax(v, dim=-1),
    "softmax over the batch": lambda v: F.softmax(v, dim=0),
    "log_softmax": lambda v: F.log_softmax(v, dim=-1),
}
_STEEPEST = {"sigmoid": 0.25, "gelu": 1.13, "silu": 1.1, "selu": 1.76}  # slopes; others: 1


def apply(name: str, x: Bounded) -> Bounded:
    """Return one of `ELEMENTWISE` of `x`; (log-)softmax acts on the last dimension, or the first.

    A softmax p changes by p (dx - sum of p dx), so by at most 2 p max |dx|; its logarithm by at
    most 2 max |dx|.
    """
    value = ELEMENTWISE[name](x.value)
    if x.error is None or name == "none":
        return Bounded(value, x.error)
    rounding = 0.0 if name in ("relu", "abs") else _ACTIVATION_ULPS * UNIT_ROUNDOFF
    size, error = x.value.abs(), _STEEPEST.get(name, 1.0) * x.error
    if "softmax" in name:
        dim = 0 if name.endswith("batch") else -1
        size = size.amax(dim, keepdim=True).expand_as(value)
        error = 2 * x.error.amax(dim, keepdim=True).expand_as(value)
        if not name.startswith("log"):
            size, error = size * value, error * value
    return Bounded(value, error + rounding * (value.abs() + size) + _SMALLEST)


def _rounding(terms: int) -> float:
    return LAMBDA * UNIT_ROUNDOFF * math.sqrt(terms + 1)
