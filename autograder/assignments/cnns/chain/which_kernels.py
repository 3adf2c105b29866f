"""Which kernels the two convolutions of a chain use, found from its answers alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.checking.criteria import ALIKE

_SIDE = 28  # pixels
_GROWTH = 1.5  # of the image, a pixel to the right or down: so it is known what the pooling keeps
_BUMP = 0.02  # of a pixel: too small to change what the pooling keeps
_BUMPS = (8, 17)  # rows and columns: one even, one odd, and no answer sees two of them
_REACH = 7  # pixels that an activation depends on: a 3x3 kernel on top of one with gaps
_TOLERANCE = 0.01  # relative: a bump's effect is a small difference of float32 numbers
_MIN_ENTRIES = 3  # that are not zero: with fewer, a convolution may be none

Kernels = tuple[Tensor, Tensor]
Answer = Callable[[Tensor], Tensor | None]  # to an image (3, H, W), with one kernel


def is_biased(answer: Answer, image: Tensor) -> bool | None:
    """Return whether a chain with whatever 3x3 kernels adds a bias; None if this is no such chain.

    Args:
        answer: the function.
        image: (3, H, W) float32, on which the kernels that were found are tried: in grey, as
            kernels of their own differ from colour to colour.
    """
    grey = image[:1].expand(3, -1, -1).clone()
    got, effect = answer(grey), _effect(answer)
    black = answer(torch.zeros_like(image))
    if got is None or effect is None or black is None:
        return None
    biased = bool(black.abs().max() > ALIKE * got.abs().max())
    found = (_kernels(effect, kept) for kept in (0, 1))
    explained = any(_explain(kernels, grey, got, biased) for kernels in found if kernels)
    return biased if explained else None


def _effect(answer: Answer) -> Tensor | None:
    """Return what an activation changes by for each pixel it may depend on: (8, 8) float64.

    Where an image grows to the right and down, the pooling keeps the last of each block, or the
    first if the convolution turns signs. As long as it does, the chain is linear: one convolution
    with stride 2.
    """
    growth = _GROWTH ** torch.arange(_SIDE)
    image = (growth[:, None] * growth).expand(3, -1, -1)
    bumped = image.clone()
    for row in _BUMPS:
        bumped[:, row, list(_BUMPS)] *= 1 + _BUMP
    before, after = answer(image), answer(bumped)
    side = (_SIDE - 2) // 2 - 2
    if before is None or after is None or not before.shape == after.shape == (1, side, side):
        return None
    effect = torch.zeros(_REACH + 1, _REACH + 1, dtype=torch.float64)
    for row in _BUMPS:
        for column in _BUMPS:
            rows, columns = _seen_from(row), _seen_from(column)
            change = (after - before)[0, rows][:, columns] / image[0, row, column]
            effect[row % 2 :: 2, column % 2 :: 2] = change
    return effect if effect.isfinite().all() else None


def _seen_from(pixel: int) -> list[int]:
    """Return the activations that a pixel may reach, the last one first."""
    return [(pixel - offset) // 2 for offset in range(pixel % 2, _REACH + 1, 2)]


def _kernels(effect: Tensor, kept: int) -> Kernels | None:
    """Return the kernels (3, 3) of both convolutions up to a factor; None if there are none.

    Args:
        effect: of each pixel.
        kept: what the pooling keeps of each block: 0 the first, 1 the last.
    """
    window = effect[kept : kept + _REACH, kept : kept + _REACH]
    second = window[1::2, 1::2]  # only the middle of the first kernel gets there
    if _entries(second) < _MIN_ENTRIES:
        return None
    gaps = torch.zeros(5, 5, dtype=torch.float64)
    gaps[::2, ::2] = second
    terms = [F.pad(gaps, (j, 2 - j, i, 2 - i)).flatten() for i in range(3) for j in range(3)]
    first = torch.linalg.lstsq(torch.stack(terms, 1), window.reshape(-1, 1)).solution.view(3, 3)
    growth = _GROWTH ** torch.arange(3, dtype=torch.float64)
    if (float((first * growth[:, None] * growth).sum()) > 0) != bool(kept):
        first, second = -first, -second
    return None if _entries(first) < _MIN_ENTRIES else (first, second)


def _entries(kernel: Tensor) -> int:
    return int((kernel.abs() > _TOLERANCE * kernel.abs().max()).sum())


def _explain(kernels: Kernels, image: Tensor, got: Tensor, biased: bool) -> bool:
    """Return whether the chain with these kernels gives an answer, up to a factor."""
    grey = image[:1].double()
    first, second = (kernel[None, None] for kernel in kernels)
    want = F.conv2d(F.max_pool2d(F.conv2d(grey, first), 2), second)
    if got.shape != want.shape or not got.isfinite().all():
        return False
    terms = want.reshape(-1, 1)
    if biased:
        terms = torch.cat([terms, torch.ones_like(terms)], 1)
    factors = torch.linalg.lstsq(terms, got.reshape(-1, 1)).solution
    worst = (terms @ factors - got.reshape(-1, 1)).abs().max()
    return bool(factors[0] > 0) and bool(worst <= _TOLERANCE * (got - got.mean()).abs().max())
