"""Mutants of a reference as a whole: its arguments, its end, steps in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.checking.kit.mutant import Mutant, edited, labels
from autograder.checking.kit.running import Arguments, Compute, Edits, Keywords, Memory, Step

_ENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda x: F.softmax(x, dim=-1),
    "log_softmax": lambda x: F.log_softmax(x, dim=-1),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
_SHAPES = "transpose permute reshape view T mT unsqueeze squeeze flatten"
_NO_NEIGHBOURS = frozenset(_SHAPES.split())


def whole_mutants(
    steps: Sequence[Step], inputs: Sequence[Any], names: Sequence[str], *, module: bool
) -> Iterator[Mutant]:
    """Yield what can be wrong beside the single steps.

    Args:
        steps: of the reference.
        inputs: its arguments in one run.
        names: of the arguments.
        module: whether it is one; its sign is not turned, for no layer does that.
    """
    yield from _neighbours(steps)
    yield from _ends(module)
    yield from _arguments(inputs, names)


def _neighbours(steps: Sequence[Step]) -> Iterator[Mutant]:
    """Yield two steps in the other order, where one works on nothing but the other's result."""
    named = list(zip(steps, labels(steps), strict=True))
    for first, (first_name, first_phrase) in named:
        for second, (second_name, second_phrase) in named:
            follows = bool(second.arguments) and second.arguments[0] is first.output
            if not follows or first.site == second.site or not _one_sided(first, second):
                continue
            if {first.op, second.op} & _NO_NEIGHBOURS:
                continue
            key = f"{first_name}/{second_name}"

            def wait(
                compute: Compute,
                args: Arguments,
                keywords: Keywords,
                memory: Memory,
                key: str = key,
            ) -> Any:
                memory[key] = (compute, args, keywords)
                return args[0]

            def both(
                compute: Compute,
                args: Arguments,
                keywords: Keywords,
                memory: Memory,
                key: str = key,
            ) -> Any:
                later, theirs, named = memory[key]
                return later(compute(*args, **keywords), *theirs[1:], **named)

            words = f"{second_phrase} came before {first_phrase}"
            name = f"{second_name}-before-{first_name}"
            yield edited(first, name, words, "order", wait, (second, both))


def _one_sided(*steps: Step) -> bool:
    """Return whether each step has one tensor for an argument."""
    return all(
        bool(step.arguments)
        and isinstance(step.output, Tensor)
        and isinstance(step.arguments[0], Tensor)
        and step.arguments[0].is_floating_point()
        and step.output.is_floating_point()
        and (bool(step.layer) or not any(isinstance(a, Tensor) for a in step.arguments[1:]))
        for step in steps
    )


def _ends(module: bool) -> Iterator[Mutant]:
    for name, function in _ENDS.items():
        words = f"there were a {name} at its end"
        yield Mutant(f"end-{name}", words, "added", Edits(after=(_at_the_end(function),)))
    if not module:
        words = "its result had the wrong sign"
        yield Mutant("end-neg", words, "operator", Edits(after=(_at_the_end(torch.neg),)))


def _at_the_end(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    def change(output: Any) -> Any:
        if isinstance(output, Tensor):
            return function(output) if output.is_floating_point() else output
        if isinstance(output, tuple | list) and output:
            return (change(output[0]), *output[1:])
        return output

    return change


def _arguments(inputs: Sequence[Any], names: Sequence[str]) -> Iterator[Mutant]:
    """Yield an argument that does not matter, and two that were exchanged."""
    tensors = [at for at, value in enumerate(inputs) if isinstance(value, Tensor)]
    if len(inputs) > 1:
        for at, value in enumerate(inputs):
            ones = isinstance(value, Tensor | int | float)
            for what, filled in (("zero", 0), ("one", 1)) if ones else ():
                words = f"the argument {names[at]} did not matter"
                name = f"ignores-{names[at]}" + ("" if what == "zero" else "-as-one")
                edit = Edits(before=(_filled(at, filled),))
                yield Mutant(name, words, "argument", edit)
    for first in tensors:
        for second in tensors:
            same = first < second and inputs[first].dtype == inputs[second].dtype
            if same:
                words = f"the arguments {names[first]} and {names[second]} were exchanged"
                name = f"exchanges-{names[first]}-{names[second]}"
                yield Mutant(name, words, "argument", Edits(before=(_exchanged(first, second),)))


def _filled(at: int, filled: int) -> Callable[[list[Any]], list[Any]]:
    def change(inputs: list[Any]) -> list[Any]:
        value = inputs[at]
        other = torch.full_like(value, filled) if isinstance(value, Tensor) else type(value)(filled)
        return [*inputs[:at], other, *inputs[at + 1 :]]

    return change


def _exchanged(first: int, second: int) -> Callable[[list[Any]], list[Any]]:
    def change(inputs: list[Any]) -> list[Any]:
        other = list(inputs)
        other[first], other[second] = inputs[second], inputs[first]
        return other

    return change
