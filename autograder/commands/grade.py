"""`autograder grade`: grades a class, and says how that went."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder import GraderFault
from autograder.batch import grade_class, progress
from autograder.batch.run_records import counted, listed
from autograder.commands.terminal import (
    GRADERS_FAULT,
    HERE,
    Assignment,
    CourseFolder,
    console,
    explained_faults,
)
from autograder.course.course import Course, open_course
from autograder.intake.identity import printable, printable_lines
from autograder.sandbox.host_system import require_linux

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it


def grade_command(
    assignment: Assignment,
    student: Annotated[
        list[str] | None, typer.Option("--student", help="Only this one; may be repeated.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade again what is graded already.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Grade at most so many.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be graded, and why.")
    ] = False,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Grade, say who would gain and who would lose, write none."),
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
    course: CourseFolder = HERE,
) -> None:
    """Grade what has no result yet, or has changed, and write the gradebook.

    Exit status: 0 if each has a verdict, 3 if one has none through a fault of the grader's, 130
    after Ctrl-C. In each case the same command goes on where this one stopped.
    """
    with explained_faults("graded"):
        require_linux()
        course = course.resolve()
        opened = open_course(course)
        everybody = opened.students(assignment)
        if not everybody:
            raise GraderFault(_why_nobody(opened, assignment))
        unknown = set(student or ()) - set(everybody)
        if unknown:
            raise GraderFault(f"no hand-in of {', '.join(sorted(unknown))} in submitted/")
        selection = grade_class.Selection(student or everybody, force, limit)
        if dry_run:
            due = grade_class.plan(course, assignment, selection, sandboxed=not unsafe_no_sandbox)
            for entry in due:
                line = (
                    f"{entry.student}: {entry.reason}{'' if entry.runs else ' (it need not run)'}"
                )
                console.print(f"    {escape(printable(line))}", highlight=False)
            console.print(f"{sum(entry.runs for entry in due)} hand-ins would be graded")
            return
        sandboxed = not unsafe_no_sandbox
        summary = grade_shown(
            course, assignment, selection, sandboxed, workers, scheduler, preview=preview
        )
    leave(summary)


def _why_nobody(course: Course, assignment: str) -> str:
    """Return why there are no hand-ins of an assignment."""
    known = course.assignments()
    where = course.folder("submitted", assignment, "<student>").relative_to(course.root)
    if not known:
        return (
            f"no hand-ins, as {course.root} holds no assignment (no notebook in source/ or "
            "release/): go to the course's folder, or say --course FOLDER; hand-ins go to "
            f"{where}/ there"
        )
    if assignment not in known:
        return f"no assignment {assignment} in {course.root}: there are {', '.join(known)}"
    for folder in reversed(where.parents[:-1]):
        if (course.root / folder).is_file():
            return f"{course.root / folder} is a file: hand-ins go to the folder {where}/"
    return f"no hand-ins: put them at {where}/"


def grade_shown(
    course: Path,
    assignment: str,
    selection: grade_class.Selection,
    sandboxed: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
    *,
    preview: bool = False,
) -> grade_class.RunSummary:
    """Grade a class, show how it goes, and return what came of it."""
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
            preview=preview,
        )


def leave(summary: grade_class.RunSummary) -> None:
    """Say what is left to do, and end with the exit status that tells of it."""
    failed = [outcome for outcome in summary.outcomes if outcome.fault]
    _say_changes(summary)
    _say_versions(summary)
    if summary.unchanged:
        console.print(f"{summary.unchanged} results stand: nothing of theirs has changed.")
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
    if summary.held:
        console.print(
            f"{len(summary.held)} results are not written yet. The same command, without "
            "--preview, writes them, and grades none of them again.",
            highlight=False,
        )
    if summary.stopped == grade_class.INTERRUPTED:
        raise typer.Exit(INTERRUPTED)
    if failed or summary.stopped:
        raise typer.Exit(GRADERS_FAULT)


def _say_versions(summary: grade_class.RunSummary) -> None:
    """Say which results were formed before with other versions than now."""
    told = Counter(outcome.versions for outcome in summary.outcomes if outcome.versions)
    told.update(change.versions for change in summary.held if change.versions)
    for other, count in told.most_common():
        line = f"{count} results were formed before with other versions: {other}"
        console.print(escape(printable(line)), highlight=False, soft_wrap=True)


def _say_changes(summary: grade_class.RunSummary) -> None:
    """Say whose points in the gradebook became others, or would."""
    done = [outcome.change for outcome in summary.outcomes if outcome.change]
    would = [change for change in summary.held if change.changes]
    if summary.held and not would:
        console.print("No points that stand would change.")
    for changes, what in ((done, "changed"), (would, "would change")):
        if changes:
            console.print(f"Points that stood {what} ({counted(changes)}):", highlight=False)
            for line in listed(changes):
                console.print(f"    {escape(printable(line))}", highlight=False, soft_wrap=True)
