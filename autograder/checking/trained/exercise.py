"""An exercise whose networks are trained: what is asked of them, and what kinds there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import torch
from torch import nn

from autograder.checking.student import Model, StudentSide
from course_utils.procedure import Budget, Data, Part
from course_utils.protocol import as_batch
from course_utils.scale import Mark, Scale

Marks = Mapping[float, float]
"""Accuracy in [0, 1] -> points, rising."""


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
        rights: other right answers, which must score full.
    """

    name: str
    right: Callable[[], nn.Module]
    data: Callable[[int], Data]
    classes: int
    scale: Scale
    budget: Budget
    families: list[Family] = field(default_factory=list)
    rights: list[Callable[[], nn.Module]] = field(default_factory=list)

    def grade_id(self, test: str) -> str:
        """Return the grade cell of a test set, where the kit makes them."""
        return f"{snake_case(self.name)}_{test}"


def build(exercise: TrainedExercise, student: StudentSide, train: Part, seed: int) -> Model:
    """Return a network on the student's side; it sees the shape of the inputs, not one of them."""
    sample = torch.zeros_like(as_batch(train.inputs[:2], train.padding))
    return Model(student, exercise.name, seed=seed, sample=sample)


def scale_of(marks: Mapping[str, Marks], classes: int, **rules: float) -> Scale:
    """Return the scale of these marks.

    Args:
        marks: test set -> its marks.
        classes: by which chance is known: a network has begun to learn when it is better by a ninth
            of what there is above chance.
        rules: of the scale, in place of the usual ones.

    Raises:
        ValueError: marks do not rise, or the first of them is worth something.
    """
    made = {}
    for test, given in marks.items():
        accuracies, points = sorted(given), [given[accuracy] for accuracy in sorted(given)]
        if len(given) < 2 or points[0] != 0 or points != sorted(set(points)):
            raise ValueError(
                f"the marks of {test!r}: expected an accuracy that is worth 0 points and others "
                f"that are worth more and more, got {dict(given)}"
            )
        if not (accuracies[0] >= 0 and accuracies[-1] <= 1) or not test.isidentifier():
            raise ValueError(
                f"the marks of {test!r}: expected accuracies in [0, 1], and a Python name of the "
                f"test set, got {dict(given)}"
            )
        made[test] = tuple(
            Mark(f"{accuracy:.0%}", accuracy, points) for accuracy, points in sorted(given.items())
        )
    if not made:
        raise ValueError("expected marks of a test set, got none")
    allowed = {field.name for field in fields(Scale)} - {"marks"}
    if not set(rules) <= allowed:
        wrong = ", ".join(sorted(set(rules) - allowed))
        raise ValueError(f"no rule {wrong}; there are: {', '.join(sorted(allowed))}")
    chance = 1 / classes
    return Scale(made, **{"learns": chance + (1 - chance) / 9, **rules})


def snake_case(name: str) -> str:
    """Return a class's or a function's name as grade ids have it: "CharRNN" -> "char_rnn"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return apart.lower()
