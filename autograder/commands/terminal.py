"""What all commands share: the terminal, the option `--course`, how one ends without success."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from autograder import GraderFault
from autograder.intake.identity import printable_lines
from autograder.sandbox import SandboxError, SandboxUnavailable

GRADERS_FAULT = 3  # exit status: it is not a student's doing
console = Console()

Assignment = Annotated[str, typer.Argument(help="For instance cnns.")]
CourseFolder = Annotated[Path, typer.Option("--course", help="Where nbgrader_config.py lies.")]
HERE = Path(".")


@contextmanager
def explained_faults(done: str) -> Iterator[None]:
    """Turn a grader's fault into one clear message and the exit status `GRADERS_FAULT`.

    Args:
        done: what the command would have done, for instance "graded".
    """
    try:
        yield
    except (GraderFault, SandboxUnavailable, SandboxError) as error:
        console.print(f"[bold red]Nothing was {done}:[/] {escape(printable_lines(str(error)))}")
        raise typer.Exit(GRADERS_FAULT) from error
