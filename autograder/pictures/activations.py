"""Draws activations beside those that were expected."""

from __future__ import annotations

import base64
import io
from typing import TypedDict

import matplotlib
import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from autograder.pictures.svg import INK, picture, png, rectangle, text

_MOST_PIXELS = 120  # of a side: enough to recognise the scene, a few kilobytes as a file
_PANEL = 230


class ActivationImage(TypedDict):
    """Activations as a small picture.

    Attributes:
        png: the file in base64.
        size: height and width of the activations themselves.
    """

    png: str
    size: list[int]


def as_image(activations: Tensor, limit: float) -> ActivationImage:
    """Returns activations as a picture in colours from -limit (violet) to limit (orange).

    Args:
        activations: (1, h, w) float.
        limit: what gets the strongest colour; larger values get it too.
    """
    height, width = activations.shape[-2:]
    factor = max(1, -(-max(height, width) // _MOST_PIXELS))
    finite = activations.detach().float().nan_to_num(0.0, limit, -limit)
    small = F.avg_pool2d(finite[None], factor, ceil_mode=True)[0, 0]
    share = (small / limit).clamp(-1, 1).numpy() / 2 + 0.5
    colours = (matplotlib.colormaps["PuOr_r"](share)[..., :3] * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG", optimize=True)
    return {"png": base64.b64encode(file.getvalue()).decode(), "size": [height, width]}


def activation_pair(expected: ActivationImage, got: ActivationImage) -> str:
    """Returns what was expected on the left, and what came on the right, in the same colours."""
    shapes = []
    for column, (name, image) in enumerate((("expected", expected), ("yours", got))):
        height, width = image["size"]
        scale = _PANEL / max(height, width, *expected["size"])
        x, shown = 4 + column * (_PANEL + 20), (width * scale, height * scale)
        shapes += [
            text(x, 14, f"{name}: {height} x {width}", INK, bold=True),
            png(x, 22, *shown, image["png"]),
            rectangle(x, 22, *shown, "none", "#59636e"),
        ]
    description = (
        "The activations on a photograph, expected "
        f"({expected['size'][0]} x {expected['size'][1]}) beside yours "
        f"({got['size'][0]} x {got['size'][1]})."
    )
    return picture(2 * _PANEL + 28, _PANEL + 28, description, *shapes)
