"""What may be computed at a step instead of what the reference computes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.checking.kit.running import Arguments, Change, Compute, Keywords


def first(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
    """Return the first argument: the step left out."""
    return args[0]


def argument(at: int, dtype: torch.dtype) -> Change:
    """Return the change to one argument; integers and truth values become real if the result is."""

    def change(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
        real = dtype.is_floating_point and not args[at].is_floating_point()
        return args[at].to(torch.get_default_dtype()) if real else args[at]

    return change


def at_position(at: int, value: Any) -> Change:
    """Return the change of the argument at one position."""
    return lambda f, args, keywords, m: f(*args[:at], value, *args[at + 1 :], **keywords)


def changed_number(at: int, function: Callable[[Any], Any]) -> Change:
    """Return the change of a number, which may be another one at each size."""
    return lambda f, args, keywords, m: f(
        *args[:at], function(args[at]), *args[at + 1 :], **keywords
    )


def with_arguments(*replaced: tuple[str, int, Any]) -> Change:
    """Return the change that gives arguments other values: name, position, value."""

    def change(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
        given, named = list(args), dict(keywords)
        for key, at, value in replaced:
            if key not in named and at < len(given):
                given[at] = value
            else:
                named[key] = value
        return compute(*given, **named)

    return change


def same_arguments(function: Compute) -> Change:
    """Return the change to another function of the same arguments."""
    return lambda compute, args, keywords, memory: function(*args, **keywords)


def of_first(function: Callable[[Tensor], Tensor]) -> Change:
    """Return the change to a function of the first argument alone."""
    return lambda compute, args, keywords, memory: function(args[0])


def corrected(op: str, correction: int) -> Change:
    """Return the change of what a variance's sum of squares is divided by."""

    def change(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
        named = {k: v for k, v in keywords.items() if k not in ("unbiased", "correction")}
        dim = named.pop("dim", args[1] if len(args) > 1 else None)
        return getattr(torch, op)(args[0], dim=dim, correction=correction, **named)

    return change


def turned_kernel(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
    """Return a convolution with its kernel turned round."""
    return compute(args[0], args[1].flip(*range(2, args[1].dim())), *args[2:], **keywords)


def inverted(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
    """Return what a step gives with its masks inverted."""

    def turned(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(turned, value))
        return ~value if is_mask(value) else value

    return compute(*map(turned, args), **keywords)


def is_mask(value: Any) -> bool:
    """Return whether a value is a tensor of truth values."""
    return isinstance(value, Tensor) and value.dtype == torch.bool


def flat(values: Any) -> Iterator[Any]:
    """Yield what nested sequences hold."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from flat(value)
        else:
            yield value
