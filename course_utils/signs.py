"""Signs that nobody has seen: ten classes of random strokes, drawn afresh from a seed.

Whatever a network knew of digits before, it has to learn these like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

CLASSES = 10
SIZE = 28  # pixels
_STROKES = 3  # of a sign
_DOTS = 12  # that a stroke is drawn with
_REACH = 6.3  # pixels from the middle: as far as a sign's dots reach
_CANDIDATES = 60  # signs, of which the ten most unlike are taken
_HANDS = 24  # that write each sign
# Standard deviations: how far hands differ, ...
_MOVE = 1.1  # pixels, of each control point
_PEN = (0.6, 0.9)  # pixels, least and most: of the dots
# ... and how the image is bent after that.
_TURN = 0.15  # rad
_SCALE = 0.12
_SHEAR = 0.15
_SHIFT = 0.7  # pixels


@dataclass(frozen=True)
class SignSplit:
    """Images of ten signs, to train and to test with.

    Attributes:
        train_images: (N, 28, 28) uint8.
        train_labels: (N,) int64 in [0, 10), in random order.
        test_images: name of a quadrant -> (M, 28, 28) uint8: other images in each.
        test_labels: name of a quadrant -> (M,) int64 in [0, 10), in random order.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: dict[str, Tensor]
    test_labels: dict[str, Tensor]


def draw_signs(seed: int, train: int = 4000, test: int = 1000) -> SignSplit:
    """Return images of ten new signs, no two of them alike.

    Args:
        seed: decides the signs, and each image of them.
        train: images to train with.
        test: images to test with, in each of two quadrants.
    """
    rng = torch.Generator().manual_seed(seed)
    written = _write(_unlike_signs(rng), rng)
    images, labels = {}, {}
    for name, count in (("train", train), ("top_left", test), ("bottom_right", test)):
        labels[name] = torch.randint(CLASSES, (count,), generator=rng)
        hands = torch.randint(_HANDS, (count,), generator=rng)
        images[name] = _bend(written[labels[name], hands], rng)
    return SignSplit(images.pop("train"), labels.pop("train"), images, labels)


def _unlike_signs(rng: Generator) -> Tensor:
    """Return control points (10, strokes, 3, 2) of ten signs, of many those most unlike."""
    points = _fit(torch.rand(_CANDIDATES, _STROKES, 3, 2, generator=rng))
    pictures = _draw(points, torch.full((_CANDIDATES,), 2.0)).flatten(1)
    pictures = F.normalize(pictures)
    alike = pictures @ pictures.T
    chosen = [0]
    while len(chosen) < CLASSES:
        chosen.append(int(alike[chosen].amax(dim=0).argmin()))
    return points[chosen]


def _fit(points: Tensor) -> Tensor:
    """Return control points (N, strokes, 3, 2) moved to the middle, each sign as large as may be.

    So no sign is told by where it stands, or by its size.
    """
    dots = _dots(points)
    low, high = dots.amin(dim=1), dots.amax(dim=1)  # (N, 2)
    size = (high - low).amax(dim=1)
    return (points - ((low + high) / 2)[:, None, None]) * (2 * _REACH / size)[:, None, None, None]


def _write(signs: Tensor, rng: Generator) -> Tensor:
    """Return each sign (10, strokes, 3, 2) as hands write it: (10, hands, 28, 28) in [0, 1]."""
    points = signs[:, None].expand(-1, _HANDS, -1, -1, -1).flatten(0, 1)
    points = points + _MOVE * torch.randn(points.shape, generator=rng)
    thin, thick = _PEN
    pens = thin + (thick - thin) * torch.rand(len(points), generator=rng)
    return _draw(points, pens).unflatten(0, (CLASSES, _HANDS))


def _draw(points: Tensor, pens: Tensor) -> Tensor:
    """Return images (N, 28, 28) in [0, 1] of quadratic curves (N, strokes, 3, 2).

    Args:
        points: the curves' control points, pixels from the middle of the image.
        pens: (N,), pixels: the standard deviation of a dot.
    """
    dots = _dots(points)
    pixels = torch.arange(SIZE) - (SIZE - 1) / 2
    away = (dots[..., None] - pixels) / pens[:, None, None, None]
    across, down = torch.exp(-away.square() / 2).unbind(dim=2)  # (N, strokes * dots, 28) each
    return 1 - torch.exp(-down.transpose(1, 2) @ across)


def _dots(points: Tensor) -> Tensor:
    """Return dots (N, strokes * dots, 2) along quadratic curves (N, strokes, 3, 2)."""
    t = torch.linspace(0, 1, _DOTS)[:, None]
    curve = torch.cat([(1 - t) ** 2, 2 * t * (1 - t), t**2], dim=1)  # (dots, 3)
    return (curve @ points).flatten(1, 2)


def _bend(images: Tensor, rng: Generator) -> Tensor:
    """Return images (N, 28, 28) in [0, 1] turned, scaled, sheared and moved a little, as uint8."""
    N = len(images)
    turn, shear, wide, high = torch.randn(4, N, generator=rng)
    cos, sin = (_TURN * turn).cos(), (_TURN * turn).sin()
    bend = torch.stack([cos, _SHEAR * shear - sin, sin, cos], dim=1).unflatten(1, (2, 2))
    bend = bend * torch.exp(_SCALE * torch.stack([wide, high], dim=1))[:, None]
    move = _SHIFT * 2 / SIZE * torch.randn(N, 2, 1, generator=rng)
    grid = F.affine_grid(torch.cat([bend, move], dim=2), [N, 1, SIZE, SIZE], align_corners=False)
    bent = F.grid_sample(images[:, None], grid, align_corners=False)[:, 0]
    return (bent * 255).round().to(torch.uint8)
