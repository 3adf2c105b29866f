"""The student's side as the checks see it: something that answers requests with data.

A check is written once, against `StudentSide`. There are two of them: `InProcess` here, and the
sandboxed kernel of `session.py`. What comes back is a claim, never a verdict.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from autograder import StudentFault as StudentFault
from autograder.checking.challenge import derive_seed
from autograder.inside.probe import Answer, Probe
from course_utils.error_hints import hint
from course_utils.protocol import NO_PADDING, Padding
from course_utils.protocol import Protocol as TrainingProtocol

MAX_PARAMETERS = 1000
_MAX_RANK = 8
_MAX_CHARACTERS = 400
STUB = "raise NotImplementedError()"  # what nbgrader puts in the place of a solution


class StudentSide(Protocol):
    """The student's side: asked for data, gives data.

    Attributes:
        memo: what checks of one submission share, such as training runs.
    """

    memo: dict[Hashable, Any]

    def version(self, name: str) -> Hashable:
        """Return something that changes when the student's object `name` may have changed."""

    def cpu_s(self) -> float:
        """Return the processor time that the student's side has used so far, in seconds."""

    def afresh(self) -> AbstractContextManager[StudentSide]:
        """Open the student's side once more: its cells ran there, and it saw nothing else.

        What one of the two is asked the other never learns.
        """

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the probe's answer: JSON fields and tensors.

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
        """Return the object itself."""
        return self._namespace.get(name)

    def cpu_s(self) -> float:
        """Return the processor time of this process, in seconds."""
        return time.process_time()

    @contextmanager
    def afresh(self) -> Iterator[InProcess]:
        """Yield another probe of the same variables: a process of its own is not to be had here."""
        yield InProcess(self._namespace)

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the probe's answer."""
        return self._probe.answer(verb, arguments, tensors)


@dataclass(frozen=True)
class ParameterInfo:
    """What the student's side says of one parameter.

    Attributes:
        name: dotted.
        shape: of the tensor.
        owner: the dotted name of the module that holds it, "" for the model itself.
        kind: the name of that module's class: a hint for naming mistakes, nothing more.
    """

    name: str
    shape: tuple[int, ...]
    owner: str
    kind: str = ""


@dataclass(frozen=True)
class Returned:
    """What the student's code returned.

    Attributes:
        tensors: it, or those that it holds.
        fault: what it is, in a sentence, if it is no tensor; else "".
    """

    tensors: Sequence[Tensor]
    fault: str = ""

    def tensor(self) -> Tensor:
        """Return the tensor that was returned.

        Raises:
            StudentFault: it was something else.
        """
        if self.fault:
            raise StudentFault(self.fault)
        return self.tensors[0]

    def likeliest(self, shape: Collection[int]) -> Tensor:
        """Return the tensor that was meant: the first of a shape, or the last one.

        Raises:
            StudentFault: there is none.
        """
        if not self.tensors:
            raise StudentFault(self.fault)
        return next((t for t in self.tensors if t.shape == shape), self.tensors[-1])


def call(
    student: StudentSide, name: str, *arguments: Tensor, seed: int | None = None
) -> tuple[Tensor, list[Tensor]]:
    """Return what the student's function `name` returns, and its arguments as it left them.

    Raises:
        StudentFault: it returns no tensor.
    """
    returned, after = call_for_any(student, name, *arguments, seed=seed)
    return returned.tensor(), after


def call_for_any(
    student: StudentSide, name: str, *arguments: Tensor, seed: int | None = None
) -> tuple[Returned, list[Tensor]]:
    """Return what the student's function `name` returns, and its arguments as it left them.

    Args:
        student: whose.
        name: of the function.
        arguments: its arguments.
        seed: of torch's global generator before the call; None leaves that as it is.
    """
    about = {"name": name} if seed is None else {"name": name, "seed": seed}
    answer = asked(student, "call", about, dict(_numbered(arguments)), name)
    after = [take(answer[1], f"after.{i}") for i in range(len(arguments))]
    return _returned(answer, name), after


def steps_of(
    student: StudentSide, name: str, *arguments: Tensor, seed: int
) -> tuple[list[Tensor], Returned]:
    """Return what PyTorch's functions took and gave in the student's function, and its result.

    Args:
        student: whose.
        name: of the function.
        arguments: its arguments.
        seed: of torch's global generator before the call.

    Raises:
        StudentFault: there is no result.
    """
    about = {"name": name, "seed": seed}
    answer = asked(student, "steps", about, dict(_numbered(arguments)), name)
    keys = sorted((k for k in answer[1] if k.startswith("seen.")), key=_number)
    return [take(answer[1], key) for key in keys], _returned(answer, name)


class Model:
    """A model on the student's side, built by calling the student's class.

    Args:
        student: whose.
        name: the class, for instance "Net".
        arguments: its keyword arguments.
        seed: of torch's global generator before the model is built.
        sample: a batch of two inputs, from which lazy layers learn their sizes.

    Raises:
        StudentFault: it cannot be built.
    """

    _handles = itertools.count()

    def __init__(
        self,
        student: StudentSide,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        sample: Tensor | None = None,
    ) -> None:
        self._student, self._name = student, name
        self._handle, self._trains = f"model.{next(self._handles)}", False
        fields, _ = self._ask(
            "build",
            {"name": name, "arguments": arguments or {}, "seed": seed},
            {} if sample is None else {"sample": sample},
        )
        self.parameters = parameter_list(fields.get("parameters"))

    def forward(self, images: Tensor) -> Tensor:
        """Return the output for a batch of images, in eval mode.

        Raises:
            StudentFault: it is no tensor.
        """
        return self.forward_for_any(images).tensor()

    def forward_for_any(self, images: Tensor) -> Returned:
        """Return what it returns for a batch of images, in eval mode."""
        return _returned(self._ask("forward", tensors={"images": images}), "forward")

    def trace(self, images: Tensor) -> list[Tensor]:
        """Return what went in and out of its steps in their order, until the first error."""
        _, tensors = self._ask("trace", tensors={"images": images})
        return [take(tensors, name) for name in sorted(tensors, key=_number)]

    def reached(self, images: Tensor) -> frozenset[str]:
        """Return the names of the parameters that a gradient of the output reaches: they learn."""
        fields, _ = self._ask("reached", tensors={"images": images})
        names = fields.get("reached")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise StudentFault("the list of parameters was malformed")
        return frozenset(names)

    def state(self) -> dict[str, Tensor]:
        """Return every parameter and buffer by name, in the same order on every student's side."""
        _, tensors = self._ask("state")
        return {name: take(tensors, name) for name in sorted(tensors)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy `state` into the parameters and buffers of the same names."""
        self._ask("load", tensors=state)

    def train(
        self,
        inputs: Tensor,
        labels: Tensor,
        *,
        protocol: TrainingProtocol,
        seed: int,
        steps: int,
        padding: Padding = NO_PADDING,
    ) -> None:
        """Train for `steps` more steps of the protocol: see `course_utils.protocol.Training`.

        Inputs and labels go to the student's side once: those of the first call count.
        """
        about = {"protocol": asdict(protocol), "seed": seed, "steps": steps, "padding": padding}
        self._ask("train", about, {} if self._trains else {"inputs": inputs, "labels": labels})
        self._trains = True

    def predict(self, inputs: Tensor, padding: Padding = NO_PADDING) -> Tensor:
        """Return logits (N, K) for inputs (N, ...) uint8 or float32, with zeros laid around."""
        _, tensors = self._ask("predict", {"padding": padding}, {"inputs": inputs})
        return take(tensors, "logits")

    def _ask(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Tensor] | None = None,
    ) -> Answer:
        about = {"handle": self._handle, **(arguments or {})}
        return asked(self._student, verb, about, tensors or {}, self._name)


def asked(
    student: StudentSide,
    verb: str,
    arguments: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    name: str,
) -> Answer:
    """Return the student's answer.

    Args:
        student: whose.
        verb: of the probe.
        arguments: of the verb, as JSON. In place of a seed goes another one, which tells nothing
            of the judge's own.
        tensors: of the verb, by name.
        name: the student's for what is asked.

    Raises:
        StudentFault: the student's code raised.
    """
    if "seed" in arguments:
        given_away = derive_seed("the student's side", arguments["seed"])
        arguments = {**arguments, "seed": given_away}
    fields, answer = student.ask(verb, arguments, tensors)
    error = fields.get("error")
    if error is not None:
        raise StudentFault(error_text(error, name))
    return fields, answer


def parameter_list(listed: Any) -> list[ParameterInfo]:
    """Return what the student's side says of its parameters, looked through.

    Raises:
        StudentFault: it is no such list.
    """
    if not isinstance(listed, list) or len(listed) > MAX_PARAMETERS:
        raise StudentFault(f"expected a list of at most {MAX_PARAMETERS} parameters")
    parameters = []
    for entry in listed:
        shape = entry.get("shape") if isinstance(entry, dict) else None
        names = [entry.get(key) for key in ("name", "owner", "kind")] if shape is not None else []
        if not isinstance(shape, list) or not all(isinstance(name, str) for name in names):
            raise StudentFault("the list of parameters was malformed")
        if len(shape) > _MAX_RANK or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise StudentFault("a parameter's shape was malformed")
        if not all(name.isprintable() and len(name) <= _MAX_CHARACTERS for name in names):
            raise StudentFault("a parameter's name was malformed")
        parameters.append(ParameterInfo(names[0], tuple(shape), names[1], names[2]))
    if len({p.name for p in parameters}) < len(parameters):
        raise StudentFault("two parameters have the same name")
    return parameters


def error_text(error: Any, name: str) -> str:
    """Return in one sentence what went wrong on the student's side, and what to do about it.

    Args:
        error: what the probe says of an exception; "because" is the judge's own word.
        name: of the student's object that was called.
    """
    if not isinstance(error, dict):
        return "your code failed without a message"
    kind, message, line = (_plain(error.get(key, "")) for key in ("type", "message", "line"))
    because = error.get("because", "")
    if kind == "WrongKind" or (kind == "Missing" and not because):
        return message
    if kind == "Missing":
        return f"{message.split(':')[0]}. {because}"
    if is_stub(error, name):
        return because or "this exercise is not implemented yet"
    text = f"your code raised {kind}" + (f": {message}" if message else "")
    text += f" at `{line}`" if line else ""
    advice = because or hint(message, name)
    return f"{text}. {advice}" if advice else text


def returned_no_tensor(fault: str) -> bool:
    """Return whether a fault is that the student's code ran, and gave back no tensor."""
    return re.fullmatch(r"expected \w+\(\.\.\.\) to return a tensor, got .*", fault) is not None


def is_stub(error: Mapping[str, Any], asked: str) -> bool:
    """Return whether what failed is the release's own stub, in what was asked for.

    Args:
        error: what the probe says of an exception.
        asked: the student's name for it.
    """
    if error.get("type") != "NotImplementedError" or error.get("message"):
        return False
    line, place = error.get("line", ""), str(error.get("place", "")).split(".")[0]
    return line in ("", STUB, STUB.removesuffix("()")) and place in ("", asked)


def _plain(text: Any) -> str:
    """Return text from the other side as one printable line of limited length."""
    shown = text[:_MAX_CHARACTERS] if isinstance(text, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in shown).split())


def _number(key: str) -> int:
    """Return the number behind a key's last dot; one that has none comes first.

    A message gives its tensors in the order of their names: "10" before "9".
    """
    number = key.rpartition(".")[2]
    return int(number) if re.fullmatch("[0-9]{1,6}", number) else 0


def _numbered(tensors: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
    return [(str(index), tensor.clone()) for index, tensor in enumerate(tensors)]


def as_logits(output: Tensor, count: int, classes: int) -> Tensor:
    """Return an answer that is to be logits: (count, classes), of floating-point numbers.

    Raises:
        StudentFault: it is something else.
    """
    if tuple(output.shape) == (count, classes) and output.is_floating_point():
        return output
    got = f"{tuple(output.shape)} of {str(output.dtype).removeprefix('torch.')}"
    text = f"in eval mode, expected logits {(count, classes)} of float32, got {got}"
    if not output.is_floating_point():
        text += ". Return the logits themselves, not the class with the largest one"
    raise StudentFault(text)


def _returned(answer: Answer, name: str) -> Returned:
    fields, tensors = answer
    if "kind" not in fields:
        return Returned([take(tensors, "output")])
    fault = f"expected {name}(...) to return a tensor, got {_plain(fields['kind'])}"
    held = [take(tensors, key) for key in tensors if key.startswith("held.")]
    return Returned(held, fault)


def take(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """Return one tensor of an answer as a plain one: dense, real, on the CPU.

    Raises:
        StudentFault: it is not there, or of another kind.
    """
    tensor = tensors.get(name)
    if not isinstance(tensor, Tensor):
        raise StudentFault(f"the answer lacks the tensor {name!r}")
    with torch.no_grad():
        kind = f"{tensor.layout}" if tensor.layout != torch.strided else f"{tensor.dtype}"
        odd = tensor.is_quantized or tensor.is_complex() or tensor.is_meta or tensor.is_nested
        if odd or tensor.layout != torch.strided:
            raise StudentFault(
                f"expected a dense tensor of real numbers, got {kind.removeprefix('torch.')}"
            )
        # A copy: in one process the answer may be the network's own parameter, which changes.
        return tensor.detach().cpu().as_subclass(Tensor).clone()
