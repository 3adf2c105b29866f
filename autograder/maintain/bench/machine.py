"""What a machine allows at best: processes on all cores slow each other down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool
from statistics import median
from threading import Barrier

import torch

from autograder.assignments.cnns.improved.reference import reference
from autograder.checking.student import InProcess, Model
from course_utils.data import load_digits_subset
from course_utils.training import BUDGET
from course_utils.transforms import padding

STEPS = 25
TRAININGS = 12
ROUNDS = 3
_READY_S = 120


def scaling(workers: int) -> float:
    """Return how many times faster than one process so many are, without any grader.

    The work is what takes most of a hand-in's time: training, on one thread a process.
    """
    with _pool(1) as one, _pool(workers) as many:
        return median(_seconds(one) / _seconds(many) for _ in range(ROUNDS))


@contextmanager
def _pool(processes: int) -> Iterator[Pool]:
    """Yield processes that have imported what they need."""
    context = get_context("spawn")
    barrier = context.Barrier(processes + 1)
    with context.Pool(processes, _get_ready, (barrier,)) as pool:
        barrier.wait(_READY_S)
        yield pool


def _seconds(pool: Pool) -> float:
    started = time.monotonic()
    pool.map(_train, range(TRAININGS), chunksize=1)
    return time.monotonic() - started


def _get_ready(barrier: Barrier) -> None:
    torch.set_num_threads(1)
    _train(0, steps=1)
    barrier.wait(_READY_S)


def _train(number: int, steps: int = STEPS) -> None:
    digits = load_digits_subset()
    model = Model(InProcess({"ImprovedNet": reference}), "ImprovedNet", seed=number)
    model.train(
        digits.train_images[:, None],
        digits.train_labels,
        protocol=BUDGET.short,
        seed=number,
        steps=steps,
        padding=padding("top_left"),
    )
