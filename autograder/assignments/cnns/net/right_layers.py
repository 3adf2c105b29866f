"""Which layers of a network are right where they stand, whatever reaches them.

A layer is judged by what goes into it in the student's own network: so one slip costs its own
layer, not all those behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
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


def wrong_steps(
    layer: str, state: Mapping[str, Tensor], images: Tensor, seen: Sequence[Tensor]
) -> int:
    """Return how many steps of a wrong layer's part are wrong, each judged by what reaches it.

    The steps are the layer itself, its ReLU, and its pooling.

    Args:
        layer: one of `LAYERS`.
        state: the weights that the network ran with.
        images: that it was given.
        seen: what went in and out of its steps.
    """
    weight = state[f"{layer}.weight"]
    like = (weight.dim(), weight.shape[0])
    its = [x for x in seen if x.is_floating_point() and (x.dim(), x.shape[1]) == like]
    inputs = [images] if layer == LAYERS[0] else seen
    outputs = [_own(layer, state, x) for x in inputs if _fits(layer, state, x)]
    outputs = [own for own in outputs if any(is_in(got, own) for got in its)]
    wrong = int(not outputs)
    if layer != LAYERS[-1]:
        wrong += not _is_activated(layer, outputs, its)
    if layer.startswith("conv"):
        wrong += not any(_shows(F.max_pool2d(x, 2), its) for x in its if min(x.shape[2:]) > 1)
    return max(wrong, 1) if its else 1


def _is_activated(layer: str, outputs: Sequence[Bounded], its: Sequence[Tensor]) -> bool:
    """Return whether a ReLU follows a layer's outputs; any, where these are not known."""
    if not outputs:
        return any(_shows(x.relu(), its) for x in its if bool((x < 0).any()))
    after = [error_bounds.apply("relu", own) for own in outputs]
    if layer.startswith("conv"):  # a pooling may stand before it
        after += [error_bounds.max_pool(own) for own in outputs]
    return any(is_in(got, active) for active in after for got in its)


def _shows(expected: Tensor, seen: Sequence[Tensor]) -> bool:
    """Return whether something seen is just that: a ReLU and a maximum do not round."""
    return any(torch.equal(expected, x) for x in seen)


def is_in(got: Tensor, expected: Bounded) -> bool:
    """Return whether a tensor has the expected entries, in whatever shape."""
    same_size = got.numel() == expected.value.numel() and got.dim() > 0
    return same_size and expected.reshape(*got.shape).agrees_with(got)


def _fits(layer: str, state: Mapping[str, Tensor], x: Tensor) -> bool:
    """Return whether a tensor may be what a layer takes."""
    weight = state[f"{layer}.weight"]
    if not x.is_floating_point() or x.dim() != weight.dim() or x.shape[1] != weight.shape[1]:
        return False
    return x.dim() == 2 or min(x.shape[2:]) > weight.shape[-1]  # what is left can be pooled


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
