"""The second assignment: honest rewrites score full, mutants lose points and are named."""

from __future__ import annotations

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.checking import checks
from autograder.checking.check_result import CheckResult
from autograder.checking.student import InProcess
from autograder.course.course import open_course
from autograder.prepare import check_assignment
from tests.conftest import ROOT


def judge(grade_id: str, **namespace: object) -> CheckResult:
    return checks.run("mlp", grade_id, InProcess(namespace), 1)


class MLP(nn.Module):
    def __init__(self, num_hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.first = nn.Linear(56 * 56, num_hidden)
        self.second = nn.Linear(num_hidden, num_classes)

    def between(self, x: Tensor) -> Tensor:
        return torch.relu(x)

    def last(self, x: Tensor) -> Tensor:
        return x

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.second(self.between(self.first(images.flatten(1)))))


class Lazy(nn.Module):
    def __init__(self, num_hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.out = nn.Linear(num_hidden, num_classes)
        self.rest = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_hidden), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rest(x))


class NoReLU(MLP):
    def between(self, x: Tensor) -> Tensor:
        return x


class Tanh(MLP):
    def between(self, x: Tensor) -> Tensor:
        return x.tanh()


class Softmax(MLP):
    def last(self, x: Tensor) -> Tensor:
        return x.softmax(dim=1)


class Negated(MLP):
    def last(self, x: Tensor) -> Tensor:
        return -x


class FixedSize(MLP):
    def __init__(self, num_hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__(32, num_classes)


class NoBias(MLP):
    def __init__(self, num_hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__(num_hidden, num_classes)
        self.first = nn.Linear(56 * 56, num_hidden, bias=False)


@pytest.mark.parametrize("network", [MLP, Lazy])
def test_right_networks_score_full_however_written(network: type[nn.Module]):
    assert judge("mlp_shape", MLP=network).points == 5
    assert judge("mlp_function", MLP=network).points == 20


@pytest.mark.parametrize(
    ("network", "mistake"),
    [
        (NoReLU, "missing-relu"),
        (Tanh, "tanh"),
        (Softmax, "extra-softmax"),
        (Negated, "unknown"),
        (NoBias, "layers"),
    ],
)
def test_wrong_networks_lose_all_and_are_named(network: type[nn.Module], mistake: str):
    result = judge("mlp_function", MLP=network)
    assert (result.points, result.mistakes) == (0, (mistake,))
    assert result.advice


def test_a_size_that_is_written_out_costs_the_other_sizes():
    result = judge("mlp_function", MLP=FixedSize)
    assert result.points == 15
    assert "(9, 3136), (9,), (6, 9), (6,)" in result.advice


def by_hand(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    error = (images @ weight.T).softmax(dim=1)
    error[torch.arange(len(labels)), labels] -= 1
    return weight - learning_rate * (error.T @ images) / len(images)


def by_autograd(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    weight = weight.clone().requires_grad_()
    F.cross_entropy(images @ weight.T, labels).backward()
    assert weight.grad is not None
    return (weight - learning_rate * weight.grad).detach()


def by_loop(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    gradient = torch.zeros_like(weight)
    for image, label in zip(images, labels, strict=True):
        logits = weight @ image
        powers = (logits - logits.max()).exp()
        error = powers / powers.sum()
        error[label] -= 1
        gradient += torch.outer(error, image) / len(images)
    return weight - learning_rate * gradient


@pytest.mark.parametrize("step", [by_hand, by_autograd, by_loop])
def test_right_steps_score_full_however_written(step: object):
    assert judge("training_step", training_step=step).points == 20


def summed(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    return by_hand(weight, images, labels, learning_rate * len(images))


def uphill(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    return by_hand(weight, images, labels, -learning_rate)


def unstable(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    error = (images @ weight.T).exp()
    error = error / error.sum(dim=1, keepdim=True) - F.one_hot(labels, len(weight))
    return weight - learning_rate * (error.T @ images) / len(images)


def in_place(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    return weight.copy_(by_hand(weight, images, labels, learning_rate))


@pytest.mark.parametrize(
    ("step", "mistake", "points"),
    [
        (summed, "step-sum", 0),
        (uphill, "step-uphill", 0),
        (unstable, "step-overflow", 17),
        (in_place, "step-in-place", 17),
    ],
)
def test_wrong_steps_lose_points_and_are_named(step: object, mistake: str, points: float):
    result = judge("training_step", training_step=step)
    assert (result.points, result.mistakes) == (points, (mistake,))


def test_what_is_not_written_scores_nothing():
    for grade_id in ("mlp_shape", "mlp_function", "training_step"):
        assert judge(grade_id).points == 0


def test_source_and_release_fit_together_and_nothing_leaks():
    source = nbformat.read(ROOT / "source" / "mlp" / "mlp.ipynb", 4)
    course = open_course(ROOT)
    release = check_assignment.fresh_release(course, "mlp")
    found = [
        *check_assignment.grade_cells(source, "mlp"),
        check_assignment.hidden_tests(source, "mlp"),
        check_assignment.leaks(source, release),
        check_assignment.committed(course, "mlp", release),
    ]
    assert [finding for finding in found if finding.good is not True] == []
