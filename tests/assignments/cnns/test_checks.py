"""The cells that are judged here and not in a module of their own: shapes and sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from autograder import GraderFault
from autograder.checking import checks
from autograder.checking.check_result import CheckResult
from autograder.checking.student import InProcess
from tests.assignments.cnns.networks import FullyConnected, PaddedPooling
from tests.assignments.cnns.short_runs import train_shortly


def _judge(grade_id: str, **namespace: object) -> CheckResult:
    return checks.run("cnns", grade_id, InProcess(namespace), 1)


class Unfinished(nn.Module):
    """The stub of the release."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        raise NotImplementedError


class WithBuffer(PaddedPooling):
    """Keeps more numbers than Net has parameters in a buffer."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        self.register_buffer("table", torch.zeros(70_000))


class HidesParameters(nn.Module):
    """Claims to have no parameters but one."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.large = nn.Linear(56 * 56, 100)
        self.small = nn.Linear(100, num_classes)

    def parameters(self, recurse: bool = True):
        """Yield one of them."""
        yield self.small.bias

    def named_parameters(self, *arguments: object, **options: object):
        """Yield one of them."""
        yield "small.bias", self.small.bias

    def state_dict(self, *arguments: object, **options: object) -> dict[str, Tensor]:
        """Return one of them."""
        return {"small.bias": self.small.bias}


@pytest.mark.parametrize("network", [FullyConnected, PaddedPooling])
def test_an_improved_net_of_the_right_shape_and_size_scores_full(
    network: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_shortly(monkeypatch)
    assert _judge("improved_shape", ImprovedNet=network).points == 5
    assert _judge("improved_parameters", ImprovedNet=network).points == 5


@pytest.mark.parametrize(
    ("network", "got", "largest"),
    [
        (lambda **sizes: nn.Linear(300, 300), "90,300", "`weight` holds most, 90,000"),
        (WithBuffer, "buffers included", "`table` holds most, 70,000"),
        (HidesParameters, "314,710", "`large.weight` holds most, 313,600"),
        (lambda **sizes: nn.ReLU(), "0", "no parameters"),
    ],
)
def test_what_is_as_large_as_net_is_counted_however_it_is_kept(
    network: type, got: str, largest: str
) -> None:
    result = _judge("improved_parameters", ImprovedNet=network)
    assert result.points == 0
    assert got in result.criteria[0].got
    assert largest in result.advice


@pytest.mark.parametrize(
    "grade_id", ["improved_shape", "net_shape", "conv_pool_conv_shape", "conv_pool_conv_values"]
)
def test_what_is_not_written_yet_is_called_so_in_the_same_words(grade_id: str) -> None:
    unfinished = dict.fromkeys(("ImprovedNet", "Net", "conv_pool_conv"), Unfinished)
    result = _judge(grade_id, **unfinished)
    assert (result.points, result.reason) == (0, "this exercise is not implemented yet")
    assert _judge(grade_id).advice.endswith(
        "is not defined: did its cell fail, or was its name changed?"
    )


def test_classes_written_out_lose_that_criterion_alone() -> None:
    class Ten(PaddedPooling):
        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__(num_channel, 10)

    result = _judge("improved_shape", ImprovedNet=Ten)
    assert result.points == 3
    assert "num_classes" in result.advice


def test_a_check_that_is_missing_is_the_graders_fault() -> None:
    for assignment, grade_id in (("cnns", "no_such_cell"), ("no_such", "net_shape"), ("../x", "y")):
        with pytest.raises(GraderFault):
            checks.run(assignment, grade_id, InProcess({}), 1)
