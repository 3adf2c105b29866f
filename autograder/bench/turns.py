"""Commands to be compared, run by turns: what else the machine does then befalls them alike.

How fast a machine is changes by the minute where others share it, and such commands take many. So
each runs for a few seconds, alone, while all processes of the others are stopped.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import STDOUT, Popen
from tempfile import NamedTemporaryFile, TemporaryFile

import psutil

from autograder.faults import GraderFault

# Time limits go on while a command is stopped. The longest waits for what starts, so that is not
# interrupted; the others allow for many turns.
FIRST_S = 30.0
TURN_S = 5.0


@dataclass(frozen=True)
class Command:
    """What `python -m module arguments` does in a folder.

    Attributes:
        environment: beside this process's.
        ok: the exit codes of success.
    """

    folder: Path
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ok: Sequence[int] = (0,)


@dataclass(frozen=True)
class Took:
    """What a command took, and what it printed.

    Attributes:
        wall_s: by the clock, while it was its turn.
        cpu_s: that the machine was busy while it was its turn: also processes that nobody waits
            for count.
        stolen_s: that a hypervisor gave to others meanwhile, of the processor time wanted.
        idle_s: that nothing wanted. These three, of all cores together, are the wall time times
            the number of cores.
        printed: stdout and stderr.
    """

    wall_s: float
    cpu_s: float
    stolen_s: float
    idle_s: float
    printed: str

    @property
    def stolen(self) -> float:
        """Returns the share of the processor time wanted that a hypervisor gave to others."""
        return self.stolen_s / ((self.cpu_s + self.stolen_s) or 1.0)


def in_turns(
    commands: Sequence[Command], first_s: float = FIRST_S, turn_s: float = TURN_S
) -> list[Took]:
    """Returns what each command takes, run by turns; a single one runs through.

    Args:
        commands: what to run.
        first_s: how long the first turn of each is, in seconds.
        turn_s: the others.

    Raises:
        GraderFault: one fails; the others are killed.
    """
    with ExitStack() as stack:
        runs = [stack.enter_context(_Run(command)) for command in commands]
        length_s = first_s
        while waiting := [run for run in runs if run.took is None]:
            for run in waiting:
                run.turn(length_s if len(waiting) > 1 else None)
            length_s = turn_s
        return [run.took for run in runs if run.took]


def run(folder: Path, module: str, *arguments: str, ok: Sequence[int] = (0,)) -> Took:
    """Returns what `python -m module arguments` takes in a folder.

    Raises:
        GraderFault: it fails.
    """
    return in_turns([Command(folder, module, arguments, ok=ok)])[0]


def took(wall_s: float, times: Mapping[str, float], printed: str) -> Took:
    """Returns what a command took.

    Args:
        wall_s: by the clock.
        times: what `psutil.cpu_times()` rose by meanwhile, by name.
        printed: stdout and stderr.
    """
    busy = ("user", "nice", "system", "irq", "softirq")
    cpu_s, idle_s = (sum(times[name] for name in names) for names in (busy, ("idle", "iowait")))
    return Took(wall_s, cpu_s, times["steal"], idle_s, printed)


class _Run:
    """A command that runs when it is its turn.

    Attributes:
        took: what it took, when it has ended.
    """

    def __init__(self, command: Command) -> None:
        self.took: Took | None = None
        self._command = command
        self._wall_s = 0.0
        self._times: Counter[str] = Counter()
        self._stack = ExitStack()

    def __enter__(self) -> _Run:
        self._printed = self._stack.enter_context(TemporaryFile("w+"))
        tools = str(Path(sys.executable).parent)
        path = os.pathsep.join([tools, os.environ["PATH"]])
        self._process = Popen(
            [sys.executable, "-m", self._command.module, *self._command.arguments],
            cwd=self._command.folder,
            env={**os.environ, "PATH": path, **self._command.environment},
            stdout=self._printed,
            stderr=STDOUT,
        )
        self._tree = psutil.Process(self._process.pid)
        self._stack.callback(self._process.wait)
        self._stack.callback(_to_all, self._tree, signal.SIGKILL)
        _to_all(self._tree, signal.SIGSTOP)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._stack.callback(os.close, self._pidfd)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def turn(self, seconds: float | None) -> None:
        """Returns after this time, or when the command has ended; None waits for that."""
        started, before = time.monotonic(), psutil.cpu_times()._asdict()
        _to_all(self._tree, signal.SIGCONT)
        ended = bool(select.select([self._pidfd], [], [], seconds)[0])
        if not ended:
            _to_all(self._tree, signal.SIGSTOP)
        self._wall_s += time.monotonic() - started
        after = psutil.cpu_times()._asdict()
        self._times.update({name: after[name] - before[name] for name in after})
        if ended:
            self._end()

    def _end(self) -> None:
        self._process.wait()
        self._printed.seek(0)
        printed = self._printed.read()
        if self._process.returncode not in self._command.ok:
            what = f"{self._command.module} {' '.join(self._command.arguments)}"
            with NamedTemporaryFile("w", prefix="autograder-bench-", delete=False) as whole:
                whole.write(printed)
            raise GraderFault(f"{what} failed:\n{printed[-4000:]}\nAll it said: {whole.name}")
        self.took = took(self._wall_s, self._times, printed)


def _to_all(tree: psutil.Process, number: signal.Signals) -> None:
    """Sends a signal to a process and its descendants, also to those that they make meanwhile."""
    told: set[psutil.Process] = set()
    with suppress(psutil.NoSuchProcess):
        while new := {tree, *tree.children(recursive=True)} - told:
            for process in new:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            told |= new
