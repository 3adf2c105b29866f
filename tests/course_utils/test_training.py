"""The protocol of `ImprovedNet`: when a run is settled, repeated or long; a student's rehearsal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from course_utils import training
from course_utils.procedure import Budget, Measured, looks, measure, outcome
from course_utils.protocol import Protocol
from course_utils.scale import Accuracies
from course_utils.training import BUDGET, SCALE, rehearse
from tests.assignments.cnns.corners import corners
from tests.assignments.cnns.networks import FullyConnected

SHORT_RUN, LONG_RUN = BUDGET.short, BUDGET.long
assert LONG_RUN is not None

HIGHEST = SCALE.marks["bottom_right"][-1].accuracy
GOOD = HIGHEST + SCALE.margin + 0.01


def test_a_settled_run_ends_at_a_checkpoint_and_an_open_one_at_the_last() -> None:
    trained: list[int] = []
    budget = Protocol(checkpoints=(200, 250, 300))

    def run(*by_checkpoint: float) -> Accuracies:
        trained.clear()
        values = iter(by_checkpoint)

        def look(steps: int) -> Accuracies:
            return corners(0.95, next(values), steps)

        return outcome(looks(trained.append, look, budget), SCALE)

    assert run(GOOD).steps == 200
    assert trained == [200]
    assert run(HIGHEST, GOOD).steps == 250
    assert run(0.1, 0.1, 0.2) == corners(0.95, 0.2, 300)
    assert trained == [200, 50, 50]


def measured(
    short: list[tuple[float, float]], long: tuple[float, float] | None = None
) -> Measured[Accuracies]:
    """Return what comes of short runs and a long one with these accuracies."""
    left = iter(short)

    def run(protocol: Protocol, number: int) -> Iterator[Accuracies]:
        assert protocol in (SHORT_RUN, LONG_RUN)
        if protocol is LONG_RUN:
            assert long is not None, "no long run was to come"
        values = next(left) if protocol is SHORT_RUN else long
        yield corners(*values, protocol.steps)

    found = measure(run, SCALE, BUDGET)
    assert next(left, None) is None, "each of the short runs was to come"
    assert (found.long is None) == (long is None)
    return found


def test_without_a_long_run_the_mean_of_short_ones_counts() -> None:
    def run(protocol: Protocol, number: int) -> Iterator[Accuracies]:
        yield corners(0.6, 0.58, protocol.steps)

    found = measure(run, SCALE, Budget(SHORT_RUN))
    assert (found.long, found.counted["bottom_right"]) == (None, pytest.approx(0.58))


def test_a_right_network_and_one_that_knows_positions_get_one_run() -> None:
    assert measured([(0.97, 0.97)]).counted["bottom_right"] == 0.97
    assert measured([(0.99, 0.1)]).steps == SHORT_RUN.steps


def test_where_points_rise_the_mean_of_several_runs_counts() -> None:
    found = measured([(0.9, 0.4), (0.9, 0.3)])
    assert found.counted["bottom_right"] == pytest.approx(0.35)
    found = measured([(0.9, 0.7), (0.9, 0.6), (0.9, 0.5), (0.9, 0.75), (0.9, 0.45)])
    assert found.counted["bottom_right"] == pytest.approx(0.6)


def test_a_network_that_is_only_slow_gets_a_long_run_and_that_counts() -> None:
    found = measured([(0.6, 0.58)], long=(0.95, 0.93))
    assert found.counted.values == corners(0.95, 0.93).values
    assert found.steps == SHORT_RUN.steps + LONG_RUN.steps


def test_a_long_run_counts_only_if_what_it_learned_still_carries_over() -> None:
    """By luck a network that sees the border does as well in both corners at first."""
    found = measured([(0.42, 0.4), (0.8, 0.3), (0.8, 0.3)], long=(0.93, 0.48))
    assert found.counted["bottom_right"] == pytest.approx(1 / 3)


def test_a_long_run_costs_at_most_six_times_a_short_one() -> None:
    assert SHORT_RUN.steps + LONG_RUN.steps <= 6 * SHORT_RUN.steps
    assert SHORT_RUN.batch_size == LONG_RUN.batch_size


def test_a_rehearsal_says_what_a_network_is_worth_and_leaves_the_random_state(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(Protocol(checkpoints=(20,)), Protocol(checkpoints=(30,)))
    monkeypatch.setattr(training, "BUDGET", budget)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    result = rehearse(FullyConnected, progress=False)
    assert torch.equal(torch.rand(1), expected)
    printed = capsys.readouterr().out
    assert f"{result.counted['bottom_right']:.1%}" in printed
    assert "of 20 points" in printed
    assert "of 5 points" in printed
