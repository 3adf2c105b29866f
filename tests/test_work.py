"""A slow architecture is refused by its work, on any machine."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from autograder import work
from autograder.improved_reference import reference
from autograder.student import InProcess, StudentFault


class Slow(nn.Module):
    """Computes the same thing many times over."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = reference()

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits (N, 10)."""
        return torch.stack([self.layers(images) for _ in range(25)]).mean(dim=0)


def test_the_reference_and_a_wider_network_are_not_refused() -> None:
    for build in (reference, lambda: reference(16, 32)):
        work.refuse_too_much(InProcess({"ImprovedNet": build}), "ImprovedNet", 1)


def test_much_more_work_is_refused_with_the_factor() -> None:
    with pytest.raises(StudentFault, match="times the work of the reference"):
        work.refuse_too_much(InProcess({"ImprovedNet": Slow}), "ImprovedNet", 1)


def test_one_slow_measurement_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([100.0, 100.0, 1.0])
    monkeypatch.setattr(work, "cpu_s", lambda student, name, seed: next(measured))
    monkeypatch.setattr(work, "_reference_cpu_s", lambda: 1.0)
    work.refuse_too_much(InProcess({}), "ImprovedNet", 1)
    assert next(measured, None) is None
