"""The graded scale: what accuracies are worth, when a run is settled, when another is due."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.scale import MAX_RUNS, Accuracies, Mark, Scale, average
from course_utils.training import SCALE
from tests.assignments.cnns.corners import corners

TOP_LEFT, BOTTOM_RIGHT = SCALE.marks["top_left"], SCALE.marks["bottom_right"]
LOWEST, *BETWEEN, HIGHEST = BOTTOM_RIGHT
READS = TOP_LEFT[-1].accuracy  # top left, with all points
SHARES = st.floats(0, 1)


def run(bottom_right: float, top_left: float = 0.95, steps: int = 300) -> Accuracies:
    return corners(top_left, bottom_right, steps)


def middle(low: Mark, high: Mark) -> float:
    return (low.accuracy + high.accuracy) / 2


def worth(bottom_right: float, top_left: float = 0.95) -> float:
    return SCALE.points(run(bottom_right, top_left))["bottom_right"]


def test_the_marks_rise_from_nothing_to_the_points_of_the_checks() -> None:
    for marks, most in ((TOP_LEFT, 5), (BOTTOM_RIGHT, 20)):
        for rising in ("accuracy", "points"):
            values = [getattr(mark, rising) for mark in marks]
            assert values == sorted(set(values))
        assert (marks[0].points, marks[-1].points) == (0, most)


def test_each_mark_is_worth_its_points_and_between_two_they_rise_evenly() -> None:
    for mark in BOTTOM_RIGHT:
        assert worth(mark.accuracy) == mark.points
    for low, high in pairwise(BOTTOM_RIGHT):
        between = worth(middle(low, high))
        assert between == pytest.approx((low.points + high.points) / 2, abs=0.25)
    assert worth(0.0) == worth(LOWEST.accuracy) == 0
    assert worth(1.0) == HIGHEST.points


@given(SHARES, SHARES, SHARES)
def test_points_come_in_halves_and_never_fall_as_an_accuracy_rises(
    low: float, high: float, left: float
) -> None:
    low, high = sorted((low, high))
    assert worth(low, left) <= worth(high, left)
    assert worth(left, low) <= worth(left, high)
    assert (2 * worth(low, left)).is_integer()


def test_what_is_not_learned_top_left_cannot_be_carried_over() -> None:
    nothing, half = TOP_LEFT[0].accuracy, (TOP_LEFT[0].accuracy + READS) / 2
    assert worth(1.0, top_left=nothing) == 0
    assert worth(1.0, top_left=half) == HIGHEST.points / 2
    assert worth(1.0, top_left=READS) == HIGHEST.points


def test_far_from_where_points_change_one_run_decides() -> None:
    assert not SCALE.wants_another([run(0.1)]), "as Net has it"
    assert not SCALE.wants_another([run(HIGHEST.accuracy + SCALE.spread)])


def test_what_has_not_begun_to_learn_gets_a_second_start_and_no_third() -> None:
    still = run(0.1, top_left=0.1)
    assert SCALE.wants_another([still])
    assert not SCALE.wants_another([still, still])
    assert SCALE.earns_long_run(average([still, run(0.6, top_left=0.6)]))


def test_a_first_run_that_may_have_been_lucky_is_not_the_last() -> None:
    """As one network in some twenty that see the border: 99 % top left, 79 % bottom right."""
    lucky = run(HIGHEST.accuracy + 0.04, top_left=0.99)
    assert SCALE.wants_another([lucky])
    assert not SCALE.wants_another([lucky, lucky])
    assert not SCALE.wants_another([run(HIGHEST.accuracy + 0.04, top_left=0.85)])


def test_the_steeper_points_rise_the_more_runs_there_are_but_not_for_ever() -> None:
    def runs_at(accuracy: float) -> int:
        runs = [run(accuracy)]
        while SCALE.wants_another(runs):
            runs.append(run(accuracy))
        return len(runs)

    flat, steep = pairwise([*BETWEEN, HIGHEST])
    assert 1 < runs_at(middle(*flat)) < runs_at(middle(*steep)) == MAX_RUNS


def test_the_mean_of_runs_counts_and_the_steps_of_all() -> None:
    assert average([run(0.2, 0.8), run(0.4, 0.9, 200)]) == corners(
        pytest.approx(0.85), pytest.approx(0.3), 500
    )


def test_a_run_is_settled_when_both_corners_are_above_their_highest_marks() -> None:
    high = HIGHEST.accuracy + SCALE.margin
    assert SCALE.settled(run(high))
    assert not SCALE.settled(run(high - 0.001))
    assert not SCALE.settled(run(high, top_left=READS + SCALE.margin - 0.001))


def test_a_network_that_is_slow_earns_a_long_run_and_one_that_sees_the_border_does_not() -> None:
    assert SCALE.earns_long_run(run(0.6, top_left=0.62))
    assert not SCALE.earns_long_run(run(0.4, top_left=0.83)), "without padding"
    assert not SCALE.earns_long_run(run(0.1, top_left=0.1)), "it has not begun to learn"
    assert not SCALE.earns_long_run(run(HIGHEST.accuracy)), "it has all points"


def test_the_description_says_where_a_network_stands() -> None:
    said = SCALE.describe(run(BETWEEN[-1].accuracy))
    assert f"{BETWEEN[-1].points:g} of 20 points" in said
    assert said.count("reached") == len(BETWEEN)
    assert said.count("not yet") == 1


ALONE = Scale({"test": (Mark("chance", 0.5, 0), Mark("all", 0.9, 10))}, learns=0.6)


def test_a_scale_of_one_test_set_has_the_same_rules() -> None:
    def one(accuracy: float) -> Accuracies:
        return Accuracies({"test": accuracy}, 300)

    assert ALONE.points(one(0.7)) == {"test": 5}
    assert ALONE.settled(one(0.94))
    assert not ALONE.settled(one(0.92))
    assert ALONE.wants_another([one(0.7)])
    assert ALONE.earns_long_run(one(0.7)), "it learns, and is not ready"
    assert not ALONE.earns_long_run(one(0.55)), "it has not begun to learn"
    assert "5 of 10 points" in ALONE.describe(one(0.7))
    assert ALONE.describe(one(0.7)).count("not yet") == 1
