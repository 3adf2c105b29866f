"""A slow architecture is refused by its work, on any machine."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from autograder.assignments.cnns.improved.reference import reference
from autograder.assignments.cnns.improved.training_runs import EXERCISE
from autograder.checking.student import InProcess, StudentFault
from autograder.checking.trained import runs, work_limit
from autograder.inside.probe import Answer


class Slow(nn.Module):
    """Computes the same thing many times over."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = reference()

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10)."""
        return torch.stack([self.layers(images) for _ in range(60)]).mean(dim=0)


def test_the_reference_and_a_wider_network_are_not_refused() -> None:
    for build in (reference, lambda: reference(16, 32)):
        work_limit.refuse_too_much(EXERCISE, InProcess({"ImprovedNet": build}), 1)


def test_much_more_work_is_refused_with_the_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    # Far above the limit, so whatever other programs do to one of the measurements; of few steps.
    monkeypatch.setattr(work_limit, "STEPS", 2)
    monkeypatch.setattr(work_limit, "PREDICTED", 16)
    monkeypatch.setattr(work_limit, "TRIALS", 1)
    monkeypatch.setattr(work_limit, "_right_cpu_s", work_limit._right_cpu_s.__wrapped__)
    with pytest.raises(StudentFault, match="times the work of the right answer"):
        work_limit.refuse_too_much(EXERCISE, InProcess({"ImprovedNet": Slow}), 1)


def test_the_references_work_is_measured_as_a_students_is() -> None:
    student = InProcess({"ImprovedNet": reference})
    ratio = min(work_limit.cpu_s(EXERCISE, student) for _ in range(3)) / work_limit._right_cpu_s(
        EXERCISE
    )
    assert 1 / 3 < ratio < 3


def test_one_slow_measurement_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([40.0, 40.0, 1.0])
    monkeypatch.setattr(work_limit, "cpu_s", lambda *arguments: next(measured))
    monkeypatch.setattr(work_limit, "_right_cpu_s", lambda exercise: 1.0)
    work_limit.refuse_too_much(EXERCISE, InProcess({}), 1)
    assert next(measured, None) is None


def test_what_takes_far_too_long_is_measured_once_and_not_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(work_limit, "_right_cpu_s", lambda exercise: 1e-9)

    class Counting(InProcess):
        def ask(self, verb: str, *arguments: object) -> Answer:  # type: ignore[override]
            asked.append(verb)
            return super().ask(verb, *arguments)  # type: ignore[arg-type]

    with pytest.raises(StudentFault, match="Let it do less for each input"):
        work_limit.refuse_too_much(EXERCISE, Counting({"ImprovedNet": reference}), 1)
    assert asked == ["build", "train", "train"], "the steps to warm up, and one"


def test_a_refusal_is_one_for_all_grade_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a limit that is nearly reached does not pay for one of them."""
    answers = iter([40.0, 40.0, 40.0, 1.0])
    monkeypatch.setattr(work_limit, "cpu_s", lambda *arguments: next(answers))
    monkeypatch.setattr(work_limit, "_right_cpu_s", lambda exercise: 1.0)
    student = InProcess({"ImprovedNet": reference})
    for _ in range(2):
        with pytest.raises(StudentFault, match="40 times the work"):
            runs.measured(EXERCISE, student, 1)
    assert next(answers) == 1.0
