"""A mutant as a student might hand it in: what the lab is proved with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autograder.checking.kit.mutant import Mutant
from autograder.checking.kit.reference import Reference
from autograder.checking.kit.running import run


def as_answer(reference: Reference, mutant: Mutant) -> Callable[..., Any]:
    """Return the function or the class of modules that has a mutant's mistake."""
    if mutant.instead is not None:
        return mutant.instead
    if not reference.is_module:
        subject = reference.subject(reference.sizes[0], mutant)

        def answer(*arguments: Any) -> Any:
            return subject.run(arguments, dtype=torch.float32)

        return answer

    class Answer(nn.Module):
        def __init__(self, **arguments: Any) -> None:
            super().__init__()
            self.inner = reference.make(**arguments)
            for path, rebuild in mutant.rebuilt:
                self.inner.set_submodule(path, rebuild(self.inner.get_submodule(path)))

        def forward(self, *arguments: Any) -> Any:
            return run(self.inner, arguments, mutant.edits, dtype=torch.float32)

    return Answer
