"""The protocol by which `ImprovedNet` is graded: from scratch, on top-left signs, a fixed budget.

Student and grader run this same code. A student rehearses with `rehearse`, on signs of their own;
the grader draws others, and keeps them to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import nn

from course_utils.environment import quick_run
from course_utils.protocol import Protocol, Training, accuracy, predict
from course_utils.scale import Accuracies, Scale, average, published_scale
from course_utils.signs import draw_signs
from course_utils.transforms import padding

IMAGE_SIZE = 56  # pixels: a 28x28 sign in one quadrant of a canvas twice as high and wide
SHORT_RUN = Protocol(checkpoints=(150, 300))
LONG_RUN = Protocol(checkpoints=(500, 750, 1000, 1500))
Look = TypeVar("Look", bound=Accuracies)


@dataclass(frozen=True)
class Measured(Generic[Look]):
    """What the protocol found out about one network.

    Attributes:
        short: what each short run ended with, one to three of them.
        long: what the long run ended with; None if there was none.
        counted: the accuracies that earn points.
    """

    short: tuple[Look, ...]
    long: Look | None
    counted: Accuracies

    @property
    def steps(self) -> int:
        """Return the optimiser steps of all runs."""
        return sum(run.steps for run in self.short) + (self.long.steps if self.long else 0)


def measure(run: Callable[[Protocol, int], Iterable[Look]], scale: Scale) -> Measured[Look]:
    """Return what a network is worth: short runs, and a long one for what is only slow.

    Where one more short run could still move the points, there is one more, and their mean counts.
    A network that does bottom right nearly as well as top left has understood: if it is not yet at
    the highest marks it gets a long run, which counts if that still holds after it.

    Args:
        run: yields what the checkpoints of one run from scratch show; told its protocol and number.
        scale: the rules.
    """
    short: list[Look] = []
    long: Look | None = None
    while scale.wants_another(short):
        short.append(outcome(run(SHORT_RUN, len(short)), scale))
        if long is None and scale.earns_long_run(average(short)):
            long = outcome(run(LONG_RUN, len(short)), scale)
            if scale.carries_over(long):
                return Measured(tuple(short), long, long)
    return Measured(tuple(short), long, average(short))


def looks(
    train: Callable[[int], None], evaluate: Callable[[], tuple[float, float]], protocol: Protocol
) -> Iterator[Accuracies]:
    """Yield the accuracies at each checkpoint; whoever has seen enough stops asking.

    Args:
        train: trains a fresh network for so many more steps.
        evaluate: gives the accuracies in [0, 1] top left and bottom right.
        protocol: the budget and its checkpoints.
    """
    done = 0
    for checkpoint in protocol.checkpoints:
        train(checkpoint - done)
        done = checkpoint
        yield Accuracies(*evaluate(), done)


def outcome(looks: Iterable[Look], scale: Scale) -> Look:
    """Return the first look that settles what the run is worth, or else the last."""
    for look in looks:
        if scale.settled(look):
            break
    return look


def rehearse(
    factory: Callable[[], nn.Module], *, seed: int = 0, progress: bool = True
) -> Measured[Accuracies] | None:
    """Measure a network as grading does, print what it is worth, and return what was measured.

    The grader draws other signs and other initial weights; the rest is the same.

    Args:
        factory: the class to be trained, for instance ImprovedNet.
        seed: of the signs, the initial weights and the order of the batches.
        progress: whether to show progress bars.

    Returns:
        What was measured; None while the notebook is graded, when its grade cells do this anyway.
    """
    if quick_run():
        return None
    scale = published_scale()

    def run(protocol: Protocol, number: int) -> Iterator[Accuracies]:
        if protocol is LONG_RUN:
            print(
                f"What it learns carries over, but slowly: a run of up to {protocol.steps:,} steps."
            )
        elif number:
            print("Luck could still change the points: one more run.")
        return _looks_here(factory, seed + number, protocol, progress)

    with torch.random.fork_rng():
        measured = measure(run, scale)
    print(scale.describe(measured.counted))
    return measured


def _looks_here(
    factory: Callable[[], nn.Module], seed: int, protocol: Protocol, progress: bool
) -> Iterator[Accuracies]:
    """Return what the checkpoints of one run in this process show."""
    torch.manual_seed(seed)
    signs, model = draw_signs(seed), factory()
    training = Training(
        model,
        signs.train_images[:, None],
        signs.train_labels,
        protocol=protocol,
        seed=seed,
        padding=padding("top_left"),
    )

    def accuracy_in(corner: str) -> float:
        logits = predict(model, signs.test_images[corner][:, None], padding(corner))
        return accuracy(logits, signs.test_labels[corner])

    return looks(
        lambda steps: training.run(steps, progress=progress),
        lambda: (accuracy_in("top_left"), accuracy_in("bottom_right")),
        protocol,
    )
