"""`autograder publish`: the bundle for students."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.terminal import HERE, Assignment, CourseFolder, explained_faults
from autograder.prepare import publish


def publish_command(
    assignment: Assignment,
    folder: Annotated[Path, typer.Argument(help="Where the bundle goes.")],
    github: Annotated[
        str, typer.Option(help="owner/name/branch[/folder] where the bundle will lie, for Colab.")
    ] = "",
    course: CourseFolder = HERE,
) -> None:
    """Write what students get: the release notebook, course_utils, requirements, a README."""
    with explained_faults("published"):
        place = publish.parse_github(github) if github else None
        for name in publish.publish(course.resolve(), assignment, folder.resolve(), place):
            typer.echo(folder / name)
