"""Forged answers: what a hand-in may send in place of an honest answer, of every verb."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from autograder import StudentFault
from autograder.checking.student import InProcess
from autograder.inside import wire
from autograder.inside.probe import Answer

NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 7, 2**31, 2**39, 2**63, -(2**63), 10**89, 0.5, 1e308, -0.0),
    *("", "1", "x" * 500, "\x1b[31m", "\u202e", "é", "<img>", None, True, False, [], {}, [[]]),
    {"type": "Missing", "message": [1], "line": {}},
)
MESSAGES = (
    "mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})",
    "shape '[-1, {}]' is invalid for input of size {}",
    "Given groups=1, weight of size [{}, {}, 5, 5], expected input to have {} channels, but got "
    "{} channels instead",
    "unexpected keyword argument 'num_channel'",
)
DTYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.uint8, torch.bool),
)
VALUES = (0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 3e38, 1e-45, 65504.0)


class Forger:
    """A student's side that answers as an honest one would, and forges some of it.

    Args:
        namespace: an honest student's.
        rng: what is forged, and how.
        share: of the answers that are forged.
    """

    def __init__(self, namespace: Mapping[str, Any], rng: random.Random, share: float) -> None:
        self.memo: dict[Hashable, Any] = {}
        self.forged: list[str] = []
        self._honest, self._rng, self._share = InProcess(namespace), rng, share

    def version(self, name: str) -> Hashable:
        return name

    @contextmanager
    def afresh(self) -> Iterator[Forger]:
        yield self

    def cpu_s(self) -> float:
        return 0.0

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        # Nothing is trained: what comes of that is forged, or not, like any other answer.
        answer = ({}, {}) if verb == "train" else self._honest.ask(verb, arguments, tensors)
        if self._rng.random() > self._share:
            return answer
        self.forged.append(verb)
        fields, sent = forge(copy.deepcopy(answer[0]), dict(answer[1]), self._rng)
        return through_the_wire(fields, sent)


class Wired(InProcess):
    """A student in this process, whose answers go through a message all the same."""

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        return through_the_wire(*super().ask(verb, arguments, dict(tensors)))


def through_the_wire(fields: Any, tensors: dict[str, Tensor]) -> Answer:
    """Return what of an answer reaches the judge.

    Raises:
        StudentFault: nothing does.
    """
    try:
        return wire.decode(wire.encode(fields, tensors))
    except (wire.WireError, TypeError, ValueError, RuntimeError) as error:
        raise StudentFault(str(error)) from error


def forge(fields: Any, tensors: dict[str, Tensor], rng: random.Random) -> tuple[Any, Any]:
    """Return an answer with one thing changed, or a few."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if tensors and rng.random() < 0.7:
            rng.choice(_OF_TENSORS)(tensors, rng)
        else:
            forged = _forged_json(fields, rng)
            fields = forged if isinstance(forged, dict) else {"parameters": forged}
            if rng.random() < 0.2:
                fields["error"] = _error(rng)
    return fields, tensors


def _error(rng: random.Random) -> Any:
    """Return what stands for an exception: one of PyTorch's messages, with any numbers."""
    if rng.random() < 0.3:
        return copy.deepcopy(rng.choice(NUMBERS))
    numbers = [rng.choice((0, 1, 2, 32, 1936, 10**30, "9" * 90, "")) for _ in range(4)]
    message = rng.choice(MESSAGES).format(*numbers)
    return {"type": rng.choice(("RuntimeError", "Missing", "")), "message": message, "line": "x"}


def _forged_json(value: Any, rng: random.Random) -> Any:
    """Return a JSON value with something in it replaced, left out or repeated."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _forged_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        index = rng.randrange(len(value))
        way = rng.random()
        if way < 0.1:
            return value[:index]
        if way < 0.2:
            return [*value, value[index]]
        if way < 0.25:
            return value * rng.choice((2, 50))
        return [*value[:index], _forged_json(value[index], rng), *value[index + 1 :]]
    return copy.deepcopy(rng.choice(NUMBERS))


def _some(tensors: dict[str, Tensor], rng: random.Random) -> str:
    return rng.choice(list(tensors))


def _other_shape(tensors: dict[str, Tensor], rng: random.Random) -> None:
    shape = [rng.choice((0, 1, 2, 3, 10)) for _ in range(rng.randrange(7))]
    tensors[_some(tensors, rng)] = torch.rand(shape)


def _other_dtype(tensors: dict[str, Tensor], rng: random.Random) -> None:
    name = _some(tensors, rng)
    tensors[name] = tensors[name].detach().to(rng.choice(DTYPES))


def _other_values(tensors: dict[str, Tensor], rng: random.Random) -> None:
    name = _some(tensors, rng)
    tensor = tensors[name].detach().clone()
    if tensor.is_floating_point() and tensor.numel():
        flat = tensor.reshape(-1)
        flat[: rng.choice((1, flat.numel()))] = rng.choice(VALUES)
        tensor = flat.reshape(tensor.shape)
    tensors[name] = tensor


def _rearranged(tensors: dict[str, Tensor], rng: random.Random) -> None:
    name = _some(tensors, rng)
    tensor = tensors[name].detach()
    ways: list[Callable[[], Tensor]] = [
        lambda: tensor.flatten(),
        lambda: tensor[None],
        lambda: tensor.sum(),
        lambda: tensor.reshape(-1)[:0],
        lambda: tensor.transpose(0, -1) if tensor.dim() else tensor,
        lambda: tensor.float().argmax(dim=-1) if tensor.numel() and tensor.dim() else tensor,
        lambda: tensor[:1] if tensor.dim() else tensor,
        lambda: torch.cat([tensor, tensor]) if tensor.dim() else tensor,
        lambda: tensor[..., :-1] if tensor.dim() else tensor,
    ]
    tensors[name] = rng.choice(ways)()


def _renamed(tensors: dict[str, Tensor], rng: random.Random) -> None:
    name = _some(tensors, rng)
    tensors[rng.choice(("", "output", "x.y", "0", name + "x"))] = tensors.pop(name)


def _left_out(tensors: dict[str, Tensor], rng: random.Random) -> None:
    tensors.pop(_some(tensors, rng))


_OF_TENSORS = (_other_shape, _other_dtype, _other_values, _rearranged, _renamed, _left_out)
