"""Whatever is answered, the kit gives a verdict; what a student's side claims is never believed."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder import StudentFault
from autograder.checking import checks
from autograder.checking.check_result import CheckResult
from autograder.checking.kit import recognise
from autograder.checking.student import InProcess
from autograder.maintain.kit.references import lab
from tests.checking.forged import Forger

TIMES = 12  # of each grade cell
QUICK = ("causal_attention_shape", "char_rnn_parameters", "sequence_classifier", "dropout")


@pytest.mark.parametrize(
    "grade_id",
    [pytest.param(g, marks=[] if g in QUICK else pytest.mark.slow) for g in lab.checks],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_forged_answers_get_a_verdict(grade_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "MAX_PAIRS", 0)
    check = lab.checks[grade_id]
    for number in range(TIMES):
        rng = random.Random(f"{grade_id}/{number}")
        student = Forger(lab.honest(), rng, rng.choice((0.1, 0.5, 1.0)))
        try:
            result = check.judge(student, 1)
        except StudentFault as fault:
            result = checks.nothing(check.max_points, str(fault))
        assert 0 <= result.points <= result.max_points == check.max_points
        assert result.reason.isprintable()


def judge(grade_id: str, **answers: Any) -> CheckResult:
    return lab.checks[grade_id].judge(InProcess(answers), 2)


def test_arguments_that_are_changed_cost_their_points_and_are_named() -> None:
    def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        right = lab.honest()["causal_attention"](q, k, v)
        k.zero_()
        return right

    result = judge("causal_attention_values", causal_attention=causal_attention)
    assert result.mistakes == ("in-place",)
    assert 0 < result.points < result.max_points


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (lambda q: q.long(), "int64"),
        (lambda q: (q, q), "2 results"),
        (lambda q: q * float("nan"), "other values"),
        (lambda q: None, "None"),
        (lambda q: q[:, :1], "(2, 1, 5)"),
        (lambda q: {"x": q}, "{x: (2, 7, 5)}"),
        (lambda q: q.to(torch.complex64), "expected a dense tensor of real numbers"),
    ],
)
def test_an_output_of_another_form_scores_nothing_and_says_what_came(
    output: Any, said: str
) -> None:
    result = judge("causal_attention_values", causal_attention=lambda q, k, v: output(q))
    assert result.points == 0
    assert said in result.criteria[0].got


def test_a_tuple_of_results_is_compared_part_by_part() -> None:
    def adam_step(*arguments: Any) -> Any:
        weight, m, v = lab.honest()["adam_step"](*arguments)
        return weight, v, m

    assert judge("adam_step", adam_step=lab.honest()["adam_step"]).points == 20
    assert judge("adam_step", adam_step=adam_step).points == 0


class TooMany(nn.Module):
    def __init__(self, **_: Any) -> None:
        super().__init__()
        self.parts = nn.ParameterList(nn.Parameter(torch.zeros(2)) for _ in range(500))

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(*x.shape, 27)


class TooLarge(nn.Module):
    def __init__(self, **_: Any) -> None:
        super().__init__()
        self.whole = nn.Parameter(torch.zeros(4_000_000))


@pytest.mark.parametrize(
    ("network", "said"), [(TooMany, "Expected parameters"), (TooLarge, "far too large")]
)
def test_a_network_of_too_much_is_told_so(network: type[nn.Module], said: str) -> None:
    result = judge("char_rnn_function", CharRNN=network)
    assert result.points == 0
    assert said in result.reason
