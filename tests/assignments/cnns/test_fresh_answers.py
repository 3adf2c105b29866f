"""Are answers of kinds that nobody had in mind graded rightly, and their mistakes named?"""

from __future__ import annotations

import pytest

from autograder.checking import checks
from autograder.checking.check_result import CheckResult
from autograder.checking.student import InProcess
from course_utils import checks as visible
from tests.assignments.cnns import fresh_answers

GRADE_CELLS = {
    "conv_pool_conv": ("conv_pool_conv_shape", "conv_pool_conv_values"),
    "Net": ("net_shape", "net_parameters", "net_function"),
}
RIGHT = [
    *[("conv_pool_conv", chain) for chain in fresh_answers.RIGHT_CHAINS],
    *[("Net", net) for net in fresh_answers.RIGHT_NETS],
]
WRONG = [
    *[("conv_pool_conv", chain) for chain in fresh_answers.WRONG_CHAINS],
    *[("Net", net) for net in fresh_answers.WRONG_NETS],
]

NAMES = fresh_answers.WRONG_CHAINS | fresh_answers.WRONG_NETS


def judged(name: str, answer: object) -> list[CheckResult]:
    """Return the verdicts on one answer, of every grade cell of its exercise."""
    student = InProcess({name: answer})
    return [checks.run("cnns", grade_id, student, 3) for grade_id in GRADE_CELLS[name]]


def test_there_are_forty_of_them_half_right_and_half_wrong():
    assert len(RIGHT) == 20
    assert len(WRONG) >= 20


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=[a.__name__ for _, a in RIGHT])
def test_a_right_one_scores_full(name, answer):
    for result in judged(name, answer):
        assert (result.points, result.advice) == (result.max_points, "")


@pytest.mark.parametrize(("name", "answer"), WRONG, ids=[a.__name__ for _, a in WRONG])
def test_a_wrong_one_loses_points_and_hears_why(name, answer):
    results = judged(name, answer)
    lost = [result for result in results if result.points < result.max_points]
    assert lost
    assert all(result.advice for result in lost)
    named = {mistake for result in lost for mistake in result.mistakes}
    assert named >= NAMES[answer]


def test_nine_of_ten_mistakes_are_named():
    assert sum(bool(NAMES[answer]) for _, answer in WRONG) >= 0.9 * len(WRONG)


VISIBLE = {"conv_pool_conv": visible.check_conv_pool_conv, "Net": visible.check_net}


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=[a.__name__ for _, a in RIGHT])
def test_the_visible_check_lets_a_right_one_pass(name, answer, capsys):
    VISIBLE[name](answer)
    assert f"Looks right: {name}" in capsys.readouterr().out


CHAINS = list(fresh_answers.WRONG_CHAINS)


@pytest.mark.parametrize("chain", CHAINS, ids=[chain.__name__ for chain in CHAINS])
def test_the_visible_check_lets_no_wrong_chain_pass(chain, capsys):
    visible.check_conv_pool_conv(chain)
    assert "Not right yet: conv_pool_conv" in capsys.readouterr().out
