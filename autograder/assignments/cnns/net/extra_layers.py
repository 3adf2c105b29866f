"""Pure: layers that the specification does not have, but that certain values make transparent.

Batch normalisation in eval mode is the identity for a scale of sqrt(1 + eps), and a PReLU with
slope 0 is a ReLU. With these values loaded the rest of the network can be recognised as if they
were not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.assignments.cnns.net.reference import LAYERS
from autograder.checking.mistakes import Mistake
from autograder.checking.pairing import Pairing
from autograder.checking.student import ParameterInfo

_BATCH_NORM_EPS = 1e-5  # PyTorch's default
_LARGEST = 10_000  # entries of a scale or slope


@dataclass(frozen=True)
class ExtraLayer:
    """One module with parameters that the specification does not have.

    Attributes:
        what: its key in a `Mistake`.
        words: its name for people.
        kind: the name of its class.
        parameters: its parameters.
        position: how many parameters were registered before it.
    """

    what: str
    words: str
    kind: str
    parameters: tuple[ParameterInfo, ...]
    position: int


def split(parameters: Sequence[ParameterInfo]) -> tuple[list[ParameterInfo], list[ExtraLayer]]:
    """Return the parameters without the transparent modules', and these modules."""
    extra_layers: dict[str, ExtraLayer] = {}
    for position, parameter in enumerate(parameters):
        kind = parameter.kind
        if not kind.startswith(("BatchNorm", "PReLU")) or parameter.owner in extra_layers:
            continue
        own = tuple(p for p in parameters if p.owner == parameter.owner)
        if not all(len(p.shape) == 1 and p.shape[0] <= _LARGEST for p in own):
            continue
        what, words = ("prelu", "a PReLU") if kind == "PReLU" else ("norm", "batch normalisation")
        extra_layers[parameter.owner] = ExtraLayer(what, words, kind, own, position)
    core = [p for p in parameters if p.owner not in extra_layers]
    return core, list(extra_layers.values())


def transparent_state(extra_layers: Sequence[ExtraLayer]) -> dict[str, Tensor]:
    """Return values for the extra_layers' parameters that make them do nothing."""
    state: dict[str, Tensor] = {}
    for extra in extra_layers:
        for p in extra.parameters:
            scale = extra.what == "norm" and p.name.endswith("weight")
            state[p.name] = torch.full(p.shape, math.sqrt(1 + _BATCH_NORM_EPS) if scale else 0.0)
    return state


def extra_mistakes(
    extra_layers: Sequence[ExtraLayer], parameters: Sequence[ParameterInfo], pairing: Pairing
) -> list[Mistake]:
    """Return the mistake that each extra is, with the layer that it probably follows."""
    return [
        Mistake(f"{part}-{e.what}", f"there is {e.words} after {part}", part)
        for e in extra_layers
        for part in [_follows(e, parameters, pairing)]
    ]


def _follows(extra: ExtraLayer, parameters: Sequence[ParameterInfo], pairing: Pairing) -> str:
    """Return the layer of as many outputs that was registered last before the extra."""
    places = {p.name: i for i, p in enumerate(parameters)}
    size = math.prod(extra.parameters[0].shape)
    weights = {layer: pairing.get(f"{layer}.weight") for layer in LAYERS}
    placed = {layer: s.parameter for layer, s in weights.items() if s is not None}
    after = {"2d": "conv", "1d": "fc"}.get(extra.kind[-2:], "")
    fitting = [
        layer
        for layer, p in placed.items()
        if layer.startswith(after) and (size == 1 or p.shape[0] == size)
    ]
    before = [layer for layer in fitting if places[placed[layer].name] < extra.position]
    if before:
        return max(before, key=lambda layer: places[placed[layer].name])
    return (fitting or list(LAYERS))[0]
