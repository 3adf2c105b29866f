"""Bounds a slow architecture by its work relative to the right answer's, on the same machine.

Seconds would depend on the machine and on what else it does; processor time relative to that of a
network measured right here does not.
"""

from __future__ import annotations

import math
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
FAR = 3.0  # times the limit: beyond, one trial is enough


def refuse_too_much(exercise: TrainedExercise, student: StudentSide, seed: int) -> None:
    """Refuse a network of which a training step and a prediction take too much work.

    Raises:
        StudentFault: they take more than `MAX_WORK` times what the right answer takes.
    """
    limit = MAX_WORK * _right_cpu_s(exercise)
    for _ in range(TRIALS):
        used = cpu_s(exercise, student, seed, limit)
        if used <= limit:
            return
        if used > FAR * limit:  # no busy machine does that
            break
    times = math.ceil(MAX_WORK * used / limit)
    raise StudentFault(
        f"to train {exercise.name} takes {times} times the work of the right answer, or more; "
        f"grading trains networks that take at most {MAX_WORK:.0f} times as much. Let it do less "
        "for each input: smaller layers, fewer of them, fewer steps in forward"
    )


def cpu_s(
    exercise: TrainedExercise, student: StudentSide, seed: int = 0, limit: float = math.inf
) -> float:
    """Return the processor time in seconds that some training and prediction takes.

    Args:
        exercise: what is asked.
        student: whose network.
        seed: of the network.
        limit: where the answer is known to be no, so that the rest is not measured.
    """
    data = _data(exercise)
    train = data.train
    model = build(exercise, student, train, seed)
    protocol = exercise.budget.short
    few = slice((WARM_UP_STEPS + STEPS) * protocol.batch_size)  # all are sent with each request

    def learn(steps: int) -> None:
        model.train(
            train.inputs[few],
            train.labels[few],
            protocol=protocol,
            seed=seed,
            steps=steps,
            padding=train.padding,
        )

    learn(WARM_UP_STEPS)
    before = student.cpu_s()
    for _ in range(STEPS):
        learn(1)
        if student.cpu_s() - before > limit:
            return student.cpu_s() - before
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
