"""One attack in a throw-away course, under stock nbgrader or under ours, and what came of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import psutil
from nbgrader.api import Gradebook, MissingEntry

import autograder
from autograder.maintain.threats import pages
from autograder.maintain.threats.assignment import ASSIGNMENT, CANARY, FULL, source_notebook, submit
from autograder.maintain.threats.attack import Attack
from autograder.maintain.threats.reading import MARKER, PORT_VARIABLE

CONFIG = Path(autograder.__file__).resolve().parents[1] / "nbgrader_config.py"
STOCK_CONFIG = "c = get_config()\n"
OUR_LIMITS = """
c.Judge.cell_timeout_s = 20
c.Judge.memory_bytes = 3 * 2**30
"""
ATTACKER, GRADED_BEFORE, GRADED_AFTER = "mallory", "alice", "zoe"
TIMEOUT_S = 300
_TOKEN = "AUTOGRADER_THREAT"
_MAX_MEASURED = 50  # processes: measuring is slow
_ENDING_S = 5.0  # what the grader's own processes get to end, on a busy machine
_PAGE_LIMIT_S = 40.0  # an honest one takes some seconds, on a busy machine too
_PAGE_LIMIT_BYTES = 3_000_000  # a page with nbgrader's styles has less than one million


@dataclass(frozen=True)
class Result:
    """What came of an attack.

    Attributes:
        points: the attacker's in the gradebook; None for no score.
        notes: what else happened, in words; empty if nothing did.
    """

    points: float | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        points = "no score" if self.points is None else f"{self.points:g} of {FULL:g} points"
        return "; ".join([points, *self.notes])


def make_course(folder: Path, *, stock: bool, graded_before: bool = True) -> Path:
    """Return `folder` as a course of the small assignment.

    Args:
        folder: does not exist yet.
        stock: without our configuration.
        graded_before: whether one hand-in is graded already, with 0 points.
    """
    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(source_notebook(assertions=stock), source / f"{ASSIGNMENT}.ipynb")
    config = STOCK_CONFIG if stock else CONFIG.read_text(encoding="utf-8") + OUR_LIMITS
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    (folder / "home").mkdir()
    (folder / "home" / "notes.txt").write_text(f"{CANARY}-home", encoding="utf-8")
    _must(folder, "generate_assignment", ASSIGNMENT)
    if not graded_before:
        return folder
    other = Attack(GRADED_BEFORE, "", opening=f"# {CANARY}-handin")
    submit(folder, GRADED_BEFORE, other)
    if stock:
        _must(folder, "autograde", ASSIGNMENT)
    elif run_command(folder, "autograder", "grade", ASSIGNMENT) != 0:
        raise RuntimeError("autograder grade failed in the throw-away course")
    return folder


def run_command(course: Path, module: str, *arguments: str) -> int:
    """Return the exit status of a command, run in the course's folder: its module, arguments."""
    command = [sys.executable, "-m", module, *arguments]
    environment = _environment(course, {})
    return subprocess.run(
        command, cwd=course, env=environment, check=False, capture_output=True
    ).returncode


def run(attack: Attack, template: Path, *, stock: bool) -> Result:
    """Return what comes of one attack in a copy of the course `template`."""
    with tempfile.TemporaryDirectory(prefix="threat-") as name, _listener() as (port, received):
        course = Path(name) / "course"
        shutil.copytree(template, course)
        submit(course, ATTACKER, attack)
        if attack.beside:
            submit(course, GRADED_AFTER, Attack(GRADED_AFTER, ""))
        before = _files(course)
        token = Path(name).name
        variables = {_TOKEN: token, PORT_VARIABLE: str(port)}
        command = (
            [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
            if stock
            else [sys.executable, "-m", "autograder", "grade", ASSIGNMENT]
        )
        _, seconds, peak = _run(command, course, variables)
        left = _left_over(token)
        _end(left)
        notes = [f"took more than {TIMEOUT_S} s"] if seconds >= TIMEOUT_S else []
        if left:
            notes.append(f"{len(left)} of its processes outlived the grading")
        notes += _notes_on_gradebook(course, attack)
        notes += _notes_on_files(course, before)
        notes += _notes_on_reading(course)
        if received:
            notes.append("the network was reached")
        notes += _notes_on_size(attack, peak)
        notes += _notes_on_feedback(course, attack, variables)
        return Result(gradebook_points(course, ATTACKER), tuple(notes))


def _run(
    command: list[str], course: Path, variables: dict[str, str]
) -> tuple[str, float, tuple[int, int]]:
    """Return the output, the wall time in seconds, and the peak of processes and of bytes."""
    start, peak = time.monotonic(), (0, 0)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=course, env=_environment(course, variables), stdout=log, stderr=log
        )
        watched = psutil.Process(process.pid)
        while process.poll() is None and time.monotonic() - start < TIMEOUT_S:
            peak = max(peak[0], _count(watched)), max(peak[1], _memory(watched))
            time.sleep(0.1)
        if process.poll() is None:
            process.kill()
            process.wait()
        log.seek(0)
        text = log.read().decode(errors="replace")
    return text, time.monotonic() - start, peak


def _must(course: Path, *arguments: str) -> None:
    status = run_command(course, "nbgrader", *arguments)
    if status != 0:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed in the throw-away course")


def _environment(course: Path, variables: dict[str, str]) -> dict[str, str]:
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    home = {"HOME": str(course / "home"), "JUPYTER_RUNTIME_DIR": str(course / "home" / "runtime")}
    secret = {"GRADERS_TOKEN": f"{CANARY}-environment", "OMP_NUM_THREADS": "1"}
    return {**os.environ, "PATH": tools, **home, **secret, **variables}


def _count(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return len(process.children(recursive=True))
    return 0


def _memory(process: psutil.Process) -> int:
    """Return the bytes that its children hold; what several share counts once."""
    total = 0
    with suppress(psutil.Error):
        for child in process.children(recursive=True)[:_MAX_MEASURED]:
            with suppress(psutil.Error):
                total += child.memory_full_info().pss
    return total


def _left_over(token: str) -> list[psutil.Process]:
    """Return the processes that inherited the token and do not end in some seconds."""
    deadline = time.monotonic() + _ENDING_S
    while (found := _with_token(token)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _with_token(token: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            alive = process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            if alive and process.environ().get(_TOKEN) == token:
                found.append(process)
    return found


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def gradebook_points(course: Path, student: str) -> float | None:
    """Return the points of a student in the gradebook; None if a grade cell has no score."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        try:
            submission = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student)
        except MissingEntry:
            return None
        grades = [grade for grade in submission.grades if grade.cell.cell_type == "code"]
        if any(grade.auto_score is None and grade.manual_score is None for grade in grades):
            return None
        return float(sum(grade.score for grade in grades))


def _notes_on_gradebook(course: Path, attack: Attack) -> list[str]:
    notes = []
    other = gradebook_points(course, GRADED_BEFORE)
    if other != 0:
        notes.append(f"another student's 0 points became {other:g}")
    if attack.beside and gradebook_points(course, GRADED_AFTER) is None:
        notes.append("the hand-in after it was not graded")
    return notes


def _files(course: Path) -> dict[Path, tuple[int, int]]:
    own = (course / "autograded" / ATTACKER, course / "submitted" / ATTACKER)
    kept = [course / "source", course / "release", course / "submitted", course / "autograded"]
    files = [path for folder in kept for path in folder.rglob("*") if path.is_file()]
    stats = {path: path.stat() for path in files if not any(map(path.is_relative_to, own))}
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in stats.items()}


def _notes_on_files(course: Path, before: dict[Path, tuple[int, int]]) -> list[str]:
    after = _files(course)
    changed = [path for path, stat in before.items() if after.get(path) != stat]
    return [f"{len(changed)} files of others changed"] if changed else []


def _notes_on_reading(course: Path) -> list[str]:
    folder = course / "autograded" / ATTACKER / ASSIGNMENT
    notebook = folder / f"{ASSIGNMENT}.ipynb"
    notes = []
    if notebook.exists():
        cells = nbformat.read(notebook, 4).cells
        shown = " ".join(str(cell.outputs) for cell in cells if cell.cell_type == "code")
        kinds = ("handin", "solution", "environment", "home")
        read = [kind for kind in kinds if f"{CANARY}-{kind}" in shown]
        words = {"handin": "another hand-in", "solution": "the solutions"}
        words |= {"environment": "a secret of the environment", "home": "the home folder"}
        if read:
            notes.append(f"it read {', '.join(words[kind] for kind in read)}")
    copied = [p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".ipynb"]
    solutions = [n for n in copied if CANARY in (folder / n).read_bytes().decode("latin-1")]
    if solutions or "grades" in copied:
        notes.append("the contents of the linked files were copied to it")
    return notes


def _notes_on_size(attack: Attack, peak: tuple[int, int]) -> list[str]:
    if attack.name == "memory":
        return [f"peak memory {peak[1] / 2**30:.1f} GiB"]
    if attack.name == "fork-bomb":
        return [f"{peak[0]} processes at a time"]
    return []


def _notes_on_feedback(course: Path, attack: Attack, variables: dict[str, str]) -> list[str]:
    folder = course / "autograded" / ATTACKER / ASSIGNMENT
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    notes = [f"{kept / 1e6:.0f} MB were kept"] if kept > _PAGE_LIMIT_BYTES else []
    if not attack.page or not folder.exists():
        return notes
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", ASSIGNMENT]
    _, seconds, _ = _run([*command, f"--student={ATTACKER}"], course, variables)
    if seconds > _PAGE_LIMIT_S:
        notes.append(f"its feedback page took {seconds:.0f} s")
    page = course / "feedback" / ATTACKER / ASSIGNMENT / f"{ASSIGNMENT}.html"
    if page.exists():
        places = live_scripts(page.read_text(encoding="utf-8"))
        if places:
            notes.append(f"scripts run in the feedback page ({len(places)} places)")
        notes += pages.notes(page.read_text(encoding="utf-8"))
    else:
        notes.append("no feedback page")
    return notes


def live_scripts(page: str, marker: str = MARKER) -> list[str]:
    """Return the places of a page in which a script that holds the marker would run."""
    reader = _Scripts(marker)
    reader.feed(page)
    return reader.places


class _Scripts(HTMLParser):
    """Finds scripts: elements, `on...` attributes, links, embedded documents and maths links."""

    def __init__(self, marker: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self._marker, self._inside = marker, ""
        self._pre = False  # where no maths is set

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self._pre |= tag == "pre"
        for name, value in attrs:
            if self._marker in (value or "") and (
                name.startswith("on")
                or name == "srcdoc"
                or "script:" in "".join((value or "").split()).lower()
            ):
                self.places.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        self._pre &= tag != "pre"

    def handle_data(self, data: str) -> None:
        link = "\\href{javascript" in data and not self._pre
        if self._marker in data and (self._inside == "script" or link):
            self.places.append(self._inside)


@contextmanager
def _listener() -> Iterator[tuple[int, list[bytes]]]:
    """Yield a port of this machine, and what came in there."""
    received: list[bytes] = []

    def listen() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    received.append(connection.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], received
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
