"""Makes a small picture of activations: what a check leaves in its figures."""

from __future__ import annotations

import base64
import io

import matplotlib
import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from autograder.checking.check_result import ActivationImage

_MAX_PIXELS = 120  # of a side: enough to recognise the scene, a few kilobytes as a file


def as_image(activations: Tensor, limit: float) -> ActivationImage:
    """Return activations as a picture in colours from -limit (violet) to limit (orange).

    Args:
        activations: (1, h, w) float.
        limit: what gets the strongest colour; larger values get it too.
    """
    height, width = activations.shape[-2:]
    factor = max(1, -(-max(height, width) // _MAX_PIXELS))
    finite = activations.detach().float().nan_to_num(0.0, limit, -limit)
    small = F.avg_pool2d(finite[None], factor, ceil_mode=True)[0, 0]
    share = (small / limit).clamp(-1, 1).numpy() / 2 + 0.5
    colours = (matplotlib.colormaps["PuOr_r"](share)[..., :3] * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG", optimize=True)
    return {"png": base64.b64encode(file.getvalue()).decode(), "size": [height, width]}
