"""Refuses a network that knows the digits before it was trained on them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from autograder.assignments.cnns.improved.confusion import CLASSES
from autograder.checking.challenge import random_like
from autograder.checking.student import Model, StudentFault, as_logits
from course_utils.data import DigitSplit
from course_utils.transforms import padding

INSPECTIONS = 2
INSPECTED = 300  # digits
PRIOR_KNOWLEDGE = 0.75  # between 0.49, the most that random weights gave, and 0.96


def refuse(model: Model, initial: Mapping[str, Tensor], digits: DigitSplit, rng: Generator) -> None:
    """Refuse a network that, with random weights, knows the digits.

    Random weights keep some of what tells digits apart: by the nearest class mean of the logits,
    0.30 to 0.49 of the digits are told right, whatever the architecture. A network that holds
    trained weights where shuffling does not reach them tells 0.96. Weights that are constant at the
    start, such as a gate of 0, are drawn at random too.

    Raises:
        StudentFault: it does.
    """
    corner = padding("bottom_right")
    for _ in range(INSPECTIONS):
        model.load({name: random_like(tensor, rng) for name, tensor in initial.items()})
        known, asked = (
            as_logits(model.predict(images[:, None], corner), len(images), CLASSES).float()
            for images in (digits.train_images[:INSPECTED], digits.test_images[:INSPECTED])
        )
        told = nearest_mean_accuracy(
            known, digits.train_labels[:INSPECTED], asked, digits.test_labels[:INSPECTED]
        )
        if told > PRIOR_KNOWLEDGE:
            raise StudentFault(
                f"with random weights, before any training, it already tells {told:.0%} of the "
                "bottom-right digits apart: it holds something that was trained elsewhere. Grading "
                "counts what the network learns from scratch"
            )


def nearest_mean_accuracy(
    known: Tensor, known_labels: Tensor, asked: Tensor, asked_labels: Tensor
) -> float:
    """Return the share in [0, 1] of rows of `asked` whose nearest class mean is their class's.

    Args:
        known: (N, K) float32, from which the means are taken, each column scaled to deviation 1.
        known_labels: (N,) int64; every class occurs.
        asked: (M, K) float32.
        asked_labels: (M,) int64.
    """
    classes = known_labels.unique()
    scale = known.std(dim=0) + 1e-12
    means = torch.stack([known[known_labels == label].mean(dim=0) for label in classes])
    nearest = torch.cdist(asked / scale, means / scale).argmin(dim=1)
    return float((classes[nearest] == asked_labels).float().mean())
