"""`autograder new`: the first files of an assignment."""

from __future__ import annotations

import os

import typer

from autograder.commands.terminal import HERE, Assignment, CourseFolder, explained_faults
from autograder.prepare import new


def new_command(assignment: Assignment, course: CourseFolder = HERE) -> None:
    """Write a notebook with one exercise, and the file of its right answers, to edit from there."""
    with explained_faults("written"):
        root = course.resolve()
        for path in new.begin(root, assignment):
            typer.echo(os.path.relpath(path, root))
        typer.echo(f"Next: autograder check-assignment {assignment}")
