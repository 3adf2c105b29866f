"""How `ImprovedNet` is judged: what is repeated, what counts, what is refused.

The runs here have a budget of a few steps, or are made up: that the real budget separates good
networks from bad ones shows in tests/test_workflow.py and in the slow tests.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from autograder import protocol
from autograder.challenge import generator
from autograder.student import InProcess, Model, StudentFault
from course_utils.data import load_digits_subset
from course_utils.training import TIERS, Accuracies, Protocol
from course_utils.transforms import place
from tests.networks import FullyConnected, PaddedPooling

DIGITS = load_digits_subset()


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[Accuracies]:
    """Runs to be handed out one after another in place of real ones."""
    runs: list[Accuracies] = []
    monkeypatch.setattr(protocol, "run_once", lambda student, seed: runs.pop(0))
    return runs


def _run(bottom_right: float, top_left: float = 0.95) -> Accuracies:
    return Accuracies(top_left, bottom_right, 400)


@pytest.mark.parametrize(
    ("bottom_right", "points"),
    [(0.10, 0.0), (TIERS[0].accuracy, 6.0), (TIERS[1].accuracy, 13.0), (TIERS[2].accuracy, 20.0)],
)
def test_each_tier_gives_its_points(
    made_up: list[Accuracies], bottom_right: float, points: float
) -> None:
    made_up.extend([_run(bottom_right)] * 3)
    result = protocol.bottom_right(InProcess({}), 1)
    assert (result.points, result.max_points) == (points, 20.0)
    assert bool(result.advice) == (points < 20)


def test_a_run_that_misses_a_tier_by_little_is_repeated_and_the_best_counts(
    made_up: list[Accuracies],
) -> None:
    made_up.extend([_run(TIERS[2].retry_from), _run(0.2), _run(TIERS[2].accuracy), _run(0.0)])
    assert protocol.bottom_right(InProcess({}), 1).points == 20
    assert len(made_up) == 1, "three runs at most"


def test_a_run_that_misses_by_far_is_not_repeated(made_up: list[Accuracies]) -> None:
    made_up.extend([_run(0.10), _run(1.0)])
    assert protocol.bottom_right(InProcess({}), 1).points == 0
    assert len(made_up) == 1


def test_a_top_left_accuracy_just_missed_is_repeated_too(made_up: list[Accuracies]) -> None:
    made_up.extend([_run(0.95, top_left=0.69), _run(0.95, top_left=0.9)])
    student = InProcess({})
    assert protocol.top_left(student, 1).points == 5
    assert protocol.bottom_right(student, 1).points == 20, "both checks share the runs"


def test_a_redefined_network_is_trained_anew(made_up: list[Accuracies]) -> None:
    made_up.extend([_run(0.10), _run(0.95)])
    namespace: dict[str, object] = {"ImprovedNet": FullyConnected}
    student = InProcess(namespace)
    assert protocol.bottom_right(student, 1).points == 0
    namespace["ImprovedNet"] = PaddedPooling
    assert protocol.bottom_right(student, 1).points == 20


def test_a_network_that_looks_at_positions_gets_no_tier_and_is_told_why(
    made_up: list[Accuracies],
) -> None:
    made_up.append(_run(0.10))
    assert "weight for each position" in protocol.bottom_right(InProcess({}), 1).advice


class Memory(nn.Module):
    """Holds every training digit, and passes the label of the nearest one to a trainable layer."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))
        self.head = nn.Linear(10, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits (N, num_classes)."""
        stored = place(DIGITS.train_images, "bottom_right").flatten(1)
        nearest = torch.cdist(images.flatten(1), stored).argmin(dim=1)
        known = nn.functional.one_hot(DIGITS.train_labels[nearest], 10).float()
        return self.gate * self.head(known)


def test_memorised_digits_are_recognised_before_any_training() -> None:
    model = Model(InProcess({"ImprovedNet": Memory}), "ImprovedNet", 1)
    with pytest.raises(StudentFault, match="trained elsewhere"):
        protocol._refuse_prior_knowledge(model, model.state(), DIGITS, generator(1))


@pytest.mark.parametrize("network", [FullyConnected, PaddedPooling])
def test_an_honest_network_knows_nothing_before_training(network: type[nn.Module]) -> None:
    for seed in range(3):
        model = Model(InProcess({"ImprovedNet": network}), "ImprovedNet", seed)
        protocol._refuse_prior_knowledge(model, model.state(), DIGITS, generator(seed))


def test_trained_weights_in_the_parameters_do_not_survive_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network that arrives with weights which solve the task is no better than a fresh one."""
    monkeypatch.setattr(protocol, "GRADING", Protocol(checkpoints=(1,)))

    class Arrives(FullyConnected):
        """Tells by one bright weight for each class, once trained; that is: at once."""

        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__()
            means = torch.stack(
                [DIGITS.train_images[DIGITS.train_labels == k].float().mean(0) for k in range(10)]
            )
            canvas = place(means.byte(), "top_left").flatten(1) - 0.1
            with torch.no_grad():
                self.layers[1].weight.copy_(canvas / canvas.norm(dim=1, keepdim=True))

    run = protocol.run_once(InProcess({"ImprovedNet": Arrives}), 1)
    assert run.top_left < 0.4


def test_what_is_learned_must_be_in_the_tensors_that_are_read_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network that keeps what it learns outside its parameters has not learned it."""
    monkeypatch.setattr(protocol, "GRADING", Protocol(checkpoints=(30,)))

    class Hides(FullyConnected):
        """Counts its training batches in a plain attribute, and only then lets the layers speak."""

        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__()
            self.batches = 0

        def forward(self, images: Tensor) -> Tensor:
            """Returns logits (N, 10)."""
            self.batches += self.training
            return super().forward(images) * float(self.batches > 0)

    honest = protocol.run_once(InProcess({"ImprovedNet": FullyConnected}), 1)
    hidden = protocol.run_once(InProcess({"ImprovedNet": Hides}), 1)
    assert honest.top_left > 0.6
    assert hidden.top_left < 0.2


@pytest.mark.parametrize(
    ("output", "says"),
    [(torch.zeros(2, 10), "expected logits"), (torch.full((1000, 10), torch.nan), None)],
)
def test_odd_predictions_score_nothing_and_stop_nothing(output: Tensor, says: str | None) -> None:
    if says is None:
        assert protocol._accuracy(output, DIGITS.test_labels) == 0
    else:
        with pytest.raises(StudentFault, match=says):
            protocol._accuracy(output, DIGITS.test_labels)
