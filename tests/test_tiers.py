"""The graded scale: what accuracies are worth, when a run is settled, when another is due."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import calibration
from course_utils.tiers import Accuracies, best, published_scale, scale_from

SCALE = published_scale()
LOW, MIDDLE, HIGH = SCALE.bottom_right
SHARES = st.floats(0, 1)


def run(bottom_right: float, top_left: float = 0.95) -> Accuracies:
    return Accuracies(top_left, bottom_right, 300)


@pytest.mark.parametrize(
    ("bottom_right", "points", "reached"),
    [
        (0.10, 0.0, 0),
        (LOW.accuracy, LOW.points, 1),
        (MIDDLE.accuracy, MIDDLE.points, 2),
        (HIGH.accuracy, HIGH.points, 3),
    ],
)
def test_each_tier_gives_its_points(bottom_right: float, points: float, reached: int) -> None:
    assert SCALE.points(bottom_right) == points
    assert SCALE.reached(bottom_right) == reached


@given(SHARES, SHARES)
def test_a_better_accuracy_is_never_worth_less(one: float, other: float) -> None:
    worse, better = sorted((one, other))
    assert SCALE.points(worse) <= SCALE.points(better)


def test_the_tiers_rise_to_the_points_of_the_check() -> None:
    for rising in ("accuracy", "points", "retry_from"):
        values = [getattr(tier, rising) for tier in SCALE.bottom_right]
        assert values == sorted(set(values))
    assert all(t.retry_from < t.accuracy for t in (*SCALE.bottom_right, SCALE.top_left))
    assert (SCALE.top_left.points, HIGH.points) == (5, 20)


def test_a_run_is_settled_only_well_above_the_highest_tier() -> None:
    enough = HIGH.accuracy + SCALE.margin
    assert SCALE.settled(run(enough))
    assert not SCALE.settled(run(HIGH.accuracy))
    assert not SCALE.settled(run(enough, top_left=SCALE.top_left.accuracy))


@pytest.mark.parametrize("tier", [LOW, MIDDLE, HIGH])
def test_a_tier_missed_by_little_gets_another_run_until_there_are_enough(tier) -> None:
    missed = run(tier.retry_from)
    assert SCALE.wants_another([missed])
    assert SCALE.wants_another([missed, run(0.0)])
    assert not SCALE.wants_another([missed] * SCALE.most_runs)
    assert not SCALE.wants_another([missed, run(tier.accuracy)]) or tier != HIGH


def test_a_tier_missed_by_far_gets_none() -> None:
    assert not SCALE.wants_another([run(LOW.retry_from - 0.01)])


def test_the_top_left_accuracy_can_ask_for_another_run_too() -> None:
    assert SCALE.wants_another([run(0.95, top_left=SCALE.top_left.retry_from)])


def test_the_best_of_each_corner_counts() -> None:
    assert best([run(0.2, 0.9), run(0.7, 0.3)]) == (0.9, 0.7)


def test_the_scale_survives_the_file() -> None:
    assert scale_from(json.loads(json.dumps(asdict(SCALE)))) == SCALE
    assert scale_from(asdict(replace(SCALE, margin=0.1))) != SCALE


def test_students_see_the_tiers_that_grading_uses() -> None:
    assert calibration.scale() == SCALE


def test_the_tiers_are_put_into_words() -> None:
    text = SCALE.describe(run(MIDDLE.accuracy, 0.913))
    assert "91.3%" in text
    assert text.count("reached") == 2
    assert text.count("not yet") == 1
