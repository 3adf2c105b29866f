"""Judges `ImprovedNet` by what it learns: the protocol of `course_utils.training`, from outside.

The judge relabels the digits by a permutation drawn afresh, shuffles the network's initial weights,
has it trained on top-left digits, reads the trained tensors back, and asks a fresh network that
holds these tensors and nothing else for its predictions. Weights stored in a notebook, memorised
test digits and earlier training are worth nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from autograder.challenge import (
    derive_seed,
    generator,
    random_like,
    random_permutation,
    shuffled_state,
)
from autograder.results import CheckResult, Criterion, verdict
from autograder.student import Model, Student, StudentFault
from course_utils.data import DigitSplit, load_digits_subset
from course_utils.training import (
    GRADING,
    TIERS,
    TOP_LEFT,
    Accuracies,
    Tier,
    accuracy,
    run_protocol,
)

NAME = "ImprovedNet"
CLASSES = 10
MOST_RUNS = 3
STEPS_A_REQUEST = 50  # so that the time limit of one request does not depend on the budget
INSPECTIONS = 2
INSPECTED = 300  # digits
PRIOR_KNOWLEDGE = 0.75  # between 0.40, the most that random weights gave, and 0.96


def top_left(student: Student, seed: int) -> CheckResult:
    """Returns the verdict on the top-left accuracy: 5 points."""
    best = max(run.top_left for run in runs(student, seed))
    passed = best >= TOP_LEFT.accuracy
    criterion = verdict(
        "accuracy on top-left digits", f"{TOP_LEFT.accuracy:.0%}", f"{best:.1%}", passed, 5.0
    )
    advice = "" if passed else "Your network hardly learns within the budget. " + _BOTTLENECK
    return CheckResult((criterion,), advice, figures={"top_left": best})


def bottom_right(student: Student, seed: int) -> CheckResult:
    """Returns the verdict on the bottom-right accuracy: 20 points, in tiers."""
    measured = runs(student, seed)
    best = max(measured, key=lambda run: run.bottom_right)
    criteria, below = [], 0.0
    for tier in TIERS:
        criteria.append(_tier_criterion(tier, best.bottom_right, tier.points - below))
        below = tier.points
    lost = best.bottom_right < TIERS[-1].accuracy
    figures = {"top_left": best.top_left, "bottom_right": best.bottom_right, "runs": len(measured)}
    return CheckResult(tuple(criteria), _advice(best) if lost else "", figures=figures)


def runs(student: Student, seed: int) -> list[Accuracies]:
    """Returns the training runs of the student's `ImprovedNet`: one, or up to three if in doubt.

    A run is repeated with a fresh seed while another one may well reach a tier that none has
    reached. Both checks of a submission share the runs.
    """
    key = (NAME, student.version(NAME))
    if key not in student.memo:
        student.memo[key] = _measure(student, seed)
    return student.memo[key]


def _measure(student: Student, seed: int) -> list[Accuracies]:
    measured: list[Accuracies] = []
    while len(measured) < MOST_RUNS:
        measured.append(run_once(student, derive_seed(seed, len(measured))))
        right = max(run.bottom_right for run in measured)
        left = max(run.top_left for run in measured)
        within_reach = [t for t in TIERS if t.retry_from <= right < t.accuracy]
        if not within_reach and not TOP_LEFT.retry_from <= left < TOP_LEFT.accuracy:
            break
    return measured


def run_once(student: Student, seed: int, digits: DigitSplit | None = None) -> Accuracies:
    """Returns the accuracies of one training run under permuted labels.

    Raises:
        StudentFault: the network cannot be built, trained or asked.
    """
    digits = digits or load_digits_subset()
    rng = generator(seed)
    permutation = random_permutation(CLASSES, rng)
    model = Model(student, NAME, derive_seed(seed, "init"))
    initial = model.state()
    _refuse_prior_knowledge(model, initial, digits, rng)
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
        fresh = Model(student, NAME, derive_seed(seed, "fresh"))
        fresh.load(model.state())
        return _accuracy(fresh.predict(digits.test_images, quadrant), labels)

    return run_protocol(train, evaluate, GRADING)


def _refuse_prior_knowledge(
    model: Model, initial: Mapping[str, Tensor], digits: DigitSplit, rng: Generator
) -> None:
    """Returns nothing if the network, with random weights, does not know the digits.

    Random weights keep some of what tells digits apart: by the nearest class mean of the logits,
    0.30 to 0.40 of the digits are told right, whatever the architecture. A network that holds
    trained weights where shuffling does not reach them tells 0.96. Weights that are constant at the
    start, such as a gate of 0, are drawn at random too.

    Raises:
        StudentFault: it does.
    """
    for _ in range(INSPECTIONS):
        model.load({name: random_like(tensor, rng) for name, tensor in initial.items()})
        known = model.predict(digits.train_images[:INSPECTED], "bottom_right")
        asked = model.predict(digits.test_images[:INSPECTED], "bottom_right")
        told = nearest_mean_accuracy(
            known, digits.train_labels[:INSPECTED], asked, digits.test_labels[:INSPECTED]
        )
        if told > PRIOR_KNOWLEDGE:
            raise StudentFault(
                f"with random weights, before any training, {NAME} already tells {told:.0%} of the "
                "bottom-right digits apart: it holds something that was trained elsewhere. Grading "
                "counts what the network learns from scratch"
            )


def nearest_mean_accuracy(
    known: Tensor, known_labels: Tensor, asked: Tensor, asked_labels: Tensor
) -> float:
    """Returns the share in [0, 1] of rows of `asked` whose nearest class mean is their class's.

    Args:
        known: (N, K) float32, from which the means are taken, each column scaled to deviation 1.
        known_labels: (N,) int64; every class occurs.
        asked: (M, K) float32.
        asked_labels: (M,) int64.
    """
    classes = known_labels.unique()
    scale = known.std(dim=0) + 1e-12
    means = torch.stack([known[known_labels == label].mean(dim=0) for label in classes])
    nearest = torch.cdist(asked / scale, means / scale).argmin(dim=1)
    return float((classes[nearest] == asked_labels).float().mean())


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    if tuple(logits.shape) != (len(labels), CLASSES):
        expected = (len(labels), CLASSES)
        raise StudentFault(f"expected logits {expected}, got {tuple(logits.shape)}")
    if not bool(logits.isfinite().all()):
        return 0.0
    return accuracy(logits, labels)


def _tier_criterion(tier: Tier, best: float, points: float) -> Criterion:
    return verdict(
        f"accuracy on bottom-right digits: {tier.name}",
        f"{tier.accuracy:.0%}",
        f"{best:.1%}",
        best >= tier.accuracy,
        points,
    )


_BOTTLENECK = (
    "A narrow layer between the features and the classes, or averages of few strong responses, "
    "make it train slowly: widen it, or normalise what comes out of the pooling."
)


def _advice(run: Accuracies) -> str:
    """Returns what stands in the way of a higher tier."""
    if run.bottom_right < TIERS[0].accuracy and run.top_left >= TOP_LEFT.accuracy:
        return (
            "It reads top-left digits and nothing else: some layer still has a weight for each "
            "position. Which one?"
        )
    if run.top_left - run.bottom_right > 0.1:
        return (
            "It reads digits where it has seen them, and worse elsewhere: the position still "
            "shows. What does a convolution see at the border of the image, and what in its middle?"
        )
    return "It treats both corners alike, but learns too slowly within the budget. " + _BOTTLENECK
