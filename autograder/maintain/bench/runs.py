"""What a command takes: by the clock, and of the processors."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import NamedTemporaryFile

import psutil

from autograder import GraderFault


@dataclass(frozen=True)
class Took:
    """What a command took.

    Attributes:
        wall_s: by the clock.
        cpu_s: that the machine was busy meanwhile: also processes that nobody waits for count.
        stolen_s: that a hypervisor gave to others meanwhile, of the processor time wanted.
        idle_s: that nothing wanted. These three, of all cores together, are the wall time times
            the number of cores.
    """

    wall_s: float
    cpu_s: float
    stolen_s: float
    idle_s: float

    @property
    def stolen(self) -> float:
        """Return the share of the processor time wanted that a hypervisor gave to others."""
        return self.stolen_s / ((self.cpu_s + self.stolen_s) or 1.0)


def run(
    folder: Path,
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
) -> tuple[Took, str]:
    """Return what `python -m module arguments` takes in a folder, and what it prints.

    Args:
        folder: where it runs.
        module: the command.
        arguments: its arguments.
        environment: beside this process's.
        ok: the exit codes of success.

    Raises:
        GraderFault: it fails.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    started, before = time.monotonic(), psutil.cpu_times()._asdict()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        encoding="utf-8",
    )
    wall_s, after = time.monotonic() - started, psutil.cpu_times()._asdict()
    if done.returncode not in ok:
        with NamedTemporaryFile(
            "w", encoding="utf-8", prefix="autograder-bench-", delete=False
        ) as whole:
            whole.write(done.stdout)
        raise GraderFault(
            f"{module} {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n"
            f"All it said: {whole.name}"
        )
    return took(wall_s, {name: after[name] - before[name] for name in after}), done.stdout


def took(wall_s: float, times: Mapping[str, float]) -> Took:
    """Return what a command took.

    Args:
        wall_s: by the clock.
        times: what `psutil.cpu_times()` rose by meanwhile, by name.
    """
    busy = ("user", "nice", "system", "irq", "softirq")
    cpu_s, idle_s = (sum(times[name] for name in names) for names in (busy, ("idle", "iowait")))
    return Took(wall_s, cpu_s, times["steal"], idle_s)


def mean(runs: Sequence[Took]) -> Took:
    """Return the mean of several runs of one command."""
    return Took(
        fmean(one.wall_s for one in runs),
        fmean(one.cpu_s for one in runs),
        fmean(one.stolen_s for one in runs),
        fmean(one.idle_s for one in runs),
    )
