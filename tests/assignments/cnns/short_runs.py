"""Training of a few steps, where what a network learns is not the question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.assignments.cnns.improved import training_runs
from course_utils.procedure import Budget
from course_utils.protocol import Protocol


def train_shortly(monkeypatch: pytest.MonkeyPatch, short: int = 5, long: int = 6) -> None:
    """Have `ImprovedNet` trained for so many steps, by runs of both kinds."""
    budget = Budget(Protocol(checkpoints=(short,)), Protocol(checkpoints=(long,)))
    exercise = replace(training_runs.EXERCISE, budget=budget)
    monkeypatch.setattr(training_runs, "EXERCISE", exercise)
