"""Mutants of one step of a reference: what is computed there is something else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.checking.kit.mutant import Mutant, labels
from autograder.checking.kit.running import Arguments, Change, Compute, Edits, Keywords, Step

Operator = Callable[[Step, str, str], Iterator[Mutant]]
"""From a step, its name and its words to what can be wrong with it."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "silu": F.silu,
    "softplus": F.softplus,
}
_LAYER_ACTIVATIONS = {
    "ReLU": "relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "GELU": "gelu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "SiLU": "silu",
    "Softplus": "softplus",
}
# Where a function takes the axis that it works along, if it is not given by name.
_SECOND = """
    softmax log_softmax softmin sum mean amax amin max min var std prod cumsum cumprod argmax argmin
    cat stack logsumexp flip gather glu unbind sort median
"""
_THIRD = "norm chunk split roll normalize cosine_similarity"
_AXIS_AT = {**dict.fromkeys(_SECOND.split(), 1), **dict.fromkeys(_THIRD.split(), 2)}
_REDUCTIONS = ("sum", "mean", "amax")
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


def step_mutants(steps: list[Step]) -> Iterator[Mutant]:
    """Yield what can be wrong with each step of a reference, step by step."""
    for step, (name, phrase) in zip(steps, labels(steps), strict=True):
        for operator in _OPERATORS:
            yield from operator(step, name, phrase)


def edited(
    step: Step, name: str, words: str, kind: str, change: Change, *more: tuple[Step, Change]
) -> Mutant:
    """Return the mutant in which a step, and perhaps others, compute something else."""
    changes = {step.site: change, **{other.site: their for other, their in more}}
    return Mutant(name, words, kind, Edits(changes))


def _left_out(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    """Yield the step passed over: each argument that has the output's shape stands for it."""
    if step.op.endswith("_") and not step.layer:
        yield edited(step, f"without-{name}", f"{phrase} were missing", "left out", _first)
        return
    if not isinstance(step.output, Tensor) or step.op in _COMPARISONS:
        return
    fitting = [
        at
        for at, value in enumerate(step.arguments)
        if isinstance(value, Tensor)
        and value.shape == step.output.shape
        and (value.dtype == step.output.dtype or step.output.is_floating_point())
    ]
    for at in fitting:
        name_of = f"without-{name}" if at == fitting[0] else f"only-second-{name}"
        words = f"{phrase} were missing"
        words += "" if at == fitting[0] else ", and the first of its two parts with it"
        yield edited(step, name_of, words, "left out", _argument(at, step.output.dtype))


def _axis(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    tensors = [value for value in _flat(step.arguments) if isinstance(value, Tensor)]
    if not tensors:
        return
    rank, at = max(tensor.dim() for tensor in tensors), _AXIS_AT.get(step.op, -1)
    if step.op in ("transpose", "swapaxes"):
        axes = [int(axis) % rank for axis in step.arguments[1:3] if isinstance(axis, int)]
        for a in range(rank):
            for b in range(a + 1, rank):
                if sorted(axes) != [a, b]:
                    words = f"{phrase} exchanged the axes {a} and {b}"
                    change = _with(("dim0", 1, a), ("dim1", 2, b))
                    yield edited(step, f"{name}-axes-{a}-{b}", words, "axis", change)
        return
    now = step.keywords.get("dim", step.arguments[at] if 0 < at < len(step.arguments) else None)
    if at < 0:
        return
    wanted = {now % rank} if isinstance(now, int) else set()
    for axis in range(rank):
        if axis not in wanted and (now is None or isinstance(now, int)):
            words = f"{phrase} were taken along axis {axis}"
            yield edited(step, f"{name}-axis-{axis}", words, "axis", _with(("dim", at, axis)))
    if now is not None and step.op in ("sum", "mean", "amax", "var", "std"):
        words = f"{phrase} were taken over all entries"
        yield edited(step, f"{name}-all", words, "axis", lambda f, a, k, m: f(a[0]))


def _activation(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    now = _LAYER_ACTIVATIONS.get(step.op, step.op)
    if now in ACTIVATIONS:
        for other, function in ACTIVATIONS.items():
            if other != now:
                words = f"a {other} stood in place of {phrase}"
                yield edited(step, f"{name}-as-{other}", words, "activation", _of_first(function))
    for one, other in (("softmax", "log_softmax"), ("log_softmax", "softmax")):
        if step.op == one:
            words = f"a {other} stood in place of {phrase}"
            change = _same_arguments(getattr(F, other))
            yield edited(step, f"{name}-as-{other}", words, "activation", change)
            words = f"a sigmoid stood in place of {phrase}"
            change = _of_first(torch.sigmoid)
            yield edited(step, f"{name}-as-sigmoid", words, "activation", change)


def _reduction(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op in _REDUCTIONS:
        for other in _REDUCTIONS:
            if other != step.op:
                words = f"{_REDUCED[other]} stood in place of {phrase}"
                change = _same_arguments(getattr(torch, other))
                yield edited(step, f"{name}-as-{other}", words, "pooling", change)
    if step.op in ("var", "std"):
        for correction in (0, 1):
            words = f"{phrase} divided by the number of entries" + (" less one" * correction)
            change = _corrected(step.op, correction)
            yield edited(step, f"{name}-correction-{correction}", words, "constant", change)
        other = "std" if step.op == "var" else "var"
        words = f"the {'standard deviation' if other == 'std' else 'variance'} stood in its place"
        change = _same_arguments(getattr(torch, other))
        yield edited(step, f"{name}-as-{other}", words, "operator", change)


_REDUCED = {"sum": "a sum", "mean": "a mean", "amax": "a maximum"}


def _pooling(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if not step.op.startswith(("max_pool", "avg_pool")):
        return
    other = step.op.replace("max", "AVG").replace("avg", "max").replace("AVG", "avg")
    size = step.keywords.get("kernel_size", step.arguments[1] if len(step.arguments) > 1 else 2)
    function = getattr(F, other)
    words = f"{'an average' if other.startswith('avg') else 'a maximum'} were taken by {phrase}"
    yield edited(
        step,
        f"{name}-as-{other.split('_')[0]}",
        words,
        "pooling",
        lambda f, a, k, m: function(a[0], size),
    )
    if isinstance(size, int):
        for to in (size - 1, size + 1):
            if to > 0:
                words = f"{phrase} had windows of size {to}"
                change = _with(("kernel_size", 1, to))
                yield edited(step, f"{name}-size-{to}", words, "pooling", change)
        words = f"{phrase} moved by one"
        yield edited(step, f"{name}-stride-1", words, "pooling", _with(("stride", 2, 1)))


def _convolution(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op in ("conv1d", "conv2d"):
        for key, at, default in (("stride", 3, 1), ("padding", 4, 0), ("dilation", 5, 1)):
            now = step.keywords.get(key, step.arguments[at] if len(step.arguments) > at else None)
            now = now[0] if isinstance(now, tuple | list) else default if now is None else now
            if isinstance(now, int):
                for to in {now + 1, max(now - 1, default)} - {now}:
                    words = f"{phrase} had a {key} of {to}"
                    change = _with((key, at, to))
                    yield edited(step, f"{name}-{key}-{to}", words, "convolution", change)
        words = f"the kernel of {phrase} were turned round"
        change = _turned_kernel
        yield edited(step, f"{name}-turned", words, "convolution", change)
    given = step.keywords.get("bias", step.arguments[2] if len(step.arguments) > 2 else None)
    if step.op in ("conv1d", "conv2d", "linear") and isinstance(given, Tensor):
        words = f"the bias of {phrase} were missing"
        yield edited(step, f"{name}-without-bias", words, "bias", _with(("bias", 2, None)))


def _mask(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op in ("triu", "tril"):
        other = "tril" if step.op == "triu" else "triu"
        words = "the mask pointed in the other direction"
        change = _same_arguments(getattr(torch, other))
        yield edited(step, f"{name}-as-{other}", words, "mask", change)
        now = step.keywords.get("diagonal", step.arguments[1] if len(step.arguments) > 1 else 0)
        for to in (now - 1, now + 1):
            words = f"the mask were moved by {'one to the ' + ('right' if to > now else 'left')}"
            change = _with(("diagonal", 1, to))
            yield edited(step, f"{name}-diagonal-{to}", words, "mask", change)
    for other in _COMPARISONS.get(step.op, "").split():
        words = f"{phrase} were `{_SIGNS[other]}` in place of `{_SIGNS[step.op]}`"
        change = _same_arguments(getattr(torch, other))
        yield edited(step, f"{name}-as-{other}", words, "mask", change)
    masked = step.op in ("masked_fill", "where", "masked_fill_", "__getitem__")
    if masked and any(_is_mask(value) for value in _flat(step.arguments)):
        words = "the mask kept what it should leave out, and left out what it should keep"
        yield edited(step, f"{name}-inverted", words, "mask", _inverted)


_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def _operator(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    for other, function in _BINARY.get(step.op, ()):
        words = {
            "taken-off": f"the first part of {phrase} were taken off the second",
            "exchanged": f"the two sides of {phrase} were exchanged",
            "transposed": f"the second part of {phrase} were transposed",
            "transposed-first": f"the first part of {phrase} were transposed",
        }.get(other, f"`{other}` stood in place of {phrase}")
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
            change = _same_arguments(getattr(torch, step.op.replace(one, other)))
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
                change = _number(at, function)
                yield edited(step, f"{name}-{what}", words, "constant", change)
    if step.op in ("masked_fill", "masked_fill_"):
        words = "what is masked were set to zero"
        yield edited(step, f"{name}-zero", words, "mask", _position(2, 0.0))


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
                        change = _position(1, other if isinstance(index, tuple) else to)
                        yield edited(step, f"{name}-{said}", words, "index", change)
    if step.op in ("chunk", "split", "unbind"):
        words = f"the parts of {phrase} were taken in the reverse order"
        change = lambda f, a, k, m: tuple(reversed(f(*a, **k)))  # noqa: E731
        yield edited(step, f"{name}-reversed", words, "index", change)


def _added(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    linear = step.op in ("linear", "matmul", "conv1d", "conv2d", "add")
    linear |= step.op in ("Linear", "Conv1d", "Conv2d", "BatchNorm1d", "BatchNorm2d", "LayerNorm")
    if linear and isinstance(step.output, Tensor) and step.output.is_floating_point():
        words = f"there were a ReLU after {phrase}"
        change = lambda f, a, k, m: torch.relu(f(*a, **k))  # noqa: E731
        yield edited(step, f"relu-after-{name}", words, "added", change)


_OPERATORS: tuple[Operator, ...] = (
    _left_out,
    _activation,
    _axis,
    _reduction,
    _pooling,
    _convolution,
    _mask,
    _operator,
    _constant,
    _index,
    _added,
)


def _first(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
    return args[0]


def _argument(at: int, dtype: torch.dtype) -> Change:
    """Return the change to one argument; integers and truth values become real if the result is."""

    def change(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
        real = dtype.is_floating_point and not args[at].is_floating_point()
        return args[at].to(torch.get_default_dtype()) if real else args[at]

    return change


def _position(at: int, value: Any) -> Change:
    return lambda f, args, keywords, m: f(*args[:at], value, *args[at + 1 :], **keywords)


def _number(at: int, function: Callable[[Any], Any]) -> Change:
    """Return the change of a number, which may be another one at each size."""
    return lambda f, args, keywords, m: f(
        *args[:at], function(args[at]), *args[at + 1 :], **keywords
    )


def _with(*replaced: tuple[str, int, Any]) -> Change:
    """Return the change that gives arguments other values: name, position, value."""

    def change(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
        given, named = list(args), dict(keywords)
        for key, at, value in replaced:
            if key not in named and at < len(given):
                given[at] = value
            else:
                named[key] = value
        return compute(*given, **named)

    return change


def _same_arguments(function: Compute) -> Change:
    return lambda compute, args, keywords, memory: function(*args, **keywords)


def _of_first(function: Callable[[Tensor], Tensor]) -> Change:
    return lambda compute, args, keywords, memory: function(args[0])


def _corrected(op: str, correction: int) -> Change:
    def change(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
        named = {k: v for k, v in keywords.items() if k not in ("unbiased", "correction")}
        dim = named.pop("dim", args[1] if len(args) > 1 else None)
        return getattr(torch, op)(args[0], dim=dim, correction=correction, **named)

    return change


def _turned_kernel(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
    return compute(args[0], args[1].flip(*range(2, args[1].dim())), *args[2:], **keywords)


def _inverted(compute: Compute, args: Arguments, keywords: Keywords, memory: Any) -> Any:
    def turned(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(turned, value))
        return ~value if _is_mask(value) else value

    return compute(*map(turned, args), **keywords)


def _is_mask(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bool


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _flat(value)
        else:
            yield value
