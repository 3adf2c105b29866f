"""How a hand-in's `ImprovedNet` is measured: the protocol of `course_utils.training`, from outside.

The judge relabels the digits by a permutation drawn afresh, shuffles the network's initial weights,
has it trained on top-left digits, reads the trained tensors back, and asks a fresh network that
holds these tensors and nothing else for its predictions. Weights stored in a notebook, memorised
test digits and earlier training are worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar

from torch import Tensor

from autograder.assignments.cnns.improved import prior_knowledge, work_limit
from autograder.assignments.cnns.improved.confusion import CLASSES, Confusion, confusion
from autograder.assignments.cnns.improved.inspection import Inspection, inspect_untrained
from autograder.assignments.cnns.networks import build
from autograder.checking.challenge import derive_seed, generator, random_permutation, shuffled_state
from autograder.checking.student import StudentSide, as_logits
from course_utils.data import DigitSplit, load_digits_subset
from course_utils.protocol import accuracy
from course_utils.tiers import Accuracies, Scale, middle
from course_utils.training import GRADING, looks, outcome
from course_utils.transforms import padding

IMPROVED_NET = "ImprovedNet"
Run = TypeVar("Run", bound=Accuracies)
STEPS_A_REQUEST = 50  # so that the time limit of one request does not depend on the budget


@dataclass(frozen=True)
class Look(Accuracies):
    """What one checkpoint of a training run shows.

    Attributes:
        confusion: which digit is read as which, bottom right; None if the logits are not finite.
    """

    confusion: Confusion | None


@dataclass(frozen=True)
class Measured:
    """What the judge found out about one network.

    Attributes:
        runs: the accuracies at the end of each training run, one to three of them.
        inspection: what shows without training.
        confusion: which digit was read as which, bottom right, in the run that counts.
    """

    runs: tuple[Accuracies, ...]
    inspection: Inspection
    confusion: Confusion | None = None

    @property
    def top_left(self) -> float:
        """Return the accuracy that counts."""
        return middle([run.top_left for run in self.runs])

    @property
    def bottom_right(self) -> float:
        """Return the accuracy that counts."""
        return middle([run.bottom_right for run in self.runs])


def measured(student: StudentSide, seed: int, scale: Scale) -> Measured:
    """Return what training and inspecting the student's `ImprovedNet` shows; its checks share it.

    Raises:
        StudentFault: it cannot be built, trained or asked, or takes too much work.
    """
    key = (IMPROVED_NET, student.version(IMPROVED_NET))
    if key not in student.memo:
        work_limit.refuse_too_much(student, IMPROVED_NET, seed)
        inspection = inspect_untrained(build(student, IMPROVED_NET, seed))
        runs = repeated(lambda s: outcome(run_looks(student, s), scale), seed, scale)
        counts = middle([run.bottom_right for run in runs])
        confusion = next(run.confusion for run in runs if run.bottom_right == counts)
        student.memo[key] = Measured(tuple(runs), inspection, confusion)
    found: Measured = student.memo[key]
    return found


def repeated(run: Callable[[int], Run], seed: int, scale: Scale) -> list[Run]:
    """Return as many runs as the scale asks for, each with a seed of its own."""
    runs: list[Run] = []
    while scale.wants_another(runs):
        runs.append(run(derive_seed(seed, len(runs))))
    return runs


def run_looks(student: StudentSide, seed: int, digits: DigitSplit | None = None) -> Iterator[Look]:
    """Yield what each checkpoint of one training run under permuted labels shows.

    Raises:
        StudentFault: the network cannot be built, trained or asked, or was trained before.
    """
    digits = digits or load_digits_subset()
    rng = generator(seed)
    permutation = random_permutation(CLASSES, rng)
    model = build(student, IMPROVED_NET, derive_seed(seed, "init"))
    initial = model.state()
    prior_knowledge.refuse(model, initial, digits, rng)
    model.load(shuffled_state(initial, rng))
    labels = permutation[digits.test_labels]
    logits: dict[str, Tensor] = {}

    def train(steps: int) -> None:
        for start in range(0, steps, STEPS_A_REQUEST):
            model.train(
                digits.train_images[:, None],
                permutation[digits.train_labels],
                protocol=GRADING,
                seed=derive_seed(seed, "batches"),
                steps=min(STEPS_A_REQUEST, steps - start),
                padding=padding("top_left"),
            )

    def evaluate(quadrant: str) -> float:
        fresh = build(student, IMPROVED_NET, derive_seed(seed, "fresh"))
        fresh.load(model.state())
        logits[quadrant] = fresh.predict(digits.test_images[:, None], padding(quadrant))
        return _accuracy(logits[quadrant], labels)

    for accuracies in looks(train, evaluate, GRADING):
        read = confusion(logits["bottom_right"], digits.test_labels, permutation)
        yield Look(**asdict(accuracies), confusion=read)


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    logits = as_logits(logits, len(labels), CLASSES)
    if not bool(logits.isfinite().all()):
        return 0.0
    return accuracy(logits, labels)
