"""The student's side as the checks see it: something that answers requests with data.

A check is written once, against `Student`. There are two of them: `InProcess` here, and the
sandboxed kernel of `session.py`. What comes back is a claim, never a verdict.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from autograder.probe import Answer, Probe
from course_utils.training import IMAGE_SIZE
from course_utils.training import Protocol as TrainingProtocol


class StudentFault(Exception):
    """The hand-in did something wrong; the message is for the student."""


class GraderFault(Exception):
    """The grader's own machine or code failed: never costs a student points."""


class Student(Protocol):
    """The student's side: asked for data, gives data.

    Attributes:
        memo: what checks of one submission share, such as training runs.
    """

    memo: dict[Hashable, Any]

    def version(self, name: str) -> Hashable:
        """Returns something that changes when the student's object `name` may have changed."""

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Returns the probe's answer: JSON fields and tensors.

        Raises:
            StudentFault: there is no usable answer, and it is the hand-in's doing.
            GraderFault: there is no answer, and it is not.
        """


class InProcess:
    """A student in this very process: stock nbgrader's trust.

    Args:
        namespace: the student's variables.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.memo: dict[Hashable, Any] = {}
        self._namespace = namespace
        self._probe = Probe(namespace)

    def version(self, name: str) -> Hashable:
        """Returns the object itself."""
        return self._namespace.get(name)

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Returns the probe's answer."""
        return self._probe.answer(verb, arguments, tensors)


@dataclass(frozen=True)
class ParameterInfo:
    """What the student's side says of one parameter: its dotted name, shape and owning module."""

    name: str
    shape: tuple[int, ...]
    owner: str


def call(student: Student, name: str, *arguments: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Returns what the student's function `name` returns, and its arguments as it left them."""
    _, tensors = _ask(student, "call", {"name": name}, dict(_numbered(arguments)))
    return _take(tensors, "output"), [_take(tensors, f"after.{i}") for i in range(len(arguments))]


class Model:
    """A model on the student's side, built by calling the student's class.

    Args:
        student: whose.
        name: the class, for instance "Net".
        arguments: its keyword arguments.
        seed: of torch's global generator before the model is built.

    Raises:
        StudentFault: it cannot be built.
    """

    _handles = itertools.count()

    def __init__(self, student: Student, name: str, seed: int = 0, **arguments: int) -> None:
        self._student = student
        self._handle = f"model.{next(self._handles)}"
        sample = torch.zeros(2, 1, IMAGE_SIZE, IMAGE_SIZE)
        fields, _ = _ask(
            student,
            "build",
            {"name": name, "handle": self._handle, "arguments": arguments, "seed": seed},
            {"sample": sample},
        )
        try:
            self.parameters = [
                ParameterInfo(str(p["name"]), tuple(int(n) for n in p["shape"]), str(p["owner"]))
                for p in fields["parameters"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise StudentFault("the list of parameters was malformed") from error

    def forward(self, images: Tensor) -> Tensor:
        """Returns the logits for `images` (N, 1, 56, 56) float32, in eval mode."""
        _, tensors = self._ask("forward", tensors={"images": images})
        return _take(tensors, "output")

    def trace(self, images: Tensor) -> list[tuple[str, Tensor]]:
        """Returns (name, output) of each submodule in the order of the calls."""
        fields, tensors = self._ask("trace", tensors={"images": images})
        names = fields.get("names")
        if not isinstance(names, list) or len(names) != len(tensors):
            raise StudentFault("the list of layers was malformed")
        return [(str(name), _take(tensors, str(i))) for i, name in enumerate(names)]

    def state(self) -> dict[str, Tensor]:
        """Returns every parameter and buffer by name."""
        return self._ask("state")[1]

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Returns nothing; copies `state` into the parameters and buffers of the same names."""
        self._ask("load", tensors=state)

    def train(
        self, digits: Tensor, labels: Tensor, *, protocol: TrainingProtocol, seed: int, steps: int
    ) -> None:
        """Returns nothing; trains for `steps` more steps of the protocol."""
        self._ask(
            "train",
            {"protocol": asdict(protocol), "seed": seed, "steps": steps},
            {"digits": digits, "labels": labels},
        )

    def predict(self, digits: Tensor, quadrant: str) -> Tensor:
        """Returns logits (N, K) for `digits` (N, 28, 28) uint8 placed in `quadrant`."""
        _, tensors = self._ask("predict", {"quadrant": quadrant}, {"digits": digits})
        return _take(tensors, "logits")

    def _ask(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Tensor] | None = None,
    ) -> Answer:
        return _ask(
            self._student, verb, {"handle": self._handle, **(arguments or {})}, tensors or {}
        )


def _ask(
    student: Student, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Answer:
    fields, answer = student.ask(verb, arguments, tensors)
    error = fields.get("error")
    if error is not None:
        raise StudentFault(_error_text(error))
    return fields, answer


def _error_text(error: Any) -> str:
    if not isinstance(error, dict):
        return "your code failed without a message"
    kind, message, line = (str(error.get(key, "")) for key in ("type", "message", "line"))
    if kind in ("Missing", "WrongKind"):
        return message
    if kind == "NotImplementedError":
        return "this exercise is not implemented yet"
    where = f" at `{line.strip()}`" if line else ""
    return (
        f"your code raised {kind}: {message}{where}"
        if message
        else f"your code raised {kind}{where}"
    )


def _numbered(tensors: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
    return [(str(index), tensor.clone()) for index, tensor in enumerate(tensors)]


def _take(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise StudentFault(f"the answer lacks the tensor {name!r}")
    return tensors[name].detach()
