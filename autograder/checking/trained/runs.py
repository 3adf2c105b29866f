"""How a student's network is measured: the procedure of `course_utils.procedure`, from outside.

The judge draws data that nobody has seen. The network is trained on them in a process of its own,
from initial weights in random order. Then the trained tensors, and nothing else, are carried into
another process, which has not seen the training, and which is asked for predictions. So what was
trained elsewhere is of no use, and neither is what a hand-in sees, keeps or replaces while it is
trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from autograder.checking.challenge import derive_seed, generator, shuffled_state
from autograder.checking.student import StudentFault, StudentSide, as_logits
from autograder.checking.trained import work_limit
from autograder.checking.trained.exercise import TrainedExercise, build
from course_utils.procedure import Measured, looks, measure
from course_utils.protocol import Protocol, accuracy
from course_utils.scale import Accuracies

STEPS_A_REQUEST = 50  # so that the time limit of one request does not depend on the budget


@dataclass(frozen=True)
class Look(Accuracies):
    """What one checkpoint of a training run shows.

    Attributes:
        finite: whether all logits are numbers.
        carried: how many numbers the trained tensors hold, buffers included, in units of four
            bytes: nothing else is there when predictions are asked for.
    """

    finite: bool
    carried: int


def measured(exercise: TrainedExercise, student: StudentSide, seed: int) -> Measured[Look]:
    """Return what training the student's network shows; all checks of the exercise share it.

    Raises:
        StudentFault: it cannot be built, trained or asked, or takes too much work.
    """
    key = ("trained", exercise.name, student.version(exercise.name))
    if key not in student.memo:
        try:
            student.memo[key] = _measured(exercise, student, seed)
        except StudentFault as fault:  # said in each of its grade cells, and found out once
            student.memo[key] = fault
    found: Measured[Look] | StudentFault = student.memo[key]
    if isinstance(found, StudentFault):
        raise found
    return found


def _measured(exercise: TrainedExercise, student: StudentSide, seed: int) -> Measured[Look]:
    with student.afresh() as apart:
        work_limit.refuse_too_much(exercise, apart, seed)

        def run(protocol: Protocol, number: int) -> Iterator[Look]:
            return run_looks(exercise, apart, student, derive_seed(seed, number), protocol)

        return measure(run, exercise.scale, exercise.budget)


def finite(measured: Measured[Look]) -> bool:
    """Return whether the trained networks answered with numbers."""
    return all(run.finite for run in measured.runs)


def run_looks(
    exercise: TrainedExercise,
    trained: StudentSide,
    asked: StudentSide,
    seed: int,
    protocol: Protocol,
) -> Iterator[Look]:
    """Return what each checkpoint of one training run shows, one after the other.

    Args:
        exercise: what is asked.
        trained: the side that trains the network.
        asked: the side that is asked for predictions.
        seed: of this run.
        protocol: its budget.

    Raises:
        StudentFault: the network cannot be built, trained or asked.
    """
    data = exercise.data(seed)
    model = build(exercise, trained, data.train, seed)
    model.load(shuffled_state(model.state(), generator(derive_seed(seed, "weights"))))

    def train(steps: int) -> None:
        for start in range(0, steps, STEPS_A_REQUEST):
            model.train(
                data.train.inputs,
                data.train.labels,
                protocol=protocol,
                seed=seed,
                steps=min(STEPS_A_REQUEST, steps - start),
                padding=data.train.padding,
            )

    def look(steps: int) -> Look:
        fresh = build(exercise, asked, data.train, derive_seed(seed, "fresh"))
        state = model.state()
        fresh.load(state)
        logits = {
            name: as_logits(
                fresh.predict(test.inputs, test.padding), len(test.labels), exercise.classes
            )
            for name, test in data.tests.items()
        }
        right = {name: _accuracy(logits[name], test.labels) for name, test in data.tests.items()}
        finite = all(bool(answer.isfinite().all()) for answer in logits.values())
        return Look(right, steps, finite, numbers_in(state))

    return looks(train, look, protocol)


def numbers_in(state: Mapping[str, Tensor]) -> int:
    """Return how many numbers tensors hold, in units of four bytes: of whatever dtype they are."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values()) // 4


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the accuracy of logits (M, K); 0 if one of them is no number."""
    return accuracy(logits, labels) if bool(logits.isfinite().all()) else 0.0
