"""Which layers of a network are right where they stand, whatever reaches them.

A layer is judged by what goes into it in the student's own network: so one slip costs its own
layer, not all those behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from autograder.assignments.cnns.net.reference import LAYERS
from autograder.checking import error_bounds
from autograder.checking.error_bounds import Bounded


def right_layers(
    state: Mapping[str, Tensor], images: Tensor, seen: Sequence[Tensor], answer: Tensor | None
) -> frozenset[str]:
    """Return the layers that compute what is specified, and whose next layer gets it as specified.

    Args:
        state: the weights that the network ran with, named as in the specification.
        images: that it was given.
        seen: what went in and out of its steps.
        answer: what it returned; None if that is nothing, or of another shape.
    """
    right, taken = set(), [] if answer is None else [answer]  # by the layer behind
    for layer in reversed(LAYERS):
        inputs = [images] if layer == LAYERS[0] else seen
        pairs = [(x, _own(layer, state, x)) for x in inputs if _fits(layer, state, x)]
        pairs = [(x, own) for x, own in pairs if any(is_in(got, own) for got in [*seen, *taken])]
        if any(is_in(got, _after(layer, own)) for _, own in pairs for got in taken):
            right.add(layer)
        # What a wrong layer takes is not known: any step may be it.
        taken = [x for x, _ in pairs] or list(seen)
    return frozenset(right)


def is_in(got: Tensor, expected: Bounded) -> bool:
    """Return whether a tensor has the expected entries, in whatever shape."""
    same_size = got.numel() == expected.value.numel() and got.dim() > 0
    return same_size and expected.reshape(*got.shape).agrees_with(got)


def _fits(layer: str, state: Mapping[str, Tensor], x: Tensor) -> bool:
    """Return whether a tensor may be what a layer takes."""
    weight = state[f"{layer}.weight"]
    if not x.is_floating_point() or x.dim() != weight.dim() or x.shape[1] != weight.shape[1]:
        return False
    return x.dim() == 2 or min(x.shape[2:]) >= weight.shape[-1]


def _own(layer: str, state: Mapping[str, Tensor], x: Tensor) -> Bounded:
    weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias")
    if weight.dim() == 4:
        return error_bounds.conv2d(error_bounds.exact(x), weight, bias)
    return error_bounds.linear(error_bounds.exact(x), weight, bias)


def _after(layer: str, own: Bounded) -> Bounded:
    """Return what the next layer is to get; of the last layer its own output."""
    if layer == LAYERS[-1]:
        return own
    active = error_bounds.apply("relu", own)
    return error_bounds.max_pool(active) if layer.startswith("conv") else active
