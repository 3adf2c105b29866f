"""What scheduler and gradebook cost by themselves: tasks that do nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from rich.console import Console

from autograder.batch import grade_class
from autograder.batch.cluster import open_client
from autograder.batch.grade_class import Outcome
from autograder.batch.progress import FOLDER, Display
from autograder.maintain.bench.runs import run
from autograder.maintain.bench.setting import (
    ASSIGNMENT,
    Figure,
    course,
    grade_wholly,
    hand_in_class,
    results,
    start_anew,
)

_MB = 1e6


class _Meter(grade_class.Observer):
    """An observer that takes the driver's memory and the time of each result."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.times: list[float] = []
        self.first_bytes = self.max_bytes = 0

    def start(self, students: int) -> None:
        self.first_bytes = self._process.memory_info().rss

    def done(self, outcome: Outcome) -> None:
        self.times.append(time.monotonic())
        self.max_bytes = max(self.max_bytes, self._process.memory_info().rss)


def rate_and_memory(root: Path, count: int, workers: int) -> list[Figure]:
    """Return how fast hand-ins go through scheduler and gradebook, and what the driver takes."""
    with course(root) as folder:
        students = hand_in_class(folder, count)
        meter = _Meter()
        grade_wholly(folder, students, workers=workers, observer=meter)
    rate = (count - 1) / (meter.times[-1] - meter.times[0])
    grown = (meter.max_bytes - meter.first_bytes) / _MB
    return [
        Figure(f"{count} tasks that do nothing", "20 a second", f"{rate:.1f} a second"),
        Figure("the driver's memory grows by", "at most 150 MB", f"{grown:.0f} MB"),
    ]


def unchanged(root: Path, count: int, workers: int) -> list[Figure]:
    """Return what a second run takes, and what it grades once a hand-in has changed."""
    with course(root) as folder:
        students = hand_in_class(folder, count, kinds=("iris",))
        grade_wholly(folder, students, workers=workers)
        command = ("autograder", "grade", ASSIGNMENT, f"--workers={workers}")
        second, said = run(folder, *command)
        path = folder / "submitted" / students[0] / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.write_bytes(path.read_bytes() + b"\n")
        _, printed = run(folder, *command)
    graded = [line for line in printed.splitlines() if " points" in line]
    return [
        Figure(
            f"a second run, {count} hand-ins, nothing changed",
            "at most 10 s",
            f"{second.wall_s:.1f} s: {said.splitlines()[-1]}",
        ),
        Figure("one of them changed", "only that one is graded", "; ".join(graded).strip()),
    ]


def killed(root: Path, moments: int, count: int, seed: int = 0) -> list[Figure]:
    """Return how often a run that was killed at a random moment ended in the same gradebook."""
    chance = random.Random(seed)
    same = 0
    with course(root) as folder, open_client(workers=2) as client:
        assert client.cluster is not None
        address = client.cluster.scheduler_address
        students = hand_in_class(folder, count)
        empty = (folder / "gradebook.db").read_bytes()
        grade_wholly(folder, students, scheduler=address)
        wanted = results(folder)
        for _ in range(moments):
            start_anew(folder, empty)
            _kill_driver(folder, address, after=chance.randrange(count), wait_s=chance.random() / 5)
            grade_wholly(folder, students, scheduler=address)
            same += results(folder) == wanted
    what = f"killed at {moments} random moments: the gradebook of an uninterrupted run"
    return [Figure(what, "every time", f"{same} of {moments} times")]


def drive(course_root: str, scheduler: str) -> None:
    """Grade all hand-ins: what `killed` starts, to kill it."""
    root = Path(course_root)
    log = root / FOLDER / f"{ASSIGNMENT}.jsonl"
    students = sorted(path.name for path in (root / "submitted").iterdir())
    with Display(Console(), log) as display:
        grade_wholly(root, students, scheduler=scheduler, observer=display)


def _kill_driver(folder: Path, scheduler: str, after: int, wait_s: float) -> None:
    """Kill a run some time after it has logged so many results."""
    call = f"from {__name__} import drive; drive({str(folder)!r}, {scheduler!r})"
    log = folder / FOLDER / f"{ASSIGNMENT}.jsonl"
    with subprocess.Popen([sys.executable, "-c", call], stdout=subprocess.DEVNULL) as driver:
        while driver.poll() is None and _lines(log) < after:
            time.sleep(0.01)
        time.sleep(wait_s)
        driver.send_signal(signal.SIGKILL)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
