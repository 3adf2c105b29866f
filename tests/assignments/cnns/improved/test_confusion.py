"""Which digit was read as which: counted from what crossed, in digits, of the run that counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from autograder.assignments.cnns.improved import training_runs
from autograder.assignments.cnns.improved.confusion import confusion
from autograder.assignments.cnns.improved.training_runs import measured
from autograder.checking.student import InProcess
from course_utils.data import load_digits_subset
from course_utils.protocol import Protocol
from course_utils.tiers import Accuracies, middle, published_scale
from tests.assignments.cnns.networks import FullyConnected

DIGITS = load_digits_subset()
CALLED = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])


def test_labels_are_turned_back_into_digits() -> None:
    labels = torch.tensor([0, 0, 7])
    logits = nn.functional.one_hot(CALLED[torch.tensor([0, 2, 7])], 10).float()
    counts = confusion(logits, labels, CALLED)
    assert counts is not None
    assert (counts[0][0], counts[0][2], counts[7][7]) == (1, 1, 1)
    assert sum(map(sum, counts)) == 3


@pytest.mark.parametrize(
    "logits", [torch.full((3, 10), float("nan")), torch.zeros(3, 9), torch.zeros(3), torch.zeros(0)]
)
def test_answers_that_are_none_give_no_matrix(logits: torch.Tensor) -> None:
    assert confusion(logits, torch.tensor([0, 1, 2]), CALLED) is None


def test_the_matrix_is_that_of_the_run_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of a few steps is in doubt here, so that there are several."""
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(3, 6)))
    monkeypatch.setattr(training_runs, "outcome", lambda looks, scale: list(looks)[-1])

    def three(run, seed, scale) -> list[Accuracies]:
        return [run(seed + number) for number in range(3)]

    monkeypatch.setattr(training_runs, "repeated", three)
    student, scale = InProcess({"ImprovedNet": FullyConnected}), published_scale()
    found = measured(student, 1, scale)
    counts = found.confusion
    assert counts is not None
    assert [sum(row) for row in counts] == torch.bincount(DIGITS.test_labels).tolist()
    right = sum(counts[digit][digit] for digit in range(10)) / len(DIGITS.test_labels)
    accuracies = [run.bottom_right for run in found.runs]
    assert len(set(accuracies)) > 1, "else any run would do"
    assert right == pytest.approx(middle(accuracies), abs=1e-6)


def test_both_checks_share_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(1,)))
    student, scale = InProcess({"ImprovedNet": FullyConnected}), published_scale()
    first = measured(student, 1, scale)
    monkeypatch.delattr(training_runs, "run_looks")
    assert measured(student, 2, scale) is first
