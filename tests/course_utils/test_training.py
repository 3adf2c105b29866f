"""The budgeted training that student and grader share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from course_utils.data import load_digits_subset
from course_utils.tiers import Accuracies, published_scale
from course_utils.training import (
    GRADING,
    Protocol,
    Training,
    accuracy,
    lay_out,
    looks,
    outcome,
    predict,
    rehearse,
    seed_everything,
)
from tests.assignments.cnns.networks import FullyConnected, PaddedPooling

DIGITS = load_digits_subset()
SCALE = published_scale()


class Flattens(nn.Module):
    """Flattens with `view`, which the channels-last layout does not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.fc = nn.Conv2d(1, 4, 5), nn.MaxPool2d(8), nn.Linear(144, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10)."""
        x = self.pool(self.conv(images))
        return self.fc(x.view(x.size(0), -1))


def _train(model: nn.Module, seed: int, steps: int) -> Tensor:
    training = Training(
        model, DIGITS.train_images, DIGITS.train_labels, protocol=GRADING, seed=seed
    )
    training.run(steps)
    return predict(model, DIGITS.test_images[:50], "top_left")


def test_training_learns() -> None:
    logits = _train(FullyConnected(), 0, 60)
    assert accuracy(logits, DIGITS.test_labels[:50]) > 0.6


def test_the_same_seed_gives_the_same_network() -> None:
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        results.append(_train(PaddedPooling(), 7, 3))
    assert torch.equal(*results)


def test_two_parts_train_like_one() -> None:
    results = []
    for parts in ((4,), (1, 3)):
        torch.manual_seed(3)
        model = PaddedPooling()
        training = Training(model, DIGITS.train_images, DIGITS.train_labels, seed=7)
        for steps in parts:
            training.run(steps)
        results.append(predict(model, DIGITS.test_images[:20], "top_left"))
    assert torch.equal(*results)


def test_training_ends_with_the_budget() -> None:
    training = Training(
        FullyConnected(),
        DIGITS.train_images,
        DIGITS.train_labels,
        protocol=Protocol(checkpoints=(2, 5)),
    )
    training.run(3)
    training.run()
    training.run(10)
    assert training.steps_done == 5


def test_a_network_that_flattens_with_view_is_trained_too() -> None:
    assert lay_out(Flattens()) == torch.contiguous_format
    assert lay_out(PaddedPooling()) == torch.channels_last
    assert _train(Flattens(), 0, 2).shape == (50, 10)


def test_predict_leaves_the_mode_as_it_found_it() -> None:
    model = PaddedPooling()
    for training in (True, False):
        model.train(training)
        predict(model, DIGITS.test_images[:4], "bottom_right")
        assert model.training == training


def test_a_settled_run_ends_at_a_checkpoint_and_an_open_one_at_the_last() -> None:
    trained: list[int] = []
    budget = Protocol(checkpoints=(200, 250, 300))

    def run(*by_checkpoint: float) -> Accuracies:
        trained.clear()
        values = iter(by_checkpoint)

        def evaluate(quadrant: str) -> float:
            return 0.95 if quadrant == "top_left" else next(values)

        return outcome(looks(trained.append, evaluate, budget), SCALE)

    highest = SCALE.bottom_right[-1].accuracy
    good = highest + SCALE.margin + 0.01
    assert run(good).steps == 200
    assert trained == [200]
    assert run(highest, good).steps == 250
    assert run(0.1, 0.1, 0.2) == Accuracies(0.95, 0.2, 300)
    assert trained == [200, 50, 50]


def test_a_rehearsal_prints_the_tiers_and_leaves_the_random_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed_everything(1)
    expected = torch.rand(1)
    seed_everything(1)
    result = rehearse(FullyConnected, protocol=Protocol(checkpoints=(5,)), progress=False)
    assert torch.equal(torch.rand(1), expected)
    printed = capsys.readouterr().out
    assert f"{result.bottom_right:.1%}" in printed
    assert printed.count("points") == len(SCALE.bottom_right)
