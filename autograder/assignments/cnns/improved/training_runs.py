"""How a hand-in's `ImprovedNet` is measured: the protocol of `course_utils.training`, from outside.

The judge draws signs that nobody has seen. The network is trained on them in a process of its own,
from initial weights in random order. Then the trained tensors, and nothing else, are carried into
another process, which has not seen the training, and which is asked for predictions. So what was
trained elsewhere is of no use, and neither is what a hand-in sees, keeps or replaces while it is
trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from autograder.assignments.cnns.improved import work_limit
from autograder.assignments.cnns.improved.inspection import Inspection, inspect_untrained
from autograder.assignments.cnns.networks import build
from autograder.checking.challenge import derive_seed, generator, shuffled_state
from autograder.checking.student import StudentSide, as_logits
from course_utils import training
from course_utils.protocol import Protocol, accuracy
from course_utils.scale import Accuracies, Scale
from course_utils.signs import CLASSES, draw_signs
from course_utils.transforms import padding

IMPROVED_NET = "ImprovedNet"
STEPS_A_REQUEST = 50  # so that the time limit of one request does not depend on the budget


@dataclass(frozen=True)
class Look(Accuracies):
    """What one checkpoint of a training run shows.

    Attributes:
        finite: whether all logits are numbers.
    """

    finite: bool


@dataclass(frozen=True)
class Found:
    """What the judge found out about one network.

    Attributes:
        measured: by training.
        inspection: without training.
    """

    measured: training.Measured[Look]
    inspection: Inspection

    @property
    def counted(self) -> Accuracies:
        """Return the accuracies that count."""
        return self.measured.counted

    @property
    def finite(self) -> bool:
        """Return whether the trained networks answered with numbers."""
        long = self.measured.long
        return all(run.finite for run in (*self.measured.short, *([long] if long else [])))


def found(student: StudentSide, seed: int, scale: Scale) -> Found:
    """Return what training and inspecting the student's `ImprovedNet` shows; its checks share it.

    Raises:
        StudentFault: it cannot be built, trained or asked, or takes too much work.
    """
    key = (IMPROVED_NET, student.version(IMPROVED_NET))
    if key not in student.memo:
        inspection = inspect_untrained(build(student, IMPROVED_NET, seed))
        with student.afresh() as apart:
            work_limit.refuse_too_much(apart, IMPROVED_NET, seed)

            def run(protocol: Protocol, number: int) -> Iterator[Look]:
                return run_looks(apart, student, derive_seed(seed, number), protocol)

            measured = training.measure(run, scale)
        student.memo[key] = Found(measured, inspection)
    known: Found = student.memo[key]
    return known


def run_looks(
    trained: StudentSide, asked: StudentSide, seed: int, protocol: Protocol
) -> Iterator[Look]:
    """Yield what each checkpoint of one training run shows.

    Args:
        trained: the side that trains the network.
        asked: the side that is asked for predictions.
        seed: of this run.
        protocol: its budget.

    Raises:
        StudentFault: the network cannot be built, trained or asked.
    """
    signs = draw_signs(derive_seed(seed, "signs"))
    model = build(trained, IMPROVED_NET, seed)
    model.load(shuffled_state(model.state(), generator(derive_seed(seed, "weights"))))
    finite = True

    def train(steps: int) -> None:
        for start in range(0, steps, STEPS_A_REQUEST):
            model.train(
                signs.train_images[:, None],
                signs.train_labels,
                protocol=protocol,
                seed=seed,
                steps=min(STEPS_A_REQUEST, steps - start),
                padding=padding("top_left"),
            )

    def evaluate() -> tuple[float, float]:
        nonlocal finite
        fresh = build(asked, IMPROVED_NET, derive_seed(seed, "fresh"))
        fresh.load(model.state())
        logits = {
            corner: as_logits(fresh.predict(images[:, None], padding(corner)), len(images), CLASSES)
            for corner, images in signs.test_images.items()
        }
        finite = all(bool(answer.isfinite().all()) for answer in logits.values())
        top_left, bottom_right = (
            _accuracy(logits[corner], signs.test_labels[corner])
            for corner in ("top_left", "bottom_right")
        )
        return top_left, bottom_right

    for look in training.looks(train, evaluate, protocol):
        yield Look(look.top_left, look.bottom_right, look.steps, finite)


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the accuracy of logits (M, 10); 0 if one of them is no number."""
    return accuracy(logits, labels) if bool(logits.isfinite().all()) else 0.0
