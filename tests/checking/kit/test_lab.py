"""What an author writes: points and who gets some of them, words, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder import CheckFault
from autograder.checking.check_result import CheckResult
from autograder.checking.kit import Draw, Lab
from autograder.checking.student import InProcess
from autograder.checking.trained.exercise import snake_case
from tests.checking.kit.recurrent import CharRNN, HeadWithoutBias


class Block(nn.Module):
    """Three layers, the middle one normalised: (N, 4) -> (N, 3)."""

    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.a, self.norm = nn.Linear(4, width), nn.BatchNorm1d(width)
        self.b, self.c = nn.Linear(width, width), nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.a(x)))
        return self.c(torch.tanh(self.b(x)))


class NoTanh(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(torch.relu(self.norm(self.a(x)))))


class ByHand(Block):
    """The batch's mean and variance written out: what training mode does."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        x = (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()
        return self.c(self.b(torch.relu(x * self.norm.weight + self.norm.bias)).tanh())


def lab_of(**options: Any) -> Lab:
    lab = Lab("blocks")
    lab.module(
        inputs=lambda draw, **_: [draw.normal(6, 4)],
        sizes=[{}, {"width": 7}],
        points={"function": 12},
        **options,
    )(Block)
    return lab


def judge(lab: Lab, grade_id: str, **answers: Any) -> CheckResult:
    return lab.checks[grade_id].judge(InProcess(answers), 4)


def test_layers_that_are_right_earn_their_share_if_the_author_says_so() -> None:
    assert judge(lab_of(), "block_function", Block=NoTanh).points == 0
    result = judge(lab_of(by_layer=True), "block_function", Block=NoTanh)
    assert result.mistakes == ("without-tanh",)
    assert result.points == 9, "three of four layers, each with what follows it"


def test_a_mistake_may_keep_a_share_of_the_points() -> None:
    lab = lab_of()
    lab.say("Block", "without-tanh", name="no-tanh", words="it were flat", credit=0.5)
    result = judge(lab, "block_function", Block=NoTanh)
    assert (result.points, result.mistakes) == (6, ("no-tanh",))
    assert result.advice == "Your network behaves as if it were flat."
    assert lab.lessons["no-tanh"] != ""


def test_training_mode_is_another_function_than_eval_mode() -> None:
    assert judge(lab_of(training=True), "block_function", Block=Block).points == 12
    assert judge(lab_of(training=True), "block_function", Block=ByHand).points == 12
    assert judge(lab_of(), "block_function", Block=Block).points == 12
    assert judge(lab_of(), "block_function", Block=ByHand).points == 0


def test_parameters_are_counted_layer_by_layer() -> None:
    lab = Lab("recurrent")
    inputs = lambda draw, **_: [draw.integers(27, size=(2, 3))]  # noqa: E731
    lab.module(inputs=inputs, sizes=[{}], points={"parameters": 8})(CharRNN)
    assert judge(lab, "char_rnn_parameters", CharRNN=CharRNN).points == 8
    result = judge(lab, "char_rnn_parameters", CharRNN=HeadWithoutBias)
    assert 0 < result.points < 8
    assert result.mistakes == ("layers",)


def test_points_are_shared_or_given_one_by_one() -> None:
    lab = Lab("shares")

    def add(points: Any) -> Lab:
        lab.function(
            inputs=lambda draw, n: [draw.normal(n)],
            sizes={"a few": (3,), "many": (50,)},
            points=points,
        )(double)
        return lab

    def double(x: Tensor) -> Tensor:
        return x * 2

    result = judge(add(7), "double", double=double)
    assert [c.points for c in result.criteria] == [2.5, 2.25, 2.25]
    assert [c.name for c in result.criteria][:2] == ["values for a few", "values for many"]
    result = judge(add({"values": (1, 2, 4)}), "double_values", double=double)
    assert [c.points for c in result.criteria] == [1, 2, 4]
    with pytest.raises(ValueError, match="at most 3 numbers of points"):
        add((1, 2, 3, 4))
    with pytest.raises(ValueError, match="there are: shape, values"):
        add({"value": 3})


def test_an_exercise_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        ValueError, match="no exercise 'Blok' in the lab 'blocks'; there are: Block"
    ):
        lab_of().say("Blok", "x")


def test_a_reference_that_raises_and_one_that_float32_blurs_are_the_authors_fault() -> None:
    lab = Lab("faults")
    options: dict[str, Any] = {"sizes": [(3,)], "points": 4}
    lab.function(inputs=lambda draw, n: [draw.normal(n)], **options)(_raises)
    lab.function(inputs=lambda draw, n: [draw.normal(n) * 1e6], **options)(_blurred)
    with pytest.raises(CheckFault, match="the reference _raises raised RuntimeError: no"):
        judge(lab, "_raises", _raises=_raises)
    with pytest.raises(CheckFault, match=r"the reference _blurred is off by more than .* float32"):
        judge(lab, "_blurred", _blurred=_blurred)


def _raises(x: Tensor) -> Tensor:
    raise RuntimeError("no")


def _blurred(x: Tensor) -> Tensor:
    return torch.sin(x * 1000)


def test_names_of_grade_cells_are_nbgraders() -> None:
    names = ("CharRNN", "causal_attention", "MLP", "LSTMClassifier", "Net2D")
    assert [snake_case(name) for name in names] == [
        *("char_rnn", "causal_attention", "mlp", "lstm_classifier", "net2_d"),
    ]


def test_what_is_drawn_lies_where_it_should() -> None:
    draw = Draw(3)
    assert draw.uniform(100, low=2, high=3).aminmax().min >= 2
    assert set(draw.integers(2, 5, size=(100,)).tolist()) == {2, 3, 4}
    assert set(draw.integers(3, size=(100,)).tolist()) == {0, 1, 2}
    assert 0.1 < draw.booleans(1000, share=0.2).float().mean() < 0.3
    assert Draw(3).normal(4).equal(Draw(3).normal(4))


class TheWholeBatch(Block):
    """Returns something of another shape."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, None, :2]


def test_an_unknown_answer_of_another_shape_is_told_by_its_shape() -> None:
    result = judge(lab_of(), "block_function", Block=TheWholeBatch)
    assert result.points == 0
    assert "It returns (6, 1, 2)" in result.advice
    assert "expected (6, 3)" in result.advice
