"""A student's side that answers as long as nothing is trained.

To prove a lab or to explain a verdict is not worth a training run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from torch import Tensor

from autograder import GraderFault
from autograder.checking.student import InProcess
from autograder.inside.probe import Answer


class Trains(GraderFault):
    """A check would have a network trained."""


class Untrained(InProcess):
    """A student in this process whose networks are not trained."""

    def afresh(self) -> NoReturn:
        """Raise `Trains`: whoever opens a side once more trains there."""
        raise Trains

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the probe's answer.

        Raises:
            Trains: something is to be trained.
        """
        if verb == "train":
            raise Trains
        return super().ask(verb, arguments, tensors)
