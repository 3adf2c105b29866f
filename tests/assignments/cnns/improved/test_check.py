"""The verdicts on what `ImprovedNet` learns, and what they say of a network that misses a tier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autograder.assignments.cnns.improved import check as improved_check
from autograder.assignments.cnns.improved.inspection import Inspection
from autograder.assignments.cnns.improved.training_runs import Found
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.checking.student import InProcess
from course_utils.procedure import Measured
from course_utils.scale import average
from course_utils.training import SCALE
from tests.assignments.cnns.corners import look

HIGH = SCALE.marks["bottom_right"][-1]
BLIND = Inspection(
    interior=0.0,
    border=0.0,
    narrowest=16,
    narrowest_name="classify",
    widest=16,
    widest_name="classify",
    parameters=3602,
    averages=0.1,
)
STUDENT = InProcess({})


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that says what will be measured: (top-left, bottom-right), inspection."""

    def say(
        *runs: tuple[float, float],
        inspection: Inspection = BLIND,
        long: tuple[float, float] | None = None,
        finite: bool = True,
    ) -> None:
        short = tuple(look(left, right, 300, finite) for left, right in runs)
        after = look(*long, 1500, finite) if long else None
        measured = Measured(short, after, after or average(short))
        about = Found(measured, inspection)
        monkeypatch.setattr(improved_check, "found", lambda *arguments: about)

    return say


@pytest.mark.parametrize("mark", SCALE.marks["bottom_right"])
def test_each_mark_gives_its_points(made_up, mark) -> None:
    made_up((0.95, mark.accuracy))
    result = improved_check.bottom_right(STUDENT, 1)
    assert (result.points, result.max_points) == (mark.points, 20.0)
    assert bool(result.advice) == (mark.points < 20)


def test_the_mean_of_runs_counts_and_is_shown(made_up) -> None:
    made_up((0.9, 0.4), (0.7, 0.3), (0.8, 0.5))
    for result, mean in (
        (improved_check.top_left(STUDENT, 1), "80.0%"),
        (improved_check.bottom_right(STUDENT, 1), "40.0%"),
    ):
        assert result.criteria[0].got == f"{mean}, the mean of 3 runs"


def test_a_long_run_is_told_with_its_steps(made_up) -> None:
    made_up((0.6, 0.58), long=(0.9, 0.84))
    result = improved_check.bottom_right(STUDENT, 1)
    assert result.criteria[0].got == "84.0%, after 1,500 steps"
    assert result.figures["long_run"] is True
    assert result.figures["steps"] == 1800


def test_a_half_learned_top_left_gives_half_of_both(made_up) -> None:
    low, high = SCALE.marks["top_left"]
    made_up(((low.accuracy + high.accuracy) / 2, 0.95))
    assert improved_check.top_left(STUDENT, 1).points == 2.5
    assert improved_check.bottom_right(STUDENT, 1).points == 10


def test_a_layer_that_sees_positions_is_named(made_up) -> None:
    seen = replace(BLIND, interior=2.0, border=2.0, widest=1936, widest_name="head.0")
    made_up((0.96, 0.1), inspection=seen)
    result = improved_check.bottom_right(STUDENT, 1)
    assert result.mistakes[0] == "improved-positions"
    advice = result.advice
    assert "a weight for each position" in advice
    assert "`head.0` takes 1,936 numbers" in advice
    assert "border" not in advice


def test_a_border_that_shows_is_told_from_a_head_that_sees_positions(made_up) -> None:
    made_up((0.85, 0.3), inspection=replace(BLIND, border=1.2))
    result = improved_check.bottom_right(STUDENT, 1)
    assert result.mistakes == ("improved-border",)
    advice = result.advice
    assert "the border of the image" in advice
    assert "a weight for each position" not in advice


def test_a_bottleneck_is_named_with_its_width(made_up) -> None:
    made_up((0.5, 0.5), inspection=replace(BLIND, narrowest=8, narrowest_name="fc2"))
    for result in (improved_check.bottom_right(STUDENT, 1), improved_check.top_left(STUDENT, 1)):
        assert "passes through 8 numbers (into `fc2`)" in result.advice


def test_slow_averages_are_told_from_a_bottleneck(made_up) -> None:
    made_up((0.5, 0.5))
    advice = improved_check.bottom_right(STUDENT, 1).advice
    assert "averages differ by only 10%" in advice
    assert "bring the averages to one scale" in advice
    assert "bottleneck" not in advice


def test_who_normalises_is_not_asked_to(made_up) -> None:
    made_up((0.5, 0.5), inspection=replace(BLIND, normalises=True))
    assert "one scale" not in improved_check.bottom_right(STUDENT, 1).advice


def test_averages_that_differ_much_are_not_called_alike(made_up) -> None:
    made_up((0.5, 0.5), inspection=replace(BLIND, averages=0.9))
    assert "verage" not in improved_check.bottom_right(STUDENT, 1).advice


@pytest.mark.parametrize(
    ("seen", "name", "words"),
    [
        ({"chance": True}, "improved-random", "chance takes part"),
        ({"never_learns": ("conv1",)}, "improved-frozen", "does not change `conv1`"),
        ({"constant": True, "rank": 0}, "improved-constant", "every digit gets the same answer"),
    ],
)
def test_what_explains_all_else_is_named_first_and_nothing_is_guessed(
    made_up, seen: dict[str, Any], name: str, words: str
) -> None:
    made_up((0.4, 0.1), inspection=replace(BLIND, **seen))
    for result in (improved_check.bottom_right(STUDENT, 1), improved_check.top_left(STUDENT, 1)):
        assert result.mistakes[0] == name
        assert words in result.advice
        assert "too slowly" not in result.advice


def test_blocks_and_biases_are_told_from_kernels_at_the_border(made_up) -> None:
    border = replace(BLIND, border=1.2)
    for seen, name in (
        (replace(border, jumps=(8, 12)), "improved-stride"),
        (replace(border, background=True), "improved-background"),
        (replace(border, interior=0.45), "improved-positions"),
        (border, "improved-border"),
    ):
        made_up((0.95, 0.3), inspection=seen)
        assert improved_check.bottom_right(STUDENT, 1).mistakes == (name,)


def test_only_what_was_seen_is_said_of_a_slow_network(made_up) -> None:
    made_up((0.5, 0.5), inspection=replace(BLIND, averages=None))
    advice = improved_check.bottom_right(STUDENT, 1).advice
    assert "verage" not in advice
    assert "Print mean and spread" in advice
    gate = replace(BLIND, narrowest=4, narrowest_name="gate.0", rank=9)
    made_up((0.5, 0.5), inspection=gate)
    assert "passes through" not in improved_check.bottom_right(STUDENT, 1).advice


def test_answers_that_are_no_numbers_are_named_first(made_up) -> None:
    made_up((0.0, 0.0), finite=False)
    for result in (improved_check.bottom_right(STUDENT, 1), improved_check.top_left(STUDENT, 1)):
        assert result.mistakes == ("improved-nan",)
        assert "(NaN)" in result.advice


def test_more_parameters_than_net_are_mentioned(made_up) -> None:
    limit = parameter_count(net_spec())
    made_up((0.96, 0.1), inspection=replace(BLIND, parameters=limit))
    assert f"{limit:,}" in improved_check.bottom_right(STUDENT, 1).advice
    made_up((0.96, 0.1), inspection=replace(BLIND, parameters=limit - 1))
    assert f"{limit:,}" not in improved_check.bottom_right(STUDENT, 1).advice


def test_full_points_need_no_advice(made_up) -> None:
    made_up((0.96, 0.96))
    assert improved_check.bottom_right(STUDENT, 1).advice == ""
    assert improved_check.top_left(STUDENT, 1).advice == ""
