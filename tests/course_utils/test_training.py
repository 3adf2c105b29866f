"""The protocol of `ImprovedNet`: when a run is settled, and a student's rehearsal."""

from __future__ import annotations

import pytest
import torch

from course_utils.protocol import Protocol
from course_utils.tiers import Accuracies, published_scale
from course_utils.training import looks, outcome, rehearse
from tests.assignments.cnns.networks import FullyConnected

SCALE = published_scale()


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
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    result = rehearse(FullyConnected, protocol=Protocol(checkpoints=(5,)), progress=False)
    assert torch.equal(torch.rand(1), expected)
    printed = capsys.readouterr().out
    assert f"{result.bottom_right:.1%}" in printed
    assert printed.count("points") == len(SCALE.bottom_right)
