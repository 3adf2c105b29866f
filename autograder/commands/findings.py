"""`autograder doctor` and `autograder check-assignment`: what was looked at, and what to mend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from autograder.commands.terminal import HERE, Assignment, CourseFolder, console, explained_faults

if TYPE_CHECKING:
    from autograder.prepare.doctor import Finding

_MARKS = {True: ("green", "✓", "+"), None: ("yellow", "!", "!"), False: ("red", "✗", "x")}


def doctor_command(course: CourseFolder = HERE) -> None:
    """Look whether this machine can grade, and say how to mend what is missing.

    Exit status: 0 if it can, 1 if not.
    """
    from autograder.prepare import doctor  # here: it needs torch, which takes seconds to import

    _show(doctor.examine(course.resolve()))


def check_assignment_command(
    assignment: Assignment,
    course: CourseFolder = HERE,
) -> None:
    """Prove before release that the source scores full, the release nothing, and nothing leaks.

    Exit status: 0 if all is well, 1 if not, 3 if it could not be found out.
    """
    from autograder.prepare import check_assignment  # here: it needs torch

    with explained_faults("proved"):
        _show(check_assignment.examine(course.resolve(), assignment))


def _show(findings: Iterable[Finding]) -> None:
    bad = 0
    for finding in findings:
        console.print(
            f"{_mark(finding.good)} [bold]{finding.what}[/]: {escape(finding.says)}",
            highlight=False,
            soft_wrap=True,
        )
        if finding.good is not True and finding.mend:
            console.print(f"    {escape(finding.mend)}", highlight=False, soft_wrap=True)
        bad += finding.good is False
    if bad:
        raise typer.Exit(1)


def _mark(good: bool | None) -> str:
    """Return the mark of a finding, as this console can show it."""
    colour, mark, plain = _MARKS[good]
    return f"[{colour}]{mark if console.encoding.startswith('utf') else plain}[/]"
