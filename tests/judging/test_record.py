"""What is kept of questions and answers: words of limited length, and no values of a challenge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from autograder import StudentFault
from autograder.assignments.mlp import checks as mlp
from autograder.checking import checks
from autograder.checking.student import InProcess
from autograder.judging.record import MAX_QUESTIONS, Recorded


class Answers:
    """A student's side that gives one answer."""

    def __init__(self, fields: Any, **tensors: torch.Tensor) -> None:
        self.memo: dict[Any, Any] = {}
        self._answer = fields, tensors

    def version(self, name: str) -> str:
        return name

    @contextmanager
    def afresh(self) -> Iterator[Answers]:
        yield self

    def cpu_s(self) -> float:
        return 1.0

    def ask(self, verb: str, arguments: Any, tensors: Any) -> Any:
        if isinstance(self._answer[0], Exception):
            raise self._answer[0]
        return self._answer


def test_shapes_kinds_and_ranges_are_kept() -> None:
    given = torch.tensor([[-1.5, 2.0], [torch.inf, torch.nan]])
    recorded = Recorded(Answers({}, output=given))
    sent = torch.full((3, 5), 0.123456)
    recorded.ask("forward", {"handle": "model.3"}, {"images": sent})
    (question,) = recorded.taken()
    assert question == {
        "verb": "forward",
        "asked": "forward images float32 (3, 5)",
        "got": "output float32 (2, 2) in [-1.5, 2], 2 not finite",
    }
    assert recorded.taken() == []


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(0),
        torch.zeros(2, dtype=torch.complex64),
        torch.ones(2, dtype=torch.bool),
        torch.ones(3, dtype=torch.int64),
        torch.ones(3).to(torch.float8_e4m3fn),
        torch.zeros(3, device="meta"),
        torch.full((2,), torch.nan),
    ],
)
def test_any_tensor_can_be_told_of(tensor: torch.Tensor) -> None:
    recorded = Recorded(Answers({}, output=tensor))
    recorded.ask("call", {"name": "f"}, {})
    assert recorded.taken()[0]["got"].startswith("output ")


def test_an_error_and_no_answer_are_kept() -> None:
    error = {"type": "TypeError", "message": "no\x1b[2J", "line": "x + 1"}
    recorded = Recorded(Answers({"error": error}))
    recorded.ask("call", {"name": "f"}, {})
    assert recorded.taken()[0]["got"] == "raised TypeError, no [2J, x + 1"
    recorded = Recorded(Answers(StudentFault("it took too long")))
    with pytest.raises(StudentFault):
        recorded.ask("call", {"name": "f"}, {})
    assert recorded.taken()[0]["got"] == "no answer: it took too long"


def test_what_is_kept_is_small() -> None:
    tensors = {f"{'long' * 50}{number}": torch.zeros(1) for number in range(1000)}
    recorded = Recorded(Answers({}, **tensors))
    for _ in range(1000):
        recorded.ask("state", {}, {})
    kept = recorded.taken()
    assert (len(kept), kept[-1]["asked"]) == (MAX_QUESTIONS + 1, "970 more questions")
    assert len(json.dumps(kept)) < 30_000


def test_a_check_gives_the_same_verdict_and_no_value_of_a_challenge_is_kept() -> None:
    recorded = Recorded(InProcess(mlp.honest()))
    assert checks.run("mlp", "training_step", recorded, 5).points == 20
    assert recorded.cpu_s() > 0
    first = recorded.taken()[0]
    assert first["asked"].startswith("call name=training_step, 0 float32 (5, 20), 1 float32")
    assert "in [" not in first["asked"]
    assert "output float32 (5, 20) in [" in first["got"]
