"""Pure: values of any structure, side by side: are they built alike, and are they the same?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def leaves(value: Any) -> Iterator[Any]:
    """Yield what a value holds that has no parts, in a fixed order."""
    if isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from leaves(value[key])
    else:
        yield value


def described(value: Any) -> str:
    """Return the structure of a value with its shapes: "((3, 5), (2,) of int64)"."""
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        return f"{tuple(value.shape)}" + ("" if value.is_floating_point() else f" of {kind}")
    if isinstance(value, tuple | list):
        return f"{len(value)} results: {', '.join(map(described, value))}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {described(value[key])}" for key in sorted(value)) + "}"
    return "None" if value is None else f"a {type(value).__name__}"


def same_form(a: Any, b: Any) -> bool:
    """Return whether two values have the same structure, shapes, and kinds of numbers."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return (
            isinstance(a, Tensor)
            and isinstance(b, Tensor)
            and a.shape == b.shape
            and _kind(a.dtype) == _kind(b.dtype)
        )
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(same_form, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_form(a[key], b[key]) for key in a)
    return type(a) is type(b)


def distance(a: Any, b: Any) -> float:
    """Return how far apart two values are, relative to the size of the second; inf if unlike.

    Integers, truth values and texts are the same or infinitely far apart. What is infinite or no
    number must be so in both.
    """
    if not same_form(a, b):
        return math.inf
    return max((_apart(x, y) for x, y in zip(leaves(a), leaves(b), strict=True)), default=0.0)


def finite(value: Any) -> bool:
    """Return whether all real numbers in a value are finite."""
    return all(
        bool(torch.isfinite(leaf).all())
        for leaf in leaves(value)
        if isinstance(leaf, Tensor) and leaf.is_floating_point()
    )


def _apart(a: Any, b: Any) -> float:
    if not isinstance(a, Tensor):
        near = isinstance(a, float) and (a == b or abs(a - b) <= 1e-5 * abs(b))
        return 0.0 if near or a == b else math.inf
    if not a.is_floating_point():
        return 0.0 if torch.equal(a, b.to(a.dtype)) else math.inf
    if a.numel() == 0:
        return 0.0
    a, b = a.double(), b.double()
    real = torch.isfinite(b)
    if not torch.equal(real, torch.isfinite(a)):
        return math.inf
    if not torch.equal(a[~real].nan_to_num(), b[~real].nan_to_num()):
        return math.inf
    if not bool(real.any()):
        return 0.0
    size = float(b[real].abs().max())
    apart = float((a[real] - b[real]).abs().max())
    return apart / size if size > 0 else (0.0 if apart == 0 else math.inf)


def _kind(dtype: torch.dtype) -> str:
    return "real" if dtype.is_floating_point else "bool" if dtype == torch.bool else "integer"
