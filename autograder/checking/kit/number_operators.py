"""Mutants of a step that computes with numbers: masks, signs, constants, indices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from autograder.checking.kit.changes import (
    at_position,
    changed_number,
    flat,
    inverted,
    is_mask,
    same_arguments,
    with_arguments,
)
from autograder.checking.kit.mutant import Mutant, edited
from autograder.checking.kit.running import Step

_BINARY: dict[str, tuple[tuple[str, Callable[[Any, Any], Any]], ...]] = {
    "add": (
        ("sub", lambda a, b: a - b),
        ("taken-off", lambda a, b: b - a),
        ("mul", lambda a, b: a * b),
    ),
    "sub": (("add", lambda a, b: a + b), ("exchanged", lambda a, b: b - a)),
    "rsub": (("add", lambda a, b: a + b), ("exchanged", lambda a, b: a - b)),
    "mul": (("div", lambda a, b: a / b), ("add", lambda a, b: a + b)),
    "div": (("mul", lambda a, b: a * b), ("exchanged", lambda a, b: b / a)),
    "rdiv": (("mul", lambda a, b: a * b), ("exchanged", lambda a, b: a / b)),
    "pow": (("mul", lambda a, b: a * b),),
    "maximum": (("minimum", torch.minimum),),
    "minimum": (("maximum", torch.maximum),),
    "matmul": (
        ("exchanged", lambda a, b: b @ a),
        ("transposed", lambda a, b: a @ b.mT),
        ("transposed-first", lambda a, b: a.mT @ b),
    ),
}
_COMPARISONS = {"lt": "le gt", "le": "lt ge", "gt": "ge lt", "ge": "gt le", "eq": "ne", "ne": "eq"}
_WITH_NUMBERS = "add sub rsub mul div rdiv pow clamp masked_fill leaky_relu add_ sub_ mul_ div_"
_SCALED = frozenset(_WITH_NUMBERS.split())


def _mask(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op in ("triu", "tril"):
        other = "tril" if step.op == "triu" else "triu"
        words = "the mask pointed in the other direction"
        change = same_arguments(getattr(torch, other))
        yield edited(step, f"{name}-as-{other}", words, "mask", change)
        now = step.keywords.get("diagonal", step.arguments[1] if len(step.arguments) > 1 else 0)
        for to in (now - 1, now + 1):
            words = f"the mask were moved by {'one to the ' + ('right' if to > now else 'left')}"
            change = with_arguments(("diagonal", 1, to))
            yield edited(step, f"{name}-diagonal-{to}", words, "mask", change)
    for other in _COMPARISONS.get(step.op, "").split():
        words = f"{phrase} were `{_SIGNS[other]}` in place of `{_SIGNS[step.op]}`"
        change = same_arguments(getattr(torch, other))
        yield edited(step, f"{name}-as-{other}", words, "mask", change)
    masked = step.op in ("masked_fill", "where", "masked_fill_", "__getitem__")
    if masked and any(is_mask(value) for value in flat(step.arguments)):
        words = "the mask kept what it should leave out, and left out what it should keep"
        yield edited(step, f"{name}-inverted", words, "mask", inverted)


_PLAIN = {"add": "an addition", "sub": "a subtraction", "mul": "a product", "div": "a division"}
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def _operator(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    for other, function in _BINARY.get(step.op, ()):
        words = {
            "taken-off": f"the first part of {phrase} were taken off the second",
            "exchanged": f"the two sides of {phrase} were exchanged",
            "transposed": f"the second part of {phrase} were transposed",
            "transposed-first": f"the first part of {phrase} were transposed",
        }.get(other, f"{_PLAIN.get(other, other)} stood in place of {phrase}")
        yield edited(
            step,
            f"{name}-{other}",
            words,
            "operator",
            lambda f, a, k, m, function=function: function(*a[:2]),  # type: ignore[misc]
        )
    for one, other in (("zeros", "ones"), ("ones", "zeros")):
        if step.op in (one, f"{one}_like"):
            words = f"`{step.op}` were {other}"
            change = same_arguments(getattr(torch, step.op.replace(one, other)))
            yield edited(step, f"{name}-as-{other}", words, "constant", change)


def _constant(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op not in _SCALED:
        return
    for at, value in enumerate(step.arguments):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or at == 0 or not math.isfinite(value):
            continue
        for what, (words, function) in _CONSTANTS.items():
            if value > 0 or what != "root":
                words = f"the number in {phrase} were {words}"
                change = changed_number(at, function)
                yield edited(step, f"{name}-{what}", words, "constant", change)
    if step.op in ("masked_fill", "masked_fill_"):
        words = "what is masked were set to zero"
        yield edited(step, f"{name}-zero", words, "mask", at_position(2, 0.0))


_CONSTANTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "squared": ("squared", lambda c: c**2),
    "doubled": ("twice as large", lambda c: 2 * c),
    "halved": ("half as large", lambda c: c / 2),
    "root": ("its own square root", lambda c: abs(c) ** 0.5),
    "plus-one": ("larger by one", lambda c: c + 1),
    "less-one": ("smaller by one", lambda c: c - 1),
}


def _index(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op == "__getitem__" and len(step.arguments) == 2:
        index = step.arguments[1]
        parts = index if isinstance(index, tuple) else (index,)
        for at, part in enumerate(parts):
            if isinstance(part, int) and not isinstance(part, bool):
                for to, said in ((0, "first"), (-1, "last")):
                    if to != part:
                        other = (*parts[:at], to, *parts[at + 1 :])
                        words = f"the {said} entry were taken, and not the right one"
                        change = at_position(1, other if isinstance(index, tuple) else to)
                        yield edited(step, f"{name}-{said}", words, "index", change)
    if step.op in ("chunk", "split", "unbind"):
        words = f"the parts of {phrase} were taken in the reverse order"
        change = lambda f, a, k, m: tuple(reversed(f(*a, **k)))  # noqa: E731
        yield edited(step, f"{name}-reversed", words, "index", change)


NUMBER_OPERATORS = (_mask, _operator, _constant, _index)
