"""`autograder demo`: a made class, graded, with feedback and a table of it all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.batch import grade_class
from autograder.checking.assignments import find_module
from autograder.commands.grade import grade_shown, leave
from autograder.commands.terminal import HERE, Course, console, explained_faults
from autograder.judging import score_table


def demo_command(
    assignment: Annotated[str, typer.Argument(help="One that brings a made class.")] = "cnns",
    course: Course = HERE,
) -> None:
    """Grade a made class: release, hand-ins, verdicts, feedback, and a table of it all."""
    with explained_faults("graded"):
        course = course.resolve()
        made_class = find_module(assignment, "made_class")
        source = f"source/{assignment}/{assignment}.ipynb"
        console.print(f"[bold]1[/] Generating the release from {source}")
        grade_class.generate_release(course, assignment)
        students = made_class.make_class(course, assignment)
        console.print(f"[bold]2[/] {len(students)} hand-ins are in submitted/:")
        for made in students:
            console.print(f"    {made.name:6s}{made.about}")
        console.print("[bold]3[/] Grading them, each in a sandbox of its own")
        summary = grade_shown(
            course, assignment, grade_class.Selection([made.name for made in students])
        )
        if summary.stopped:
            leave(summary)
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
    leave(summary)


def _show(course: Path, assignment: str, students: Sequence[str]) -> None:
    scores = {s: score_table.read_scores(course, s, assignment) for s in students}
    console.print()
    console.print(score_table.score_table(scores))
    console.print("\n[bold]Why points were lost[/]")
    for student, row in scores.items():
        for line in score_table.lost_points(row):
            console.print(f"  [bold]{student}[/] {escape(line)}", highlight=False)
