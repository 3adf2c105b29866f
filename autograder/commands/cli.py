"""The command line: `autograder grade cnns`, `autograder demo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from autograder import GraderFault
from autograder.assignments.cnns import made_class
from autograder.batch import grade_class, progress
from autograder.commands.calibrate import calibrate
from autograder.commands.ending import GRADERS_FAULT, explained_faults
from autograder.commands.findings import check_assignment_command, doctor_command
from autograder.commands.publish import publish_command
from autograder.commands.report import report_command
from autograder.intake import clean_copy
from autograder.intake.identity import printable, printable_lines
from autograder.judging import score_table

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console()
app.command()(calibrate)
app.command(name="report")(report_command)
app.command(name="publish")(publish_command)
app.command(name="doctor")(doctor_command)
app.command(name="check-assignment")(check_assignment_command)

_Course = Annotated[
    Path, typer.Option("--course", help="The folder that holds nbgrader_config.py.")
]
_Force = Annotated[bool, typer.Option("--force", help="Grade again what is graded already.")]


@app.command()
def grade(
    assignment: Annotated[str, typer.Argument(help="For instance cnns.")],
    student: Annotated[
        list[str] | None, typer.Option("--student", help="Only this one; may be repeated.")
    ] = None,
    force: _Force = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Grade at most so many.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be graded, and why.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine; one a core by default.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Use this Dask cluster instead: tcp://address:8786.")
    ] = None,
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            help="Run hand-ins with your own rights, and stamp the results. Only for hand-ins "
            "that you trust.",
        ),
    ] = False,
    course: _Course = Path("."),
) -> None:
    """Grade what has no result yet, or has changed, and write the gradebook.

    Exit status: 0 if each has a verdict, 3 if one has none through a fault of the grader's, 130
    after Ctrl-C. In each case the same command goes on where this one stopped.
    """
    with explained_faults("graded"):
        course = course.resolve()
        everybody = clean_copy.students(course, assignment)
        if not everybody:
            raise GraderFault(f"no hand-ins: put them at submitted/<student>/{assignment}/")
        unknown = set(student or ()) - set(everybody)
        if unknown:
            raise GraderFault(f"no hand-in of {', '.join(sorted(unknown))} in submitted/")
        selection = grade_class.Selection(student or everybody, force, limit)
        if dry_run:
            due = grade_class.plan(course, assignment, selection, sandboxed=not unsafe_no_sandbox)
            for entry in due:
                line = f"{entry.student}: {entry.reason}"
                console.print(f"    {escape(printable(line))}", highlight=False)
            console.print(f"{len(due)} hand-ins would be graded")
            return
        summary = _grade(course, assignment, selection, not unsafe_no_sandbox, workers, scheduler)
    _leave(summary)


@app.command(name="demo")
def demo_command(course: _Course = Path(".")) -> None:
    """Grade a made class: release, hand-ins, verdicts, feedback, and a table of it all."""
    with explained_faults("graded"):
        course, assignment = course.resolve(), "cnns"
        console.print("[bold]1[/] Generating the release from source/cnns/cnns.ipynb")
        grade_class.generate_release(course, assignment)
        students = made_class.make_class(course, assignment)
        console.print(f"[bold]2[/] {len(students)} hand-ins are in submitted/:")
        for made in students:
            console.print(f"    {made.name:6s}{made.about}")
        console.print("[bold]3[/] Grading them, each in a sandbox of its own")
        summary = _grade(
            course, assignment, grade_class.Selection([made.name for made in students])
        )
        if summary.stopped:
            _leave(summary)
        console.print("[bold]4[/] Writing feedback")
        grade_class.generate_feedback(course, assignment)
        _show(course, assignment, [made.name for made in students])
        page = Path("feedback") / students[3].name / assignment / f"{assignment}.html"
        console.print(
            f"\n[bold]Next[/]: open {page} in a browser to see what a student reads. To see what "
            "the instructor sees, type\n"
            "    .venv/bin/jupyter lab\n"
            "and choose Nbgrader > Formgrader in the menu."
        )
    _leave(summary)


def _grade(
    course: Path,
    assignment: str,
    selection: grade_class.Selection,
    sandboxed: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
) -> grade_class.RunSummary:
    log = course / progress.FOLDER / f"{assignment}.jsonl"
    with progress.Display(console, log) as display:
        return grade_class.grade(
            course,
            assignment,
            selection,
            sandboxed=sandboxed,
            workers=workers,
            scheduler=scheduler,
            observer=display,
        )


def _show(course: Path, assignment: str, students: Sequence[str]) -> None:
    scores = {s: score_table.read_scores(course, s, assignment) for s in students}
    console.print()
    console.print(score_table.score_table(scores))
    console.print("\n[bold]Why points were lost[/]")
    for student, row in scores.items():
        for line in score_table.lost_points(row):
            console.print(f"  [bold]{student}[/] {escape(line)}", highlight=False)


def _leave(summary: grade_class.RunSummary) -> None:
    failed = [outcome for outcome in summary.outcomes if outcome.fault]
    if failed:
        names = printable(", ".join(outcome.student for outcome in failed))
        console.print(
            f"{len(failed)} of {len(summary.outcomes)} hand-ins have no verdict, through no fault "
            f"of the students: {escape(names)}. Mend the cause and run the same command again.",
            highlight=False,
        )
    if summary.stopped:
        console.print(
            f"[bold red]Stopped[/]: {escape(printable_lines(summary.stopped))}. "
            f"{len(summary.outcomes)} hand-ins are done, {summary.left} are as they were. "
            "To go on, run the same command again.",
            highlight=False,
        )
    if summary.stopped == grade_class.INTERRUPTED:
        raise typer.Exit(INTERRUPTED)
    if failed or summary.stopped:
        raise typer.Exit(GRADERS_FAULT)
