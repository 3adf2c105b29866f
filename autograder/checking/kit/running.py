"""Runs a reference as it stands, and records its steps; or runs it with some of them changed.

A step is one call of PyTorch's by a line of the author's own, or of a layer that PyTorch brings. So
any Python runs: loops, helper functions, sizes that are looked up. (`torch.fx` would trace neither
a loop over time nor `len(x)`.) A step in a loop is one step, and is changed each time.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from autograder.checking.kit.op_names import LOOKS, op_name

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]
Compute = Callable[..., Any]
Memory = dict[str, Any]
Change = Callable[[Compute, Arguments, Keywords, Memory], Any]
"""From what a step would compute, its arguments and what this run remembers, to another result."""

_TORCH = str(Path(torch.__file__).parent)
_LAYERS = str(Path(nn.__file__).parent / "modules")
_KIT = str(Path(__file__).parent)
_lock = threading.RLock()  # dtype and hooks are everybody's


@dataclass(frozen=True)
class Step:
    """What one step of a reference did when it was recorded.

    Attributes:
        site: which step: where in the author's code, or which layer.
        op: its name: "softmax", "Conv2d".
        compute: the function that was called.
        arguments: what it was given, detached.
        keywords: the same, by name.
        output: what it returned.
        layer: the layer's dotted name, "" for a function.
    """

    site: Hashable
    op: str
    compute: Compute
    arguments: Arguments
    keywords: Keywords
    output: Any
    layer: str = ""


@dataclass(frozen=True)
class Edits:
    """How a run departs from the reference.

    Attributes:
        steps: site -> what is computed there instead.
        before: changes the arguments of the whole.
        after: changes its output.
    """

    steps: Mapping[Hashable, Change] = field(default_factory=dict)
    before: tuple[Callable[[list[Any]], list[Any]], ...] = ()
    after: tuple[Callable[[Any], Any], ...] = ()


class _Steps(TorchFunctionMode):
    """Sees each step of the author's own code.

    Args:
        edits: what is changed.
        dtype: of real numbers in this run.
        record: gets each step; None records nothing.
    """

    def __init__(self, edits: Edits, dtype: torch.dtype, record: list[Step] | None) -> None:
        super().__init__()
        self._edits, self._dtype, self._record = edits, dtype, record
        self._memory: Memory = {}

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: Arguments = (),
        kwargs: Keywords | None = None,
    ) -> Any:
        keywords = dict(kwargs or {})
        op = op_name(func)
        if op in LOOKS:
            return func(*args, **keywords)
        frame = _authors_frame(sys._getframe(1))
        if self._dtype == torch.float64:
            args, keywords = _double(args), {k: _double(v) for k, v in keywords.items()}
            func = Tensor.double if func is Tensor.float else func
        if frame is None:
            return func(*args, **keywords)
        site = (frame.f_code.co_filename, frame.f_code.co_firstlineno, frame.f_lasti, op)
        return self.step(site, op, func, args, keywords, "")

    def step(
        self,
        site: Hashable,
        op: str,
        compute: Compute,
        args: Arguments,
        keywords: Keywords,
        layer: str,
    ) -> Any:
        """Return what a step gives, changed or not."""
        change = self._edits.steps.get(site)
        if self._record is None:
            if change is None:
                return compute(*args, **keywords)
            return change(compute, args, keywords, self._memory)
        kept = tuple(_kept(a) for a in args), {k: _kept(v) for k, v in keywords.items()}
        output = compute(*args, **keywords)
        self._record.append(Step(site, op, compute, *kept, output, layer))
        return output


def run(
    reference: Callable[..., Any],
    inputs: Sequence[Any],
    edits: Edits | None = None,
    *,
    dtype: torch.dtype = torch.float64,
    record: list[Step] | None = None,
    numbers: bool = False,
) -> Any:
    """Return what a reference gives, in a precision of its own; its inputs stay as they are.

    Args:
        reference: a function, or a module of this dtype.
        inputs: its arguments; real tensors of any precision.
        edits: what is changed.
        dtype: of real tensors in this run: float64 or float32.
        record: gets its steps, in their order.
        numbers: whether numbers among the arguments are tensors without axes, so that what is
            computed of them is a step too.

    Raises:
        Exception: whatever it raises.
    """
    edits = edits or Edits()
    arguments = [cast(value, dtype) for value in inputs]
    if numbers:
        arguments = [torch.tensor(v, dtype=dtype) if type(v) is float else v for v in arguments]
    for before in edits.before:
        arguments = before(arguments)
    mode = _Steps(edits, dtype, record)
    watched = isinstance(reference, nn.Module) and (record is not None or edits.steps)
    with _lock, _default_dtype(dtype), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a mutant does
        hooks = _watch(reference, mode) if watched else []  # type: ignore[arg-type]
        try:
            with mode:
                if isinstance(reference, nn.Module):
                    output = reference(*arguments)
                else:
                    with torch.enable_grad():
                        output = reference(*arguments)
        finally:
            for hook in hooks:
                hook.remove()
        for after in edits.after:
            output = after(output)
    return detached(output)


def cast(value: Any, dtype: torch.dtype) -> Any:
    """Return a copy of a value of any structure, its real tensors of another precision."""
    if isinstance(value, Tensor):
        value = value.detach().clone()
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, tuple | list):
        return type(value)(cast(part, dtype) for part in value)
    if isinstance(value, dict):
        return {key: cast(part, dtype) for key, part in value.items()}
    return value


def detached(value: Any) -> Any:
    """Return a value of any structure without its history; sequences become tuples."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list):
        return tuple(detached(part) for part in value)
    if isinstance(value, dict):
        return {key: detached(part) for key, part in value.items()}
    return value


def _authors_frame(frame: FrameType | None) -> FrameType | None:
    """Return the frame that called PyTorch; None where it was a layer of its own, or a change."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith((_LAYERS, _KIT)):
            return None
        if not path.startswith(_TORCH):
            return frame
        frame = frame.f_back
    return None


def _watch(module: nn.Module, mode: _Steps) -> list[Any]:
    """Make each layer of PyTorch's own a step."""
    hooks = []
    for name, layer in module.named_modules():
        if name and is_layer(layer):

            def after(
                layer: nn.Module, args: Arguments, kwargs: Keywords, output: Any, name: str = name
            ) -> Any:
                again = _again(layer, args, output)
                return mode.step(("layer", name), type(layer).__name__, again, args, kwargs, name)

            hooks.append(layer.register_forward_hook(after, with_kwargs=True))
    return hooks


def _again(layer: nn.Module, first: Arguments, output: Any) -> Compute:
    """Return the layer as a function; what it gave for its own arguments is not computed anew."""

    def compute(*args: Any, **kwargs: Any) -> Any:
        same = len(args) == len(first) and all(a is b for a, b in zip(args, first, strict=True))
        return output if same else layer.forward(*args, **kwargs)

    return compute


def is_layer(module: nn.Module) -> bool:
    """Return whether PyTorch brings this layer, and it holds no other one that a student sees."""
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
    return type(module).__module__.startswith("torch.nn") and not isinstance(module, containers)


def _kept(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) and value.requires_grad else value


def _double(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
