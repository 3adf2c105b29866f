"""An exercise whose networks are trained: what is asked of them, and what kinds there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from autograder.checking.student import Model, StudentSide
from course_utils.procedure import Budget, Data, Part
from course_utils.protocol import as_batch
from course_utils.scale import Scale


@dataclass(frozen=True)
class Family:
    """A kind of answer, which a calibration measures.

    Attributes:
        name: short, unique.
        about: its architecture, for the page.
        build: makes a network with fresh weights.
        meant: test set -> how many of its marks above nothing the networks are meant to reach, at
            least and at most. Where the two differ, or a test set is absent, it is meant neither
            way in between: its runs fall on both sides of a mark.
    """

    name: str
    about: str
    build: Callable[[], nn.Module]
    meant: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class TrainedExercise:
    """What is asked of a network that is trained.

    Attributes:
        name: of the student's class.
        right: makes a network that solves it, by whose work that of others is bounded.
        data: draws what a run is about from a seed.
        classes: of the labels.
        scale: what accuracies are worth.
        budget: how long networks are trained.
        families: kinds of answers, for a calibration.
    """

    name: str
    right: Callable[[], nn.Module]
    data: Callable[[int], Data]
    classes: int
    scale: Scale
    budget: Budget
    families: list[Family] = field(default_factory=list)


def build(exercise: TrainedExercise, student: StudentSide, train: Part, seed: int) -> Model:
    """Return a network on the student's side; it sees the shape of the inputs, not one of them."""
    sample = torch.zeros_like(as_batch(train.inputs[:2], train.padding))
    return Model(student, exercise.name, seed=seed, sample=sample)


def snake_case(name: str) -> str:
    """Return a class's or a function's name as grade ids have it: "CharRNN" -> "char_rnn"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return apart.lower()
