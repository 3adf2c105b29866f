"""How `ImprovedNet` is measured: what is repeated, what counts, what is refused.

The runs here have a budget of a few steps: that the real one separates good networks from bad ones
shows in the calibration, and in tests/course/test_workflow.py.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from autograder.assignments.cnns.improved import prior_knowledge, training_runs
from autograder.checking.challenge import generator
from autograder.checking.student import InProcess, Model, StudentFault
from course_utils.data import load_digits_subset
from course_utils.protocol import Protocol
from course_utils.tiers import MAX_RUNS, Accuracies, published_scale
from course_utils.transforms import place
from tests.assignments.cnns.networks import FullyConnected, PaddedPooling

DIGITS = load_digits_subset()


def last_look(student: InProcess, seed: int) -> Accuracies:
    """Return what the last checkpoint of a run showed."""
    *_, last = training_runs.run_looks(student, seed)
    return last


def test_a_run_in_doubt_is_repeated_with_another_seed() -> None:
    scale, seeds = published_scale(), []
    high = scale.bottom_right[-1]

    def run(seed: int) -> Accuracies:
        seeds.append(seed)
        return Accuracies(0.95, high.accuracy - 0.01 * (len(seeds) % 2), 300)

    assert len(training_runs.repeated(run, 1, scale)) == MAX_RUNS
    assert len(set(seeds)) == MAX_RUNS
    again = list(seeds)
    seeds.clear()
    training_runs.repeated(run, 1, scale)
    assert seeds == again, "a re-grade gives the same verdict"


def test_a_redefined_network_is_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(1,)))
    namespace: dict[str, object] = {"ImprovedNet": FullyConnected}
    student, scale = InProcess(namespace), published_scale()
    first = training_runs.measured(student, 1, scale)
    assert training_runs.measured(student, 1, scale) is first, "its checks share the runs"
    namespace["ImprovedNet"] = PaddedPooling
    assert training_runs.measured(student, 1, scale) != first


class Memory(nn.Module):
    """Holds every training digit, and passes the label of the nearest one to a trainable layer."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))
        self.head = nn.Linear(10, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        stored = place(DIGITS.train_images, "bottom_right").flatten(1)
        nearest = torch.cdist(images.flatten(1), stored).argmin(dim=1)
        known = nn.functional.one_hot(DIGITS.train_labels[nearest], 10).float()
        return self.gate * self.head(known)


def test_memorised_digits_are_recognised_before_any_training() -> None:
    model = Model(InProcess({"ImprovedNet": Memory}), "ImprovedNet", seed=1)
    with pytest.raises(StudentFault, match="trained elsewhere"):
        prior_knowledge.refuse(model, model.state(), DIGITS, generator(1))


@pytest.mark.parametrize("network", [FullyConnected, PaddedPooling])
def test_an_honest_network_knows_nothing_before_training(network: type[nn.Module]) -> None:
    for seed in range(3):
        model = Model(InProcess({"ImprovedNet": network}), "ImprovedNet", seed=seed)
        prior_knowledge.refuse(model, model.state(), DIGITS, generator(seed))


def test_trained_weights_in_the_parameters_do_not_survive_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network that arrives with weights which solve the task is no better than a fresh one."""
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(1,)))

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

    run = last_look(InProcess({"ImprovedNet": Arrives}), 1)
    assert run.top_left < 0.4


def test_what_is_learned_must_be_in_the_tensors_that_are_read_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network that keeps what it learns outside its parameters has not learned it."""
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(30,)))

    class Hides(FullyConnected):
        """Counts its training batches in a plain attribute, and only then lets the layers speak."""

        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__()
            self.batches = 0

        def forward(self, images: Tensor) -> Tensor:
            """Return logits (N, 10)."""
            self.batches += self.training
            return super().forward(images) * float(self.batches > 0)

    honest = last_look(InProcess({"ImprovedNet": FullyConnected}), 1)
    hidden = last_look(InProcess({"ImprovedNet": Hides}), 1)
    assert honest.top_left > 0.6
    assert hidden.top_left < 0.2


@pytest.mark.parametrize(
    ("output", "says"),
    [(torch.zeros(2, 10), "expected logits"), (torch.full((1000, 10), torch.nan), None)],
)
def test_odd_predictions_score_nothing_and_stop_nothing(output: Tensor, says: str | None) -> None:
    if says is None:
        assert training_runs._accuracy(output, DIGITS.test_labels) == 0
    else:
        with pytest.raises(StudentFault, match=says):
            training_runs._accuracy(output, DIGITS.test_labels)
