"""Which digit was read as which, noted while `improved_runs` measures a network.

The accuracies alone leave `improved_runs`; what they were counted from passes by here. Labels are
turned back from the secret permutation, so that a student reads digits.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.assignments.cnns.improved.training_runs import (
    CLASSES,
    IMPROVED_NET,
    Measured,
    measured,
)
from autograder.checking.student import StudentSide, take
from autograder.inside.probe import Answer
from course_utils.data import DigitSplit, load_digits_subset
from course_utils.tiers import Scale, middle

Confusion = list[list[int]]  # a row a digit, a column what it was read as


def measured_with_confusion(
    student: StudentSide, seed: int, scale: Scale
) -> tuple[Measured, Confusion | None]:
    """Return what the judge found out, and the bottom-right confusion of the run that counts.

    The confusion is None where the network's answers were no finite numbers.

    Raises:
        StudentFault: the network cannot be built, trained or asked, or takes too much work.
    """
    key = ("confusion", IMPROVED_NET, student.version(IMPROVED_NET))
    if key not in student.memo:
        witness = Witness(student, load_digits_subset())
        found = measured(witness, seed, scale)
        run = counted([run.bottom_right for run in found.runs])
        student.memo[key] = found, list(witness.noted.values())[run]
    known: tuple[Measured, Confusion | None] = student.memo[key]
    return known


def counted(accuracies: Sequence[float]) -> int:
    """Return the number of the run whose accuracy counts."""
    return accuracies.index(middle(accuracies))


class Witness:
    """A student that passes on what another one answers, and notes what it reads bottom-right.

    Args:
        student: who answers.
        digits: what is trained on and asked for.

    Attributes:
        memo: the student's own.
        noted: handle of a trained network -> the confusion of its last prediction.
    """

    def __init__(self, student: StudentSide, digits: DigitSplit) -> None:
        self.memo = student.memo
        self.noted: dict[str, Confusion | None] = {}
        self._student, self._digits = student, digits
        self._trained, self._taught = "", digits.train_labels

    def version(self, name: str) -> Hashable:
        """Return what the student does."""
        return self._student.version(name)

    def cpu_s(self) -> float:
        """Return what the student does."""
        return self._student.cpu_s()

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the student's answer.

        Raises:
            StudentFault: the predictions are no tensor that can be counted.
        """
        fields, answer = self._student.ask(verb, arguments, tensors)
        if verb == "train":
            self._trained, self._taught = arguments["handle"], tensors["labels"]
        elif "logits" in answer and arguments.get("quadrant") == "bottom_right":
            labels = self._digits.test_labels
            if len(tensors["digits"]) == len(labels):
                called = permutation_of(self._digits.train_labels, self._taught)
                self.noted[self._trained] = confusion(take(answer, "logits"), labels, called)
        return fields, answer


def permutation_of(labels: Tensor, taught: Tensor) -> Tensor:
    """Return what each digit was called: (CLASSES,) int64.

    Args:
        labels: (N,) int64, the digits; each occurs.
        taught: (N,) int64, what they were called.
    """
    called = torch.empty(CLASSES, dtype=torch.int64)
    called[labels] = taught
    return called


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
