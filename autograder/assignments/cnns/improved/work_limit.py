"""Bounds a slow architecture by its work relative to the reference's, on the same machine.

Seconds would depend on the machine and on what else it does; processor time relative to that of a
reference measured right here does not.
"""

from __future__ import annotations

import time
from functools import cache

from autograder.assignments.cnns.improved.reference import reference
from autograder.assignments.cnns.networks import build
from autograder.checking.student import StudentFault, StudentSide
from course_utils.data import load_digits_subset
from course_utils.protocol import cross_entropy, lay_out, predict
from course_utils.training import SHORT_RUN
from course_utils.transforms import padding, place

MAX_WORK = 15.0  # times the reference's: far more than honest networks take
WARM_UP_STEPS = 2  # the first steps set up the optimiser and choose kernels
STEPS = 6
PREDICTED = 128  # digits
TRIALS = 3  # before a network is refused: a busy machine can slow one down


def refuse_too_much(student: StudentSide, name: str, seed: int) -> None:
    """Refuse a network of which a training step and a prediction take too much work.

    Raises:
        StudentFault: they take more than `MAX_WORK` times what the reference takes.
    """
    for _ in range(TRIALS):
        ratio = cpu_s(student, name, seed) / _reference_cpu_s()
        if ratio <= MAX_WORK:
            return
    raise StudentFault(
        f"a training step of {name} takes {ratio:.0f} times the work of the reference's; grading "
        f"trains networks that take at most {MAX_WORK:.0f} times as much. Use fewer channels, or "
        "pool earlier"
    )


def cpu_s(student: StudentSide, name: str, seed: int = 0) -> float:
    """Return the processor time in seconds that some training and prediction takes."""
    digits = load_digits_subset()
    model = build(student, name, seed)

    def train(steps: int) -> None:
        model.train(
            digits.train_images[:, None],
            digits.train_labels,
            protocol=SHORT_RUN,
            seed=seed,
            steps=steps,
            padding=padding("top_left"),
        )

    train(WARM_UP_STEPS)
    before = student.cpu_s()
    train(STEPS)
    model.predict(digits.test_images[:PREDICTED, None], padding("bottom_right"))
    return student.cpu_s() - before


@cache
def _reference_cpu_s() -> float:
    """Return the same of the reference: the least of some trials, once a process.

    Without an optimiser: its part is small, and PyTorch imports a compiler for it, which takes two
    seconds and which nothing else in the judge's process needs.
    """
    digits, model = load_digits_subset(), reference()
    size = SHORT_RUN.batch_size
    layout = lay_out(model, place(digits.train_images[:2], "top_left"))

    def train(steps: int) -> None:
        for start in range(0, steps * size, size):
            batch = slice(start, start + size)
            images = place(digits.train_images[batch], "top_left").contiguous(memory_format=layout)
            cross_entropy(model(images), digits.train_labels[batch]).backward()

    def trial() -> float:
        before = time.process_time()
        train(STEPS)
        predict(model, digits.test_images[:PREDICTED, None], padding("bottom_right"))
        return time.process_time() - before

    train(WARM_UP_STEPS)
    return min(trial() for _ in range(TRIALS))
