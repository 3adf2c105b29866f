"""Where the time of one submission goes."""

from __future__ import annotations

import nbformat
import pytest

from autograder.judging.timing import CELL, Phase, Stopwatch, cells_together
from autograder.maintain.bench.speed import TRAINING_CELLS
from tests.conftest import ROOT


def test_a_phase_that_comes_again_adds_up_even_if_it_fails() -> None:
    watch, kernel_s = Stopwatch(), iter((1.0, 3.0, 3.0, 7.0))
    with watch.phase("check", lambda: next(kernel_s)):
        pass
    with pytest.raises(ValueError, match="wrong"), watch.phase("check", lambda: next(kernel_s)):
        raise ValueError("wrong")
    assert watch.phases["check"].kernel_cpu_s == 6.0
    assert watch.phases["check"].wall_s > 0


def test_the_cells_that_train_are_those_of_the_notebook() -> None:
    cells = {
        cell.id: cell.source
        for cell in nbformat.read(ROOT / "source" / "cnns" / "cnns.ipynb", 4).cells
    }
    assert all("train(" in cells[cell_id] for cell_id in TRAINING_CELLS)


def test_cells_are_put_together_and_those_that_train_stand_apart() -> None:
    phases = {
        "start": Phase(1, 0, 1),
        f"{CELL}imports": Phase(2, 0.5, 1),
        f"{CELL}train-net": Phase(4, 0, 4),
        "net_shape": Phase(8, 1, 1),
        f"{CELL}plot": Phase(16, 0, 2),
    }
    together = cells_together(phases, ("train-net", "train-improved"))
    assert together == {
        "start": Phase(1, 0, 1),
        "cells": Phase(18, 0.5, 3),
        "training cells": Phase(4, 0, 4),
        "net_shape": Phase(8, 1, 1),
    }
    assert sum(together.values(), Phase()) == sum(phases.values(), Phase())
