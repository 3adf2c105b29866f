"""`autograder report`: how the class did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.terminal import HERE, Assignment, CourseFolder, explained_faults


def report_command(
    assignment: Assignment,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the files; report/ if not given.")
    ] = None,
    course: CourseFolder = HERE,
) -> None:
    """Write how the class did, and which check is bad: one HTML page, and JSON."""
    from autograder import report  # SciPy is in it: other commands start without

    with explained_faults("reported"):
        root = course.resolve()
        page = report.write(root, assignment, (out or root / "report").resolve())
        typer.echo(f"{page}\n{page.with_suffix('.json')}")
