"""A run that is killed: the next one finishes the rest, and ends in the same gradebook."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from autograder.batch import grade_class
from autograder.batch.grade_class import Selection
from autograder.maintain.bench.setting import cluster_in_threads
from tests.batch import cheap

STEPS = 4  # of `Store.keep`


class _Killer(logging.Handler):
    """Kills this very process at the nth step."""

    def __init__(self, step: int) -> None:
        super().__init__(logging.DEBUG)
        self._left = step

    def emit(self, record: logging.LogRecord) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _drive(course: Path, scheduler: str) -> grade_class.RunSummary:
    students = [folder.name for folder in sorted((course / "submitted").iterdir())]
    return grade_class.grade(
        course,
        "cnns",
        Selection(students),
        sandboxed=False,
        scheduler=scheduler,
        task=cheap.grade_cheaply,
    )


def _killed_at(course: Path, scheduler: str, step: int) -> None:
    """Kill a run, in a process of its own, at the nth step."""
    call = f"from {__name__} import main; main({str(course)!r}, {scheduler!r}, {step})"
    done = subprocess.run([sys.executable, "-c", call], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def main(course: str, scheduler: str, step: int) -> None:
    """Grade until it is killed; what `_killed_at` runs."""
    log = logging.getLogger("autograder.batch._result_store")
    log.setLevel(logging.DEBUG)
    log.addHandler(_Killer(step))
    _drive(Path(course), scheduler)


def test_killed_between_any_two_steps_the_next_run_ends_in_the_same_gradebook(fresh: Path) -> None:
    students = cheap.names(8)
    cheap.hand_in(fresh, students)
    with cluster_in_threads(workers=1) as cluster:
        address = cluster.scheduler_address
        _drive(fresh, address)
        wanted = cheap.results(fresh)
        cheap.hand_in(fresh, students, b"another ")
        _drive(fresh, address)
        cheap.hand_in(fresh, students)
        for step in range(1, STEPS + 1):  # one hand-in further each time
            _killed_at(fresh, address, STEPS + step)
        summary = _drive(fresh, address)
        left = (len(summary.outcomes), summary.unchanged)
        assert left == (3, 5), "one of each killed run is done, and one whose line was written"
        assert cheap.results(fresh) == wanted
