"""The data of one training run, drawn by an author's function from a seed that nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder import CheckFault
from autograder.checking.challenge import derive_seed, generator
from autograder.checking.kit.draw import Draw
from course_utils.procedure import Data, Part

TRAIN = "train"
Draws = Callable[[Draw], Mapping[str, tuple[Tensor, Tensor]]]
"""What an author writes: from a `Draw` to inputs and labels, under "train" and each test set."""


@dataclass(frozen=True)
class RunData:
    """Draws the data of one run, and makes them worth nothing to whoever knows them beforehand.

    Examples are put in random order, and classes get random numbers: what an answer knows of the
    order, or of which class has which number, is of no use to it.

    Attributes:
        draws: the author's function.
        tests: the names of its test sets, in order.
        classes: of the labels.
    """

    draws: Draws
    tests: tuple[str, ...]
    classes: int

    def __call__(self, seed: int) -> Data:
        """Return the data of the run with this seed.

        Raises:
            CheckFault: the author's function returns something else.
        """
        given = self.draws(Draw(derive_seed(seed, "data")))
        wanted = {TRAIN, *self.tests}
        if not isinstance(given, Mapping) or set(given) != wanted:
            got = sorted(given) if isinstance(given, Mapping) else type(given).__name__
            raise CheckFault(f"`data` gave {got}, expected a dict with {sorted(wanted)}")
        rng = generator(derive_seed(seed, "order"))
        numbers = torch.randperm(self.classes, generator=rng)
        parts = {name: self._shuffled(name, given[name], numbers, rng) for name in sorted(wanted)}
        return Data(parts[TRAIN], {name: parts[name] for name in self.tests})

    def _shuffled(self, name: str, given: Any, numbers: Tensor, rng: torch.Generator) -> Part:
        part = Part(*given)
        inputs, labels = part.inputs, part.labels
        if not isinstance(inputs, Tensor) or not isinstance(labels, Tensor):
            kinds = f"{type(inputs).__name__} and {type(labels).__name__}"
            raise CheckFault(f"`data`, {name}: expected inputs and labels as tensors, got {kinds}")
        if labels.dtype != torch.int64 or tuple(labels.shape) != (len(inputs),):
            raise CheckFault(
                f"`data`, {name}: expected as many labels as inputs ({len(inputs)}), int64, got "
                f"{tuple(labels.shape)} of {str(labels.dtype).removeprefix('torch.')}"
            )
        if len(labels) < 2 or int(labels.min()) < 0 or int(labels.max()) >= self.classes:
            raise CheckFault(
                f"`data`, {name}: expected two labels at least, from 0 to {self.classes - 1}, got "
                f"{sorted(set(labels.tolist()))[:8]}"
            )
        order = torch.randperm(len(inputs), generator=rng)
        return Part(inputs[order], numbers[labels[order]], part.padding)
