"""How a hand-in's `ImprovedNet` is measured: the protocol of `course_utils.training`, from outside.

The judge relabels the digits by a permutation drawn afresh, shuffles the network's initial weights,
has it trained on top-left digits, reads the trained tensors back, and asks a fresh network that
holds these tensors and nothing else for its predictions. Weights stored in a notebook, memorised
test digits and earlier training are worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from autograder.assignments.cnns.improved import prior_knowledge, work_limit
from autograder.assignments.cnns.improved.inspection import CLASSES as CLASSES
from autograder.assignments.cnns.improved.inspection import Inspection, inspect_untrained
from autograder.checking.challenge import derive_seed, generator, random_permutation, shuffled_state
from autograder.checking.student import Model, StudentSide, as_logits
from course_utils.data import DigitSplit, load_digits_subset
from course_utils.tiers import Accuracies, Scale
from course_utils.training import GRADING, accuracy, looks, outcome

IMPROVED_NET = "ImprovedNet"
STEPS_A_REQUEST = 50  # so that the time limit of one request does not depend on the budget


@dataclass(frozen=True)
class Measured:
    """What the judge found out about one network.

    Attributes:
        runs: the accuracies at the end of each training run, one to three of them.
        inspection: what shows without training.
    """

    runs: tuple[Accuracies, ...]
    inspection: Inspection


def measured(student: StudentSide, seed: int, scale: Scale) -> Measured:
    """Return the runs and inspection of the student's `ImprovedNet`; its checks share them.

    Raises:
        StudentFault: it cannot be built, trained or asked, or takes too much work.
    """
    key = (IMPROVED_NET, student.version(IMPROVED_NET))
    if key not in student.memo:
        work_limit.refuse_too_much(student, IMPROVED_NET, seed)
        seen = inspect_untrained(Model(student, IMPROVED_NET, seed))
        runs = repeated(lambda s: outcome(run_looks(student, s), scale), seed, scale)
        student.memo[key] = Measured(tuple(runs), seen)
    found: Measured = student.memo[key]
    return found


def repeated(run: Callable[[int], Accuracies], seed: int, scale: Scale) -> list[Accuracies]:
    """Return as many runs as the scale asks for, each with a seed of its own."""
    runs: list[Accuracies] = []
    while scale.wants_another(runs):
        runs.append(run(derive_seed(seed, len(runs))))
    return runs


def run_looks(
    student: StudentSide, seed: int, digits: DigitSplit | None = None
) -> Iterator[Accuracies]:
    """Yield the accuracies at each checkpoint of one training run under permuted labels.

    Raises:
        StudentFault: the network cannot be built, trained or asked, or was trained before.
    """
    digits = digits or load_digits_subset()
    rng = generator(seed)
    permutation = random_permutation(CLASSES, rng)
    model = Model(student, IMPROVED_NET, derive_seed(seed, "init"))
    initial = model.state()
    prior_knowledge.refuse(model, initial, digits, rng)
    model.load(shuffled_state(initial, rng))
    labels = permutation[digits.test_labels]

    def train(steps: int) -> None:
        for start in range(0, steps, STEPS_A_REQUEST):
            model.train(
                digits.train_images,
                permutation[digits.train_labels],
                protocol=GRADING,
                seed=derive_seed(seed, "batches"),
                steps=min(STEPS_A_REQUEST, steps - start),
            )

    def evaluate(quadrant: str) -> float:
        fresh = Model(student, IMPROVED_NET, derive_seed(seed, "fresh"))
        fresh.load(model.state())
        return _accuracy(fresh.predict(digits.test_images, quadrant), labels)

    return looks(train, evaluate, GRADING)


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    logits = as_logits(logits, len(labels), CLASSES)
    if not bool(logits.isfinite().all()):
        return 0.0
    return accuracy(logits, labels)
