"""Which digit was read as which: in digits, for students; the labels were permuted secretly."""

from __future__ import annotations

import torch
from torch import Tensor

CLASSES = 10
Confusion = list[list[int]]  # a row a digit, a column what it was read as


def confusion(logits: Tensor, labels: Tensor, called: Tensor) -> Confusion | None:
    """Return how often each digit was read as which; None if the logits are not all finite.

    Args:
        logits: (N, CLASSES); of another shape gives None too, and no points elsewhere.
        labels: (N,) int64, the digits.
        called: (CLASSES,) int64, what each digit was called in training.
    """
    if tuple(logits.shape) != (len(labels), CLASSES) or not logits.is_floating_point():
        return None
    if not bool(logits.isfinite().all()):
        return None
    read = called.argsort()[logits.argmax(dim=1)]
    counts = torch.bincount(labels * CLASSES + read, minlength=CLASSES**2)
    rows: Confusion = counts.reshape(CLASSES, CLASSES).tolist()
    return rows
