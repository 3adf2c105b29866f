"""A network of the exercise's on the student's side: from images (N, 1, 56, 56) to logits."""

from __future__ import annotations

import torch

from autograder.checking.student import Model, StudentSide
from course_utils.training import IMAGE_SIZE


def build(student: StudentSide, name: str, seed: int, **arguments: int) -> Model:
    """Return a network, built by calling the student's class.

    Args:
        student: whose.
        name: "Net" or "ImprovedNet".
        seed: of torch's global generator before it is built.
        arguments: num_channel and num_classes; their defaults where absent.

    Raises:
        StudentFault: it cannot be built.
    """
    sample = torch.zeros(2, 1, IMAGE_SIZE, IMAGE_SIZE)
    return Model(student, name, arguments, seed=seed, sample=sample)
