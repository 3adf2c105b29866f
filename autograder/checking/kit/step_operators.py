"""Mutants of one step of a reference: what is computed there is something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.checking import activations
from autograder.checking.kit.changes import (
    argument,
    corrected,
    first,
    flat,
    of_first,
    same_arguments,
    turned_kernel,
    with_arguments,
)
from autograder.checking.kit.mutant import Mutant, edited, labels
from autograder.checking.kit.number_operators import NUMBER_OPERATORS
from autograder.checking.kit.running import Step

Operator = Callable[[Step, str, str], Iterator[Mutant]]
"""From a step, its name and its words to what can be wrong with it."""

ACTIVATIONS = {
    name: activations.ACTIVATIONS[name]
    for name in ["relu", "tanh", "sigmoid", "gelu", "leaky_relu", "elu", "silu", "softplus"]
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


def step_mutants(steps: list[Step]) -> Iterator[Mutant]:
    """Yield what can be wrong with each step of a reference, step by step."""
    for step, (name, phrase) in zip(steps, labels(steps), strict=True):
        for operator in _OPERATORS:
            yield from operator(step, name, phrase)


def _left_out(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    """Yield the step passed over: each argument that has the output's shape stands for it."""
    if step.op.endswith("_") and not step.layer:
        yield edited(step, f"without-{name}", f"{phrase} were missing", "left out", first)
        return
    if not isinstance(step.output, Tensor):
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
        yield edited(step, name_of, words, "left out", argument(at, step.output.dtype))


def _axis(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    tensors = [value for value in flat(step.arguments) if isinstance(value, Tensor)]
    if not tensors:
        return
    rank, at = max(tensor.dim() for tensor in tensors), _AXIS_AT.get(step.op, -1)
    if step.op in ("transpose", "swapaxes"):
        axes = [int(axis) % rank for axis in step.arguments[1:3] if isinstance(axis, int)]
        for a in range(rank):
            for b in range(a + 1, rank):
                if sorted(axes) != [a, b]:
                    words = f"{phrase} exchanged the axes {a} and {b}"
                    change = with_arguments(("dim0", 1, a), ("dim1", 2, b))
                    yield edited(step, f"{name}-axes-{a}-{b}", words, "axis", change)
        return
    now = step.keywords.get("dim", step.arguments[at] if 0 < at < len(step.arguments) else None)
    if at < 0:
        return
    wanted = {now % rank} if isinstance(now, int) else set()
    for axis in range(rank):
        if axis not in wanted and (now is None or isinstance(now, int)):
            words = f"{phrase} were taken along axis {axis}"
            yield edited(
                step, f"{name}-axis-{axis}", words, "axis", with_arguments(("dim", at, axis))
            )
    if now is not None and step.op in ("sum", "mean", "amax", "var", "std"):
        words = f"{phrase} were taken over all entries"
        yield edited(step, f"{name}-all", words, "axis", lambda f, a, k, m: f(a[0]))


def _activation(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    now = _LAYER_ACTIVATIONS.get(step.op, step.op)
    if now in ACTIVATIONS:
        for other, function in ACTIVATIONS.items():
            if other != now:
                words = f"a {other} stood in place of {phrase}"
                yield edited(step, f"{name}-as-{other}", words, "activation", of_first(function))
    for one, other in (("softmax", "log_softmax"), ("log_softmax", "softmax")):
        if step.op == one:
            words = f"a {other} stood in place of {phrase}"
            change = same_arguments(getattr(F, other))
            yield edited(step, f"{name}-as-{other}", words, "activation", change)
            words = f"a sigmoid stood in place of {phrase}"
            change = of_first(torch.sigmoid)
            yield edited(step, f"{name}-as-sigmoid", words, "activation", change)


def _reduction(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op in _REDUCTIONS:
        for other in _REDUCTIONS:
            if other != step.op:
                words = f"{_REDUCED[other]} stood in place of {phrase}"
                change = same_arguments(getattr(torch, other))
                yield edited(step, f"{name}-as-{other}", words, "pooling", change)
    if step.op in ("var", "std"):
        for correction in (0, 1):
            words = f"{phrase} divided by the number of entries" + (" less one" * correction)
            change = corrected(step.op, correction)
            yield edited(step, f"{name}-correction-{correction}", words, "constant", change)
        other = "std" if step.op == "var" else "var"
        words = f"the {'standard deviation' if other == 'std' else 'variance'} stood in its place"
        change = same_arguments(getattr(torch, other))
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
                change = with_arguments(("kernel_size", 1, to))
                yield edited(step, f"{name}-size-{to}", words, "pooling", change)
        words = f"{phrase} moved by one"
        yield edited(step, f"{name}-stride-1", words, "pooling", with_arguments(("stride", 2, 1)))


def _convolution(step: Step, name: str, phrase: str) -> Iterator[Mutant]:
    if step.op in ("conv1d", "conv2d"):
        for key, at, default in (("stride", 3, 1), ("padding", 4, 0), ("dilation", 5, 1)):
            now = step.keywords.get(key, step.arguments[at] if len(step.arguments) > at else None)
            now = now[0] if isinstance(now, tuple | list) else default if now is None else now
            if isinstance(now, int):
                for to in {now + 1, max(now - 1, default)} - {now}:
                    words = f"{phrase} had a {key} of {to}"
                    change = with_arguments((key, at, to))
                    yield edited(step, f"{name}-{key}-{to}", words, "convolution", change)
        words = f"the kernel of {phrase} were turned round"
        change = turned_kernel
        yield edited(step, f"{name}-turned", words, "convolution", change)
    given = step.keywords.get("bias", step.arguments[2] if len(step.arguments) > 2 else None)
    if step.op in ("conv1d", "conv2d", "linear") and isinstance(given, Tensor):
        words = f"the bias of {phrase} were missing"
        yield edited(step, f"{name}-without-bias", words, "bias", with_arguments(("bias", 2, None)))


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
    *NUMBER_OPERATORS,
    _added,
)
