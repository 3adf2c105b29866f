"""The student's function and network as the kit asks them: any arguments, any outputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.checking.student import (
    Answer,
    ParameterInfo,
    StudentFault,
    StudentSide,
    asked,
    parameter_list,
    take,
)
from autograder.inside.structure import OddStructure, pack, unpack

MAX_ENTRIES = 3_000_000  # of all parameters: what fits into one message
_handles = itertools.count()


def apply(student: StudentSide, name: str, inputs: Sequence[Any]) -> tuple[Any, list[Tensor]]:
    """Return what a function returns, and the tensors of its arguments as it left them.

    Args:
        student: whose.
        name: of the function.
        inputs: values of any structure.

    Raises:
        StudentFault: there is no usable answer.
    """
    structure, tensors = pack(list(inputs), "input")
    sent = {key: tensor.clone() for key, tensor in tensors.items()}
    fields, answer = asked(student, "apply", {"name": name, "inputs": structure}, sent, name)
    return _output(fields, answer), [take(answer, f"after.{key}") for key in tensors]


class Network:
    """A network of any class on the student's side.

    Args:
        student: whose.
        name: of the class.
        arguments: of its constructor.
        seed: of torch's global generator before it is built.
        inputs: arguments of `forward`, from which lazy layers learn their sizes.

    Attributes:
        parameters: what the student's side says of them.

    Raises:
        StudentFault: it cannot be built, or is far too large.
    """

    def __init__(
        self,
        student: StudentSide,
        name: str,
        arguments: Mapping[str, Any],
        seed: int,
        inputs: Sequence[Any],
    ) -> None:
        self._student, self._name = student, name
        self._handle = f"network.{next(_handles)}"
        structure, tensors = pack(list(inputs), "sample")
        about = {"name": name, "arguments": dict(arguments), "seed": seed, "inputs": structure}
        fields, _ = self._ask("build", about, tensors)
        self.parameters: list[ParameterInfo] = parameter_list(fields.get("parameters"))
        if any(0 in parameter.shape for parameter in self.parameters):
            raise StudentFault("a parameter of your network has no entries")
        count = sum(torch.Size(parameter.shape).numel() for parameter in self.parameters)
        if count > MAX_ENTRIES:
            raise StudentFault(f"your network is far too large: it has {count:,} parameters")

    def buffers(self) -> dict[str, Tensor]:
        """Return every tensor that is no parameter, by name."""
        _, tensors = self._ask("state", {}, {})
        known = {parameter.name for parameter in self.parameters}
        return {name: take(tensors, name) for name in sorted(tensors) if name not in known}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy tensors into the parameters and buffers of the same names."""
        self._ask("load", {}, {name: tensor.float() for name, tensor in state.items()})

    def run(self, inputs: Sequence[Any], *, training: bool = False) -> Any:
        """Return the output for any arguments, in eval or in training mode."""
        structure, tensors = pack(list(inputs), "input")
        sent = {key: tensor.clone() for key, tensor in tensors.items()}
        fields, answer = self._ask("run", {"inputs": structure, "training": training}, sent)
        return _output(fields, answer)

    def _ask(
        self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> Answer:
        about = {"handle": self._handle, **arguments}
        return asked(self._student, verb, about, tensors, self._name)


def _output(fields: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    named = {name: take(tensors, name) for name in tensors if name.startswith("output")}
    try:
        return unpack(fields.get("output"), named)
    except OddStructure as odd:
        raise StudentFault(f"the answer could not be read: {odd}") from odd
