"""`autograder explain`: how one verdict came about."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.terminal import HERE, CourseFolder, console, explained_faults
from autograder.intake.identity import printable


def explain_command(
    student: Annotated[str, typer.Argument(help="The name of the folder in submitted/.")],
    grade_id: Annotated[str, typer.Argument(help="For instance net_function.")],
    assignment: Annotated[
        str | None, typer.Option(help="Where several have such a grade cell.")
    ] = None,
    course: CourseFolder = HERE,
) -> None:
    """Say how a verdict came about: asked, answered, expected, with which versions, and when.

    For instructors: it tells of challenges, which a re-grade of this hand-in draws again.
    """
    from autograder.report.explanation import explain  # here: it needs torch

    with explained_faults("explained"):
        for line in explain(course.resolve(), student, grade_id, assignment):
            console.print(escape(printable(line)), highlight=False, soft_wrap=True)
