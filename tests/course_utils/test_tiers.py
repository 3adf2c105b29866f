"""The graded scale: what accuracies are worth, when a run is settled, when another is due."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignments.cnns import calibration
from course_utils.tiers import Accuracies, Tier, published_scale, scale_from

SCALE = published_scale()
LOW, MIDDLE, HIGH = SCALE.bottom_right
SHARES = st.floats(0, 1)


def run(bottom_right: float, top_left: float = 0.95) -> Accuracies:
    return Accuracies(top_left, bottom_right, 300)


def test_the_tiers_rise_to_the_points_of_the_check() -> None:
    for rising in ("accuracy", "points", "doubt_from", "doubt_to"):
        values = [getattr(tier, rising) for tier in SCALE.bottom_right]
        assert values == sorted(set(values))
    for tier in (*SCALE.bottom_right, SCALE.top_left):
        assert tier.doubt_from < tier.accuracy < tier.doubt_to
    assert (SCALE.top_left.points, HIGH.points) == (5, 20)


@pytest.mark.parametrize("tier", [LOW, MIDDLE, HIGH])
def test_far_from_a_threshold_one_run_decides(tier: Tier) -> None:
    over, under = run(tier.doubt_to), run(tier.doubt_from - 0.01)
    assert not SCALE.wants_another([over])
    assert not SCALE.wants_another([under])
    assert SCALE.reached([over]) == SCALE.reached([under]) + 1


@pytest.mark.parametrize("tier", [LOW, MIDDLE, HIGH])
def test_near_a_threshold_the_middle_one_of_three_runs_does(tier: Tier) -> None:
    over, under = run(tier.accuracy), run(tier.accuracy - 0.01)
    level = SCALE.bottom_right.index(tier)
    assert SCALE.wants_another([over])
    assert SCALE.wants_another([over, under])
    for agreed, expected in (([over, over], level + 1), ([under, under], level)):
        assert not SCALE.wants_another(agreed)
        assert SCALE.reached(agreed) == expected
    assert SCALE.reached([over, under, over]) == level + 1
    assert SCALE.reached([over, under, under]) == level
    assert not SCALE.wants_another([over, under, over])


def test_the_top_left_accuracy_can_be_in_doubt_too() -> None:
    tier = SCALE.top_left
    poor = run(0.95, top_left=tier.accuracy - 0.01)
    assert not SCALE.learned([poor])
    assert SCALE.wants_another([poor])
    assert SCALE.wants_another([poor, run(0.95)])
    assert SCALE.learned([poor, run(0.95), run(0.95)])


def test_training_that_fails_once_altogether_is_repeated() -> None:
    failed = run(0.1, top_left=0.1)
    assert SCALE.wants_another([failed])
    lucky = [failed, run(0.95), run(0.95)]
    assert SCALE.wants_another(lucky[:2])
    assert SCALE.learned(lucky)
    assert SCALE.reached(lucky) == 3


@given(first=SHARES, second=SHARES, third=SHARES, left=SHARES)
def test_once_two_runs_agree_a_third_would_change_nothing(
    first: float, second: float, third: float, left: float
) -> None:
    two = [run(first), run(second)]
    if SCALE.wants_another(two[:1]) and not SCALE.wants_another(two):
        three = [*two, run(third, left)]
        assert SCALE.reached(three) == SCALE.reached(two)
        assert SCALE.learned(three) == SCALE.learned(two)


def test_a_run_is_settled_only_well_above_the_highest_tier() -> None:
    enough = HIGH.accuracy + SCALE.margin
    assert SCALE.settled(run(enough))
    assert not SCALE.settled(run(HIGH.accuracy))
    assert not SCALE.settled(run(enough, top_left=SCALE.top_left.accuracy))


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
