"""Pure: from a seed to what the student's side is asked. Nothing here depends on the hand-in."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import torch
from torch import Tensor


def derive_seed(*parts: object) -> int:
    """Return a seed in [0, 2**63) that depends on every part (a secret, names, a run's number)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int) -> torch.Generator:
    """Return a fresh generator; the global one is left alone."""
    return torch.Generator().manual_seed(seed)


def random_images(
    count: int, channels: int, height: int, width: int, rng: torch.Generator
) -> Tensor:
    """Return images (count, channels, height, width) float32 in [0, 1]."""
    return torch.rand(count, channels, height, width, generator=rng, dtype=torch.float32)


def random_state(shapes: Mapping[str, tuple[int, ...]], rng: torch.Generator) -> dict[str, Tensor]:
    """Return normal random tensors of the given shapes, float32, that keep signals near size 1.

    A weight has standard deviation sqrt(2 / fan_in), so that a ReLU network neither dies nor
    explodes; a bias 0.5, so that leaving it out shows.
    Source: He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    """
    return {
        name: torch.randn(shape, generator=rng, dtype=torch.float32)
        * (math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.5)
        for name, shape in shapes.items()
    }


def shuffled_state(state: Mapping[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
    """Return each floating-point tensor with its entries in random order.

    A network's own initialisation keeps its distribution, and weights that were trained beforehand
    are worth nothing. Tensors of at most two different values are left out: they are constants,
    masks, or the identity with which a layer may begin.
    """
    return {
        name: tensor.flatten()[torch.randperm(tensor.numel(), generator=rng)].reshape(tensor.shape)
        for name, tensor in state.items()
        if tensor.is_floating_point() and len(tensor.unique()) > 2
    }
