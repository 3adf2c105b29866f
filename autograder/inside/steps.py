"""Records what goes through a student's network or function, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

MAX_TRACED = 200  # tensors: below the cap of one message
_MAX_ENTRIES = 1_500_000  # of them all: the same
_MAX_RANK = 6
_MAX_VERSIONS = 4  # of a tensor that is filled bit by bit: the first ones, and the last


class Steps(TorchFunctionMode):
    """Records the tensors that modules and PyTorch's functions take and give.

    Of too many tensors those in the middle are left out; of one that is filled bit by bit the first
    ones and the last are kept.

    Args:
        count: of the images in a batch: nothing else is kept. None keeps tensors of any size; of
            too many, small ones are left out first: in loops they are parts of others.
    """

    def __init__(self, count: int | None = None) -> None:
        super().__init__()
        self._count = count
        self._kept: list[tuple[Tensor, int, Tensor]] = []  # itself, its version, a copy
        self._entries = 0

    @property
    def seen(self) -> dict[str, Tensor]:
        """Return "0", "1", ... -> copies of what was recorded, in their order."""
        return {str(number): copy for number, (_, _, copy) in enumerate(self._kept)}

    def record(self, value: Any) -> None:
        """Keep a copy of a tensor, unless it was kept as it is."""
        if not isinstance(value, Tensor) or not self._is_wanted(value):
            return
        version = 0 if value.is_inference() else value._version
        before = [at for at, (kept, _, _) in enumerate(self._kept) if kept is value]
        if before and self._kept[before[-1]][1] == version:
            return
        if len(before) == _MAX_VERSIONS:
            self._drop(before[-1])
        self._kept.append((value, version, value.detach().clone()))
        self._entries += value.numel()
        if len(self._kept) > MAX_TRACED:
            self._drop(min(range(MAX_TRACED), key=self._worth))
        while self._entries > _MAX_ENTRIES:
            self._drop(len(self._kept) // 2)

    def _is_wanted(self, value: Tensor) -> bool:
        if value.is_meta or value.layout != torch.strided or value.is_complex():
            return False
        if value.dim() > _MAX_RANK or value.numel() > _MAX_ENTRIES // 4:
            return False
        return self._count is None or (value.dim() > 1 and len(value) == self._count)

    def _worth(self, at: int) -> tuple[int, int]:
        """Return what a tensor is kept for: its size, then how far from the middle it is."""
        size = self._kept[at][2].numel() if self._count is None else 0
        return size, abs(at - MAX_TRACED // 2)

    def _drop(self, at: int) -> None:
        _, _, copy = self._kept.pop(at)
        self._entries -= copy.numel()

    def before(self, module: nn.Module, inputs: Any) -> None:
        """Record what a module takes."""
        self.record(inputs[0] if inputs else None)

    def after(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Record what a module gives."""
        self.record(output)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function, and record its arguments, before and after, and what it returns."""
        given = [*args, *(kwargs or {}).values()]
        for value in given:
            self.record(value)
        output = func(*args, **(kwargs or {}))
        parts = output if isinstance(output, tuple | list) else [output]
        for value in chain(given, parts):
            self.record(value)
        return output
