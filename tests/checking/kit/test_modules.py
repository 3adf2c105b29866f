"""Modules: recognised however they are written, and their mistakes named."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from autograder.checking.check_result import CheckResult
from autograder.checking.kit import Lab
from autograder.checking.student import InProcess
from tests.checking.kit import recurrent

lab = Lab("recurrent")
lab.module(
    inputs=lambda draw, vocab=27, **_: [draw.integers(vocab, size=(3, 6))],
    sizes=[{}, {"vocab": 11, "hidden": 7}],
    points={"shape": 5, "parameters": 10, "function": 20},
)(recurrent.CharRNN)
lab.module(
    inputs=lambda draw, features=5, **_: [draw.normal(4, 6, features)],
    sizes=[{}, {"features": 8, "classes": 2}],
    points=20,
)(recurrent.Classifier)


def judge(grade_id: str, name: str, answer: Any, seed: int = 1) -> CheckResult:
    return lab.checks[grade_id].judge(InProcess({name: answer}), seed)


@pytest.mark.parametrize("answer", recurrent.RIGHT)
def test_a_gru_scores_full_however_it_is_written(answer: type[nn.Module]) -> None:
    for grade_id in ("char_rnn_shape", "char_rnn_parameters", "char_rnn_function"):
        result = judge(grade_id, "CharRNN", answer)
        assert result.points == result.max_points, (grade_id, result)


@pytest.mark.parametrize(("answer", "name"), recurrent.WRONG)
def test_a_wrong_gru_loses_points_and_is_named(answer: type[nn.Module], name: str) -> None:
    result = judge("char_rnn_function", "CharRNN", answer)
    assert (result.points, result.mistakes) == (0, (name,)), result


@pytest.mark.parametrize("answer", recurrent.RIGHT_CLASSIFIERS)
def test_an_lstm_scores_full_however_it_is_written(answer: type[nn.Module]) -> None:
    assert judge("classifier", "Classifier", answer).points == 20


@pytest.mark.parametrize(("answer", "name"), recurrent.WRONG_CLASSIFIERS)
def test_a_wrong_lstm_loses_points_and_is_named(answer: type[nn.Module], name: str) -> None:
    result = judge("classifier", "Classifier", answer)
    assert (result.points, result.mistakes) == (0, (name,))
