"""How a run goes: a live display in a terminal, plain lines elsewhere, and a log file."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.batch.grade_class import Observer, Outcome
from autograder.intake.identity import printable_lines

FOLDER = Path(".autograder") / "log"


class Display(Observer):
    """Shows a run to a person.

    Args:
        console: where.
        log: a line of JSON for each hand-in is added to this file.
    """

    def __init__(self, console: Console, log: Path) -> None:
        self._console, self._log = console, log
        self._total = self._stand = self._done = self._failed = self._workers = 0
        self._started = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f}"),
            TextColumn("{task.fields[about]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("grading", total=None, about="", visible=False)

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def start(self, students: int) -> None:
        """Say how many hand-ins will be looked at."""
        self._total, self._started = students, time.monotonic()
        self._print(f"{students} hand-ins to look at")
        self._progress.update(self._task, total=students, visible=True, about=self._about())
        self._progress.start()

    def workers(self, count: int) -> None:
        """Show how many hand-ins are graded at one time."""
        self._workers = count
        self._show()

    def stands(self, student: str) -> None:
        """Count a hand-in whose result stands."""
        self._stand += 1
        self._show()

    def done(self, outcome: Outcome) -> None:
        """Log what came of one hand-in, and say it."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(log_line(outcome)) + "\n")
        self._done += 1
        self._failed += bool(outcome.fault)
        if outcome.fault:
            self._print(f"    {outcome.student}: not graded: {outcome.fault}")
        elif not self._console.is_terminal:
            counted = f"[{self._done + self._stand}/{self._total}]"
            self._print(f"    {counted} {outcome.student}: {outcome.points:g} points")
        self._show()

    def note(self, text: str) -> None:
        """Say what a person may have to see to."""
        self._print(f"    {text}")

    def _print(self, text: str) -> None:
        self._console.print(escape(printable_lines(text)), highlight=False, soft_wrap=True)

    def _show(self) -> None:
        done = self._done + self._stand
        self._progress.update(self._task, completed=done, about=self._about())

    def _about(self) -> str:
        running = min(self._workers, self._total - self._stand - self._done)
        minutes = (time.monotonic() - self._started) / 60
        rate = f", {self._done / minutes:.1f} a minute" if self._done else ""
        return f"({running} running, {self._failed} failed{rate})"


def last_faults(log: Path) -> dict[str, str]:
    """Return why hand-ins have no verdict, by the last line that the log has of each student.

    Args:
        log: the log file; that of a killed run may end in half a line.
    """
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        with suppress(ValueError):
            fields = json.loads(line)
            found[fields["student"]] = fields["fault"]
    return {student: fault for student, fault in found.items() if fault}


def log_line(outcome: Outcome) -> dict[str, object]:
    """Return what the log file keeps of one hand-in."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "student": outcome.student,
        "fault": outcome.fault,
        "points": outcome.points,
        "verdicts": dict(outcome.scores),
        **outcome.report,
    }
