"""The command `autograder calibrate`."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from autograder.commands.terminal import HERE, Assignment, CourseFolder, console, explained_faults
from autograder.course.course import open_course


def calibrate_command(
    assignment: Assignment,
    seeds: Annotated[
        int | None,
        typer.Option(help="Networks of each family; else so many that rates are sure.", min=1),
    ] = None,
    audited: Annotated[
        int, typer.Option(help="How many of these to train on after an early stop.", min=0)
    ] = 1,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = os.cpu_count() or 1,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="Only this one; may be repeated.")
    ] = None,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Publish what has been measured; measure nothing.")
    ] = False,
    course: CourseFolder = HERE,
) -> None:
    """Measure how often each family of answers reaches each mark, and publish it.

    That an error is rarer than 2 % takes some 190 networks on each side of a mark: without --seeds
    that many are measured, at least 20 of each family. Interrupted, it goes on where it was. It
    also says where the families leave gaps: move the marks there and type the command again. With
    --family it measures and publishes nothing: a part of the families tells no error rate.
    """
    # Statistics and plots take a second to import, which no other command waits for.
    from autograder.prepare.calibration.run import run

    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with explained_faults("calibrated"), Progress(*columns, console=console) as progress:
        task = progress.add_task("calibrating", total=None)
        open_course(course.resolve())

        def on_progress(done: int, of: int) -> None:
            if not progress.tasks[task].total:  # the first time
                console.print(f"{of} networks, of which {done} have been measured before")
            progress.update(task, completed=done, total=of)

        lines = run(
            course.resolve(),
            assignment,
            seeds,
            audited,
            workers,
            family or (),
            so_far,
            on_progress,
        )
    for line in lines:
        console.print(line)
