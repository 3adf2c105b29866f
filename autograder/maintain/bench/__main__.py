"""The command `python -m autograder.maintain.bench`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder.maintain.bench import failures, report, scheduler, speed
from autograder.maintain.bench.page import page
from autograder.maintain.bench.setting import Figure


class Part(StrEnum):
    """What can be measured by itself."""

    CLASS = "class"
    USUAL = "usual"
    NOTHING = "nothing"
    UNCHANGED = "unchanged"
    KILLED = "killed"
    FAULTS = "faults"
    REPORT = "report"


def main(
    part: Annotated[
        list[Part] | None, typer.Option(help="Only this; may be repeated. All by default.")
    ] = None,
    hand_ins: Annotated[int, typer.Option(help="Hand-ins that are graded in earnest.")] = 24,
    workers: Annotated[int, typer.Option(help="Processes that grade.")] = 2,
    nothing: Annotated[int, typer.Option(help="Tasks that do nothing.")] = 2000,
    unchanged: Annotated[int, typer.Option(help="Hand-ins of the unchanged class.")] = 200,
    kills: Annotated[int, typer.Option(help="Moments to kill a run at.")] = 20,
    killed_class: Annotated[
        int, typer.Option(help="Hand-ins of the runs that are killed, or that something befalls.")
    ] = 60,
    reported: Annotated[int, typer.Option(help="Submissions of the class report.")] = 2000,
    mnist: Annotated[
        Path | None, typer.Option(help="A folder that holds MNIST/raw; else $MNIST_DATA.")
    ] = None,
    course: Annotated[Path, typer.Option(help="The course to measure.")] = Path("."),
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/bench.md"),
) -> None:
    """Measure what grading a class costs, print it, and write the page."""
    console, root = Console(), course.resolve()
    parts = part or list(Part)
    only = "".join(f" --part {one}" for one in part or ())
    command = f"python -m autograder.maintain.bench{only}" if part else "make bench"
    figures: list[Figure] = []
    tables: list[str] = []
    given = mnist or (Path(os.environ["MNIST_DATA"]) if os.environ.get("MNIST_DATA") else None)

    output.parent.mkdir(exist_ok=True)

    def tell(new: list[Figure]) -> None:
        figures.extend(new)
        for figure in new:
            console.print(f"{figure.what}: {figure.got} (wanted: {figure.wanted})", markup=False)
        output.write_text(
            page(command, figures, tables), encoding="utf-8"
        )  # now: the next part may be interrupted

    if Part.CLASS in parts or Part.USUAL in parts:
        new, tables, cpu_s = speed.classes(root, hand_ins, workers)
        tell(new)
        if Part.USUAL in parts and given is not None:
            tell(speed.usual_way(root, given, cpu_s))
        elif Part.USUAL in parts:
            console.print("Not measured, as MNIST_DATA is not set: the usual way of grading")
    if Part.NOTHING in parts:
        tell(scheduler.rate_and_memory(root, nothing, workers))
    if Part.UNCHANGED in parts:
        tell(scheduler.unchanged(root, unchanged, workers))
    if Part.KILLED in parts:
        tell(scheduler.killed(root, kills, killed_class))
    if Part.FAULTS in parts:
        tell(failures.failures(root, killed_class))
    if Part.REPORT in parts:
        tell(report.class_report(root, reported))
    console.print(f"written: {output}")


if __name__ == "__main__":
    typer.run(main)
