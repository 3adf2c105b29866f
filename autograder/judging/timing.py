"""Where the time of one submission goes, a phase at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

CELL = "cell "  # and its id: the phase of one of the student's cells


@dataclass(frozen=True)
class Phase:
    """What a phase took, in seconds.

    Attributes:
        wall_s: by the clock.
        judge_cpu_s: processor time of the judge's process.
        kernel_cpu_s: processor time of all processes of the hand-in.
    """

    wall_s: float = 0.0
    judge_cpu_s: float = 0.0
    kernel_cpu_s: float = 0.0

    def __add__(self, other: Phase) -> Phase:
        return Phase(
            self.wall_s + other.wall_s,
            self.judge_cpu_s + other.judge_cpu_s,
            self.kernel_cpu_s + other.kernel_cpu_s,
        )


@dataclass
class Stopwatch:
    """Adds up phases by name."""

    phases: dict[str, Phase] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str, kernel_cpu_s: Callable[[], float] = lambda: 0.0) -> Iterator[None]:
        """Add what happens inside to the phase `name`.

        Args:
            name: of the phase.
            kernel_cpu_s: tells the processor time of the hand-in's processes so far.
        """
        start = (time.monotonic(), time.process_time(), kernel_cpu_s())
        try:
            yield
        finally:
            end = (time.monotonic(), time.process_time(), kernel_cpu_s())
            took = Phase(*(b - a for a, b in zip(start, end, strict=True)))
            self.phases[name] = self.phases.get(name, Phase()) + took


def cells_together(phases: Mapping[str, Phase], training: Collection[str]) -> dict[str, Phase]:
    """Return the phases with the student's cells as two: "training cells" and "cells".

    Args:
        phases: by name.
        training: ids of the cells that train networks.
    """
    found: dict[str, Phase] = {}
    for name, phase in phases.items():
        if name.startswith(CELL):
            name = "training cells" if name.removeprefix(CELL) in training else "cells"
        found[name] = found.get(name, Phase()) + phase
    return found
