"""The budgeted training that student and grader share: of any network, on any tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_utils.data import load_digits_subset
from course_utils.protocol import Protocol, Training, accuracy, as_batch, lay_out, predict
from course_utils.transforms import padding, place
from tests.assignments.cnns.networks import FullyConnected, PaddedPooling

DIGITS = load_digits_subset()
IMAGES, LABELS = DIGITS.train_images[:, None], DIGITS.train_labels
TEST_IMAGES = DIGITS.test_images[:, None]
TOP_LEFT = padding("top_left")
BUDGET = Protocol(checkpoints=(150, 300))


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
    training = Training(model, IMAGES, LABELS, protocol=BUDGET, seed=seed, padding=TOP_LEFT)
    training.run(steps)
    return predict(model, TEST_IMAGES[:50], TOP_LEFT)


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
        training = Training(model, IMAGES, LABELS, protocol=BUDGET, seed=7, padding=TOP_LEFT)
        for steps in parts:
            training.run(steps)
        results.append(predict(model, TEST_IMAGES[:20], TOP_LEFT))
    assert torch.equal(*results)


def test_training_ends_with_the_budget() -> None:
    training = Training(
        FullyConnected(),
        IMAGES,
        LABELS,
        protocol=Protocol(checkpoints=(2, 5)),
        padding=TOP_LEFT,
    )
    training.run(3)
    training.run()
    training.run(10)
    assert training.steps_done == 5


def test_a_network_that_flattens_with_view_is_trained_too() -> None:
    sample = torch.zeros(2, 1, 56, 56)
    assert lay_out(Flattens(), sample) == torch.contiguous_format
    assert lay_out(PaddedPooling(), sample) == torch.channels_last
    assert _train(Flattens(), 0, 2).shape == (50, 10)


def test_predict_leaves_the_mode_as_it_found_it() -> None:
    model = PaddedPooling()
    for training in (True, False):
        model.train(training)
        predict(model, TEST_IMAGES[:4], padding("bottom_right"))
        assert model.training == training


def test_what_is_laid_around_inputs_puts_digits_in_their_place() -> None:
    for quadrant in ("top_left", "bottom_right"):
        expected = place(DIGITS.test_images[:3], quadrant)
        assert torch.equal(as_batch(TEST_IMAGES[:3], padding(quadrant)), expected)


def test_inputs_need_not_be_images() -> None:
    tokens = torch.randn(64, 5)
    training = Training(
        nn.Linear(5, 2), tokens, (tokens[:, 0] > 0).long(), protocol=Protocol((60,), 16, 0.1)
    )
    training.run()
    assert accuracy(predict(training.model, tokens), training.labels) > 0.9
