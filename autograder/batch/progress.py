"""How a run goes: a live display in a terminal, plain lines elsewhere, and a log file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.batch.run_records import Change, Observer, Outcome, counted, listed
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
        self._held: set[str] = set()
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

    def holds(self, change: Change) -> None:
        """Count a hand-in whose result is written at the end."""
        self._held.add(change.student)
        self._show()

    def changes(self, changes: Sequence[Change]) -> None:
        """Say who will gain and who will lose."""
        self._print(f"Points that stand will change ({counted(changes)}):")
        for line in listed(changes):
            self._print(f"    {line}")

    def done(self, outcome: Outcome) -> None:
        """Log what came of one hand-in, and say it."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(log_line(outcome)) + "\n")
        self._held.discard(outcome.student)
        self._done += 1
        self._failed += bool(outcome.fault)
        if outcome.fault:
            self._print(f"    {outcome.student}: not graded: {outcome.fault}")
        elif not self._console.is_terminal:
            at = f"[{self._looked_at}/{self._total}]"
            self._print(f"    {at} {outcome.student}: {outcome.points:g} points")
        self._show()

    def note(self, text: str) -> None:
        """Say what a person may have to see to."""
        self._print(f"    {text}")

    @property
    def _looked_at(self) -> int:
        return self._done + self._stand + len(self._held)

    def _print(self, text: str) -> None:
        self._console.print(escape(printable_lines(text)), highlight=False, soft_wrap=True)

    def _show(self) -> None:
        self._progress.update(self._task, completed=self._looked_at, about=self._about())

    def _about(self) -> str:
        running = min(self._workers, self._total - self._looked_at)
        minutes = (time.monotonic() - self._started) / 60
        rate = f", {self._done / minutes:.1f} a minute" if self._done else ""
        return f"({running} running, {self._failed} failed{rate})"


def last_faults(log: Path) -> dict[str, str]:
    """Return why hand-ins have no verdict, by the last line that the log has of each student.

    Args:
        log: the log file; that of a killed run may end in half a line.
    """
    last = {student: fields["fault"] for student, fields in _last_lines(log).items()}
    return {student: fault for student, fault in last.items() if fault}


def last_changes(log: Path) -> list[Change]:
    """Return whose points the last grading of each student made others, who lost most first.

    Args:
        log: the log file.
    """
    found = [fields.get("change") for fields in _last_lines(log).values()]
    changes = [Change(**change) for change in found if change]
    return sorted(changes, key=lambda change: (change.gained, change.student))


def _last_lines(log: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        with suppress(ValueError):
            fields = json.loads(line)
            found[fields["student"]] = fields
    return found


def log_line(outcome: Outcome) -> dict[str, object]:
    """Return what the log file keeps of one hand-in."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "student": outcome.student,
        "fault": outcome.fault,
        "points": outcome.points,
        "versions": outcome.versions,
        "change": asdict(outcome.change) if outcome.change else None,
        "verdicts": dict(outcome.scores),
        **outcome.report,
    }
