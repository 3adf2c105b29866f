"""How a network that is trained is measured: short runs from scratch, and a long one for the slow.

Student and grader run this same code; whose network it is, and which data, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from course_utils.protocol import NO_PADDING, Padding, Protocol
from course_utils.scale import Accuracies, Scale, average

Look = TypeVar("Look", bound=Accuracies)


@dataclass(frozen=True)
class Part:
    """Inputs with labels: what a network is trained on, or one test set.

    Attributes:
        inputs: (N, ...) uint8, which stands for [0, 1], float32, or int64.
        labels: (N,) int64, classes counted from 0.
        padding: zeros that are laid around each input: left, right, top, bottom.
    """

    inputs: Tensor
    labels: Tensor
    padding: Padding = NO_PADDING


@dataclass(frozen=True)
class Data:
    """What one training run is about.

    Attributes:
        train: what the network is trained on.
        tests: name -> test set, the first with inputs like those trained on.
    """

    train: Part
    tests: Mapping[str, Part]


@dataclass(frozen=True)
class Budget:
    """How long a network is trained.

    Attributes:
        short: by a run from scratch, of which there are up to `scale.MAX_RUNS`.
        long: by the run that a network earns which understands, and is only slow; None: there is
            none.
    """

    short: Protocol
    long: Protocol | None = None


@dataclass(frozen=True)
class Measured(Generic[Look]):
    """What the procedure found out about one network.

    Attributes:
        short: what each short run ended with, one of them or more.
        long: what the long run ended with; None if there was none.
        counted: the accuracies that earn points.
    """

    short: tuple[Look, ...]
    long: Look | None
    counted: Accuracies

    @property
    def runs(self) -> tuple[Look, ...]:
        """Return what all runs ended with."""
        return (*self.short, self.long) if self.long else self.short

    @property
    def steps(self) -> int:
        """Return the optimiser steps of all runs."""
        return sum(run.steps for run in self.runs)


def measure(
    run: Callable[[Protocol, int], Iterable[Look]], scale: Scale, budget: Budget
) -> Measured[Look]:
    """Return what a network is worth: short runs, and a long one for what is only slow.

    Where one more short run could still move the points, there is one more, and their mean counts.
    A network that does nearly as well on the other test sets as on the first has understood: if it
    is not yet at the highest marks it gets a long run, which counts if that still holds after it.

    Args:
        run: yields what the checkpoints of one run from scratch show; told its protocol and number.
        scale: the rules.
        budget: of the runs.
    """
    short: list[Look] = []
    long: Look | None = None
    while scale.wants_another(short):
        short.append(outcome(run(budget.short, len(short)), scale))
        if long is None and budget.long and scale.earns_long_run(average(short)):
            long = outcome(run(budget.long, len(short)), scale)
            if scale.carries_over(long):
                return Measured(tuple(short), long, long)
    return Measured(tuple(short), long, average(short))


def looks(
    train: Callable[[int], None], look: Callable[[int], Look], protocol: Protocol
) -> Iterator[Look]:
    """Yield what each checkpoint shows; whoever has seen enough stops asking.

    Args:
        train: trains a fresh network for so many more steps.
        look: evaluates it, after so many steps.
        protocol: the budget and its checkpoints.
    """
    done = 0
    for checkpoint in protocol.checkpoints:
        train(checkpoint - done)
        done = checkpoint
        yield look(done)


def outcome(looks: Iterable[Look], scale: Scale) -> Look:
    """Return the first look that settles what the run is worth, or else the last."""
    for look in looks:
        if scale.settled(look):
            break
    return look
