"""An author's reference: how to run it and its mutants, for any size, precision and weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from autograder.checking.challenge import derive_seed
from autograder.checking.kit.draw import Draw, drawn_entries
from autograder.checking.kit.mutant import RIGHT, Mutant
from autograder.checking.kit.running import Step, cast, run
from autograder.checking.kit.values import distance

Inputs = Callable[..., Sequence[Any]]
State = Mapping[str, Tensor]
"""Values of a module's parameters and of the buffers that it keeps, by name, float64."""


@dataclass(frozen=True)
class Size:
    """One size at which a reference is looked at.

    Attributes:
        label: what it is called in a verdict; "" for its shapes.
        positional: for the author's `inputs`.
        named: for `inputs`, and for the constructor of a module as far as it knows them.
    """

    label: str
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Reference:
    """An author's function or class of modules.

    Attributes:
        name: the student's too.
        make: the function, or the class.
        draw_inputs: the author's: from a `Draw` and a size to arguments.
        sizes: which are looked at.
        training: whether a module is looked at in training mode.
    """

    name: str
    make: Callable[..., Any]
    draw_inputs: Inputs
    sizes: tuple[Size, ...]
    training: bool = False

    @property
    def is_module(self) -> bool:
        """Return whether it is a class of modules."""
        return isinstance(self.make, type) and issubclass(self.make, nn.Module)

    def inputs(self, size: Size, seed: int) -> list[Any]:
        """Return the arguments of one challenge."""
        draw = Draw(derive_seed("inputs", seed))
        return list(self.draw_inputs(draw, *size.positional, **size.named))

    def arguments(self, size: Size) -> dict[str, Any]:
        """Return what of a size the constructor of the module takes."""
        if not self.is_module:
            return {}
        known = inspect.signature(self.make).parameters
        return {key: value for key, value in size.named.items() if key in known}

    def names(self, count: int) -> list[str]:
        """Return the names of the reference's arguments."""
        function = self.make.forward if self.is_module else self.make  # type: ignore[attr-defined]
        known = [name for name in inspect.signature(function).parameters if name != "self"]
        return [*known, *(f"number {at + 1}" for at in range(len(known), count))][:count]

    def subject(self, size: Size, mutant: Mutant = RIGHT) -> Subject:
        """Return the reference, or a mutant of it, ready to run at one size.

        Raises:
            Exception: whatever a mutant raises while it is built.
        """
        make = mutant.instead or self.make
        if not self.is_module:
            return Subject(make, mutant, self.takes_tensors and mutant.instead is None)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = make(**self.arguments(size))
            for path, rebuild in mutant.rebuilt:
                module.set_submodule(path, rebuild(module.get_submodule(path)))
            sample = [cast(value, torch.float32) for value in self.inputs(size, 0)]
            module.eval()
            with torch.no_grad():
                if any(nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
                    module(*sample)
        return Subject(module.train(self.training).requires_grad_(False), mutant, False)

    @cached_property
    def takes_tensors(self) -> bool:
        """Return whether a function computes the same where its numbers are tensors."""
        for size in self.sizes:
            inputs = self.inputs(size, 0)
            if not any(type(value) is float for value in inputs):
                return False
            try:
                plain, other = (
                    run(self.make, inputs, numbers=numbers) for numbers in (False, True)
                )
            except Exception:  # where PyTorch, or the author, wants a number
                return False
            if distance(other, plain) > 1e-9:
                return False
        return True


class Subject:
    """A reference or a mutant, ready to run.

    Args:
        made: the function, or a module.
        mutant: which one it is.
        numbers: whether it gets numbers as tensors.

    Attributes:
        mutant: which one it is.
    """

    def __init__(self, made: Callable[..., Any], mutant: Mutant, numbers: bool) -> None:
        self._made, self.mutant, self._numbers = made, mutant, numbers

    @property
    def module(self) -> nn.Module:
        """Return the module; there is one if the reference is a module."""
        assert isinstance(self._made, nn.Module)
        return self._made

    def tensors(self) -> dict[str, Tensor]:
        """Return the parameters, and the buffers of which training keeps a mean, by name."""
        if not isinstance(self._made, nn.Module):
            return {}
        kept = {n: b for n, b in self._made.named_buffers() if is_running(n)}
        return {**dict(self._made.named_parameters()), **kept}

    def random_state(self, seed: int) -> dict[str, Tensor]:
        """Return random values for all of these."""
        found = self.tensors().items()
        return {name: drawn_entries(tuple(tensor.shape), name, seed) for name, tensor in found}

    def run(
        self,
        inputs: Sequence[Any],
        state: State | None = None,
        dtype: torch.dtype = torch.float64,
        record: list[Step] | None = None,
    ) -> Any:
        """Return the output.

        Args:
            inputs: the arguments.
            state: what a module's tensors are; those that have no value are zero.
            dtype: float64 or float32.
            record: gets the steps.

        Raises:
            Exception: whatever the reference or the mutant raises.
        """
        if isinstance(self._made, nn.Module):
            self._made.to(dtype)
            for name, tensor in self.tensors().items():
                value = (state or {}).get(name)
                tensor.copy_(torch.zeros_like(tensor) if value is None else value)
        return run(
            self._made,
            inputs,
            self.mutant.edits,
            dtype=dtype,
            record=record,
            numbers=self._numbers,
        )


def is_running(name: str) -> bool:
    """Return whether a buffer's name says that it is a running mean or variance."""
    return name.rpartition(".")[2] in ("running_mean", "running_var")
