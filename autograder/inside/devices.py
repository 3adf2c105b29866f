"""Devices that are not there fall back to the CPU; compiled functions run as they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from autograder.inside.absent import Absent

_MOVES = {"cuda", "xpu", "mps", "ipu", "hpu", "mtia"}  # methods of a tensor that name a device


def install(absent: Absent) -> None:
    """Have PyTorch use the CPU for devices that are not there, and compile nothing.

    Args:
        absent: gets their names.
    """
    to_cpu = _ToCPU(absent)
    to_cpu.__enter__()  # for as long as the kernel lives
    _guard_default_device(to_cpu)
    _guard_cuda(to_cpu)
    torch.compile = _as_written
    nn.Module.compile = lambda self, *arguments, **options: None  # type: ignore[method-assign]


def _as_written(model: Any = None, **options: Any) -> Any:
    """Stand in for `torch.compile`: return the model or function itself, or a decorator."""
    return model if model is not None else lambda function: function


class _ToCPU(TorchFunctionMode):
    """Puts the CPU in the place of each device that is not there."""

    def __init__(self, absent: Absent) -> None:
        super().__init__()
        self._absent = absent

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func`, on the CPU where it would be on what is not there."""
        __tracebackhide__ = True  # a student's errors show the student's own lines
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in _MOVES and func is getattr(torch.Tensor, name, None) and self.lacks(name):
            return args[0]
        if func is torch.Tensor.to:
            args = [args[0], *(self.there(argument) for argument in args[1:])]
        if "device" in kwargs:
            kwargs["device"] = self.there(kwargs["device"])
        return func(*args, **kwargs)

    def there(self, device: Any) -> Any:
        """Return a device, or the CPU if it is not there."""
        if type(device) is int:  # the number of a CUDA device
            return "cpu" if self.lacks("cuda") else device
        if isinstance(device, str | torch.device):
            kind = str(device).split(":")[0]
            if kind not in ("cpu", "meta") and self.lacks(kind):
                return "cpu"
        return device

    def lacks(self, kind: str) -> bool:
        """Return whether devices of a kind are not there, and remember it."""
        if _is_there(kind):
            return False
        text = f"there is no device `{kind}` here: the CPU takes its place"
        self._absent.note("device", kind, text)
        return True


def _is_there(kind: str) -> bool:
    """Return whether there are devices of a kind; True for what is none: PyTorch will say so."""
    if kind not in _MOVES:
        return True
    if kind == "mps":
        return torch.backends.mps.is_available()
    module = getattr(torch, kind, None)
    return bool(module and module.is_available())


def _guard_default_device(to_cpu: _ToCPU) -> None:
    set_default_device = torch.set_default_device

    def set_one_that_is_there(device: Any) -> None:
        set_default_device(to_cpu.there(device))

    torch.set_default_device = set_one_that_is_there


def _guard_cuda(to_cpu: _ToCPU) -> None:
    """Have what notebooks do to CUDA devices without looking whether there are any do nothing."""
    if torch.cuda.is_available():
        return

    def nothing(*arguments: Any, **options: Any) -> None:
        to_cpu.lacks("cuda")

    for name in ("synchronize", "set_device", "reset_peak_memory_stats", "empty_cache"):
        setattr(torch.cuda, name, nothing)
