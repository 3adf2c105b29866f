"""What goes wrong while a class is graded, for real: nothing is lost, and it is said clearly."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from autograder.batch import grade_class
from autograder.batch.grade_class import Outcome, RunSummary
from autograder.maintain.bench.setting import (
    Figure,
    cluster_in_threads,
    course,
    grade_nothing,
    grade_wholly,
    hand_in_class,
    results,
    start_anew,
)
from autograder.sandbox.bwrap import find_bwrap

LOCKED_S = 30
_AFTER = 3  # results: then it goes wrong
_SMALL_BYTES = 64 * 2**20
_ROOM_BYTES = 2**20  # what the full disk has left for a class
_WANTED = "nothing lost, no points changed, a clear message"
_LOCK = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


class _Breaks(grade_class.Observer):
    """An observer that does something after some results, and remembers what it is told."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action, self._left = action, _AFTER
        self.notes: list[str] = []

    def done(self, outcome: Outcome) -> None:
        self._left -= 1
        if self._left == 0:
            self._action()

    def note(self, text: str) -> None:
        self.notes.append(text)


def failures(root: Path, count: int) -> list[Figure]:
    """Return what came of a class of so many when something of the grader's failed."""
    with course(root) as folder:
        students = hand_in_class(folder, count)
        empty = (folder / "gradebook.db").read_bytes()
        grade_wholly(folder, students)
        wanted = results(folder)

        def after(what: str, broken: Callable[[], str]) -> Figure:
            start_anew(folder, empty)
            said = broken()
            unchanged = set(results(folder)[0]) <= set(wanted[0])  # nobody's points are others
            again = grade_nothing(folder, students)
            same = unchanged and results(folder) == wanted and not again.stopped
            return Figure(what, _WANTED, f"{_verdict(same)}; said: {said}")

        return [
            after("a worker is killed mid-run", lambda: _kill_worker(folder, students)),
            after("the scheduler's connection drops", lambda: _drop_scheduler(folder, students)),
            after(
                f"another program locks the database for {LOCKED_S} s",
                lambda: _lock_database(folder, students),
            ),
            _fill_disk(folder, empty),
        ]


def _kill_worker(folder: Path, students: list[str]) -> str:
    def kill() -> None:
        # A worker is forked of multiprocessing's fork server, and so has the same command line.
        forked = [p for p in psutil.Process().children(True) if "forkserver" in _command(p)]
        workers = [p for p in forked if p.ppid() in {other.pid for other in forked}]
        workers[-1].kill()

    summary = grade_nothing(folder, students, workers=2, observer=_Breaks(kill))
    return _said(summary)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""


def _drop_scheduler(folder: Path, students: list[str]) -> str:
    with cluster_in_threads(workers=1) as cluster:

        def drop() -> None:
            cluster.close()

        summary = grade_nothing(
            folder, students, scheduler=cluster.scheduler_address, observer=_Breaks(drop)
        )
    return _said(summary)


def _lock_database(folder: Path, students: list[str]) -> str:
    lockers = []

    def lock() -> None:
        command = [sys.executable, "-c", _LOCK, str(folder / "gradebook.db"), str(LOCKED_S)]
        locker = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert locker.stdout is not None
        locker.stdout.readline()
        lockers.append(locker)

    observer = _Breaks(lock)
    summary = grade_nothing(folder, students, workers=2, observer=observer)
    lockers[0].communicate()
    return f"{observer.notes[-1]}; {_said(summary)}"


def _fill_disk(folder: Path, gradebook: bytes) -> Figure:
    """Return what comes of a course on a disk of its own, which is full in the midst of it."""
    small = folder / "small"
    small.mkdir()
    folders = f"{str(folder)!r}, {str(small)!r}"
    call = f"from autograder.maintain.bench import failures; failures.on_a_full_disk({folders})"
    disk = ["--dev-bind", "/", "/", "--size", str(_SMALL_BYTES), "--tmpfs", str(small)]
    (folder / "empty.db").write_bytes(gradebook)
    done = subprocess.run(
        [str(find_bwrap()), *disk, sys.executable, "-c", call],
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return Figure(
        "the disk is full mid-run", _WANTED, f"{_verdict(found['same'])}; said: {found['said']}"
    )


def on_a_full_disk(graded: str, small: str) -> None:
    """Print what came of a course on a full disk: what `_fill_disk` starts.

    Args:
        graded: a course that has been graded.
        small: an empty folder on a small disk, for the same course.
    """
    done, folder = Path(graded), Path(small) / "course"
    folder.mkdir()
    for part in ("source", "release", "submitted"):
        shutil.copytree(done / part, folder / part)
    shutil.copy(done / "nbgrader_config.py", folder)
    shutil.copytree(done / ".autograder", folder / ".autograder")
    start_anew(folder, (done / "empty.db").read_bytes())
    students = sorted(path.name for path in (folder / "submitted").iterdir())
    ballast = Path(small) / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small).free - _ROOM_BYTES))
    stopped = grade_nothing(folder, students, workers=2)
    ballast.unlink()
    again = grade_nothing(folder, students, workers=2)
    same = not again.stopped and results(folder) == results(done)
    said = _said(stopped) if stopped.left else "nothing: the class is too small to fill the disk"
    print(json.dumps({"same": same and bool(stopped.left), "said": said}))


def _said(summary: RunSummary) -> str:
    graded = f"{len(summary.outcomes)} graded, {summary.left} left"
    return f"{graded}; {summary.stopped}" if summary.stopped else graded


def _verdict(same: bool) -> str:
    return "the next run ends in the same gradebook and files" if same else "NOT THE SAME"
