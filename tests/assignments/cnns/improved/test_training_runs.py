"""How `ImprovedNet` is measured: in two processes, on signs, with initial weights in random order.

The runs here have a budget of a few steps: that the real one separates good networks from bad ones
shows in the calibration, and in tests/course/test_workflow.py. What a hand-in may try is in
test_tricks.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder.assignments.cnns import made_class
from autograder.assignments.cnns.improved.training_runs import EXERCISE, found
from autograder.checking.student import InProcess, StudentFault
from autograder.checking.trained.runs import Look, finite, run_looks
from autograder.inside.probe import Answer
from course_utils import training
from course_utils.data import load_digits_subset
from course_utils.protocol import Protocol, Training, accuracy, predict
from course_utils.signs import SignSplit, draw_signs
from course_utils.training import BUDGET, SCALE
from course_utils.transforms import padding
from tests.assignments.cnns.networks import FullyConnected, PaddedPooling
from tests.assignments.cnns.short_runs import train_shortly


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    train_shortly(monkeypatch, 10, 12)


class Asked(InProcess):
    """Notes what it is asked, and what it is asked when opened afresh."""

    def __init__(self, network: object) -> None:
        super().__init__({"ImprovedNet": network})
        self.network, self.verbs, self.given = network, list[str](), list[Tensor]()
        self.apart: list[Asked] = []

    @contextmanager
    def afresh(self) -> Iterator[Asked]:
        self.apart.append(Asked(self.network))
        yield self.apart[-1]

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        self.verbs.append(verb)
        self.given += tensors.values()
        return super().ask(verb, arguments, tensors)


def test_who_trains_is_never_asked_and_who_is_asked_never_sees_a_label() -> None:
    asked = Asked(FullyConnected)
    found(asked, 1)
    (trained,) = asked.apart
    assert "train" in trained.verbs
    assert "train" not in asked.verbs
    assert "predict" in asked.verbs
    labels = [tensor for tensor in asked.given if tensor.dtype == torch.int64 and tensor.dim()]
    assert labels == []
    shown = {tuple(t.shape) for t in trained.given if t.dtype == torch.uint8}
    assert not any(shape[0] == 1000 for shape in shown), "the test images are not shown to it"


def test_a_redefined_network_is_measured_anew_and_the_checks_of_one_share_it() -> None:
    namespace: dict[str, object] = {"ImprovedNet": FullyConnected}
    student = InProcess(namespace)
    first = found(student, 1)
    assert found(student, 1) is first
    namespace["ImprovedNet"] = PaddedPooling
    assert found(student, 1) != first


def test_one_seed_gives_one_verdict_and_another_one_other_signs() -> None:
    first, again, other = (
        found(InProcess({"ImprovedNet": FullyConnected}), seed).measured.counted
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_each_run_of_a_network_has_signs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = training.draw_signs

    def noted(seed: int) -> SignSplit:
        drawn.append(seed)
        return draw(seed)

    monkeypatch.setattr(training, "draw_signs", noted)
    student = InProcess({"ImprovedNet": FullyConnected})
    for number in range(3):
        list(run_looks(EXERCISE, student, student, number, Protocol(checkpoints=(1,))))
    assert len(set(drawn)) == 3


class Arrives(FullyConnected):
    """Arrives with weights that see where each class differs from the mean, as if trained."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        with torch.no_grad():
            self.layers[1].weight.copy_(KNOWN)


KNOWN = torch.zeros(10, 56 * 56)


def test_trained_weights_in_the_parameters_do_not_survive_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signs, canvas = draw_signs(1), padding("top_left")
    images = nn.functional.pad(signs.train_images / 255, canvas).flatten(1)
    means = torch.stack([images[signs.train_labels == k].mean(0) for k in range(10)])
    centred = means - means.mean(dim=0)
    KNOWN.copy_(centred / centred.norm(dim=1, keepdim=True))
    test = nn.functional.pad(signs.test_images["top_left"] / 255, canvas).flatten(1)
    right = (test @ KNOWN.T).argmax(dim=1) == signs.test_labels["top_left"]
    assert float(right.float().mean()) > 0.6, "they are good ones"
    monkeypatch.setattr(training, "draw_signs", lambda seed: signs)
    student = InProcess({"ImprovedNet": Arrives})
    *_, last = run_looks(EXERCISE, student, student, 1, Protocol(checkpoints=(1,), max_lr=1e-9))
    assert last["top_left"] < 0.4


class NotANumber(FullyConnected):
    """Puts out NaN for some images."""

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10)."""
        logits = super().forward(images)
        return logits if self.training else logits.log()


def test_answers_that_are_no_numbers_score_nothing_and_are_told_of() -> None:
    about = found(InProcess({"ImprovedNet": NotANumber}), 1)
    assert set(about.measured.counted.values.values()) == {0}
    assert not finite(about.measured)
    assert finite(found(InProcess({"ImprovedNet": FullyConnected}), 1).measured)


class TooFew(FullyConnected):
    """Puts out nine logits when it is evaluated."""

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 9 or 10)."""
        logits = super().forward(images)
        return logits if self.training or len(images) < 50 else logits[:, :9]


def test_odd_predictions_are_the_students_fault() -> None:
    student = InProcess({"ImprovedNet": TooFew})
    with pytest.raises(StudentFault, match="expected logits"):
        list(run_looks(EXERCISE, student, student, 1, Protocol(checkpoints=(1,))))


def test_a_look_tells_accuracies_steps_and_whether_all_are_numbers() -> None:
    student = InProcess({"ImprovedNet": FullyConnected})
    looks = list(run_looks(EXERCISE, student, student, 1, Protocol(checkpoints=(5, 40))))
    assert [look.steps for look in looks] == [5, 40]
    assert all(isinstance(look, Look) and look.finite for look in looks)
    assert looks[1]["top_left"] > 0.6 > 0.3 > looks[1]["bottom_right"]


@pytest.mark.slow
def test_weights_trained_in_the_bottom_right_earn_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real protocol, and a `Net` that was trained in the bottom right beforehand."""
    monkeypatch.undo()
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
    exec(made_class.NET, namespace)
    digits, corner = load_digits_subset(), padding("bottom_right")
    torch.manual_seed(0)
    network = namespace["Net"]()
    Training(
        network,
        digits.train_images[:, None],
        digits.train_labels,
        protocol=BUDGET.short,
        padding=corner,
    ).run()
    logits = predict(network, digits.test_images[:, None], corner)
    assert accuracy(logits, digits.test_labels) > 0.9
    weights = network.state_dict()

    class Trained(namespace["Net"]):  # type: ignore[misc]
        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__(num_channel, num_classes)
            self.load_state_dict(weights)

    about = found(InProcess({"ImprovedNet": Trained}), 5)
    assert SCALE.points(about.measured.counted) == {"top_left": 5, "bottom_right": 0}
