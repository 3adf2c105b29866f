"""The command `autograder calibrate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from autograder.assignments.cnns.improved import calibration

console = Console()


def calibrate(
    assignment: Annotated[str, typer.Argument(help="For instance cnns.")],
    seeds: Annotated[int, typer.Option(help="Networks of each family, at least.", min=1)] = 40,
    audited: Annotated[
        int, typer.Option(help="How many of these to train on after an early stop.", min=0)
    ] = 5,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = os.cpu_count() or 1,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="Only this one; may be repeated.")
    ] = None,
    course: Annotated[
        Path, typer.Option("--course", help="The folder that holds nbgrader_config.py.")
    ] = Path("."),
) -> None:
    """Measure how often each family of answers reaches each tier, and publish it.

    Interrupted, it goes on where it was. To change a tier, edit `scale` in
    autograder/assignments/cnns/improved/calibration/cnns.json and type the command again. With
    --family it measures and publishes nothing: a part of the families tells no error rate.
    """
    # Here: they need torch, which takes seconds to import.
    from autograder.assignments.cnns.improved.calibration import measure, page, plan, write
    from autograder.assignments.cnns.improved.calibration.families import FAMILIES

    if assignment != "cnns":
        raise typer.BadParameter(f"{assignment!r} has no calibrated checks: only cnns has")
    unknown = set(family or ()) - {known.name for known in FAMILIES}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise typer.BadParameter(
            f"no family {names!r} in autograder/assignments/cnns/improved/calibration/families.py"
        )
    scale = calibration.scale()
    todo = plan.jobs(scale, seeds, audited, family or ())
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("calibrating", total=len(todo))
        trials = measure.measure_all(
            todo,
            scale,
            course / ".autograder" / f"calibration-{assignment}.jsonl",
            write.journal_key(),
            workers=workers,
            on_done=lambda trial: progress.advance(task),
        )
    if family:
        return
    write.write(trials, scale)
    found = write.summary(trials, scale)
    docs = course / "docs"
    docs.mkdir(exist_ok=True)
    (docs / "calibration.md").write_text(page.page(found), encoding="utf-8")
    page.plot(found, docs / "calibration.png")
    for tier in found["tiers"]:
        kept = "kept" if tier["kept"] else "NOT KEPT"
        console.print(f"{tier['tier']}: error rates {kept}")
