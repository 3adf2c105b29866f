"""Bounds a slow architecture by its work relative to the right answer's, on the same machine.

Seconds would depend on the machine and on what else it does; processor time relative to that of a
network measured right here does not.
"""

from __future__ import annotations

import time
from functools import cache

from autograder.checking.challenge import derive_seed
from autograder.checking.student import StudentFault, StudentSide
from autograder.checking.trained.exercise import TrainedExercise, build
from course_utils.procedure import Data
from course_utils.protocol import as_batch, cross_entropy, lay_out, predict

MAX_WORK = 15.0  # times the right answer's: far more than honest networks take
WARM_UP_STEPS = 2  # the first steps set up the optimiser and choose kernels
STEPS = 6
PREDICTED = 128  # inputs
TRIALS = 3  # before a network is refused: a busy machine can slow one down


def refuse_too_much(exercise: TrainedExercise, student: StudentSide, seed: int) -> None:
    """Refuse a network of which a training step and a prediction take too much work.

    Raises:
        StudentFault: they take more than `MAX_WORK` times what the right answer takes.
    """
    for _ in range(TRIALS):
        ratio = cpu_s(exercise, student, seed) / _right_cpu_s(exercise)
        if ratio <= MAX_WORK:
            return
    raise StudentFault(
        f"a training step of {exercise.name} takes {ratio:.0f} times the work of the reference's; "
        f"grading trains networks that take at most {MAX_WORK:.0f} times as much. Use "
        "smaller layers, or fewer of them"
    )


def cpu_s(exercise: TrainedExercise, student: StudentSide, seed: int = 0) -> float:
    """Return the processor time in seconds that some training and prediction takes."""
    data = _data(exercise)
    train = data.train
    model = build(exercise, student, train, seed)

    def learn(steps: int) -> None:
        model.train(
            train.inputs,
            train.labels,
            protocol=exercise.budget.short,
            seed=seed,
            steps=steps,
            padding=train.padding,
        )

    learn(WARM_UP_STEPS)
    before = student.cpu_s()
    learn(STEPS)
    for test in data.tests.values():
        model.predict(test.inputs[:PREDICTED], test.padding)
    return student.cpu_s() - before


@cache
def _data(exercise: TrainedExercise) -> Data:
    """Return what the work is measured on: of a run that nobody is graded by."""
    return exercise.data(derive_seed("work", exercise.name))


@cache
def _right_cpu_s(exercise: TrainedExercise) -> float:
    """Return the same of the right answer: the least of some trials, once a process.

    Without an optimiser: its part is small, and PyTorch imports a compiler for it, which takes two
    seconds and which nothing else in the judge's process needs.
    """
    data, model = _data(exercise), exercise.right()
    inputs, labels, padding = data.train.inputs, data.train.labels, data.train.padding
    size = exercise.budget.short.batch_size
    layout = lay_out(model, as_batch(inputs[:2], padding))

    def train(steps: int) -> None:
        for start in range(0, steps * size, size):
            batch = as_batch(inputs[start : start + size], padding)
            if batch.dim() == 4:
                batch = batch.contiguous(memory_format=layout)
            cross_entropy(model(batch), labels[start : start + size]).backward()

    def trial() -> float:
        before = time.process_time()
        train(STEPS)
        for test in data.tests.values():
            predict(model, test.inputs[:PREDICTED], test.padding)
        return time.process_time() - before

    train(WARM_UP_STEPS)
    return min(trial() for _ in range(TRIALS))
