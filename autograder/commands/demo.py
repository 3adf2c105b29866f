"""`autograder demo`: a made class, graded, with feedback and a table of it all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

import nbformat
import typer
from rich.markup import escape

from autograder.batch import grade_class
from autograder.checking.assignments import find_module
from autograder.commands.grade import grade_shown, leave
from autograder.commands.terminal import HERE, CourseFolder, console, explained_faults
from autograder.course.course import Course, open_course
from autograder.course.release import generate_feedback, generate_release
from autograder.judging import score_table
from autograder.sandbox.host_system import require_linux


def demo_command(
    assignment: Annotated[str, typer.Argument(help="One that brings a made class.")] = "cnns",
    course: CourseFolder = HERE,
) -> None:
    """Grade a made class: release, hand-ins, verdicts, feedback, and a table of it all."""
    with explained_faults("graded"):
        require_linux()
        opened = open_course(course.resolve())
        made_class = find_module(assignment, "made_class")
        source = opened.folder("source", assignment) / f"{assignment}.ipynb"
        console.print(f"[bold]1[/] Generating the release from {_shown(source, opened)}")
        generate_release(opened, assignment)
        students = write_hand_ins(opened, assignment, made_class)
        console.print(f"[bold]2[/] {len(students)} hand-ins are in submitted/:")
        for made in made_class.HAND_INS:
            console.print(f"    {made.name:6s}{made.about}")
        console.print("[bold]3[/] Grading them, each in a sandbox of its own")
        summary = grade_shown(opened.root, assignment, grade_class.Selection(students))
        if summary.stopped:
            leave(summary)
        console.print("[bold]4[/] Writing feedback")
        generate_feedback(opened, assignment)
        _show_scores(opened, assignment, students)
        page = opened.folder("feedback", assignment, students[3]) / f"{assignment}.html"
        console.print(
            f"\n[bold]Next[/]: open {_shown(page, opened)} in a browser to see what a student "
            "reads. To see what the instructor sees, type\n"
            "    .venv/bin/jupyter lab\n"
            "and choose Nbgrader > Formgrader in the menu."
        )
    leave(summary)


def write_hand_ins(course: Course, assignment: str, made_class: ModuleType) -> list[str]:
    """Write the made hand-ins that are not there yet, and return the students of them all."""
    name = f"{assignment}.ipynb"
    release = nbformat.read(course.folder("release", assignment) / name, 4)
    for made in made_class.HAND_INS:
        path = course.folder("submitted", assignment, made.name) / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made_class.hand_in(made, release))
    return [made.name for made in made_class.HAND_INS]


def _shown(path: Path, course: Course) -> str:
    return os.path.relpath(path, course.root)


def _show_scores(course: Course, assignment: str, students: Sequence[str]) -> None:
    scores = {
        student: score_table.read_scores(
            course.folder("autograded", assignment, student) / f"{assignment}.ipynb"
        )
        for student in students
    }
    console.print()
    console.print(score_table.score_table(scores))
    console.print("\n[bold]Why points were lost[/]")
    for student, row in scores.items():
        for line in score_table.lost_points(row):
            console.print(f"  [bold]{student}[/] {escape(line)}", highlight=False)
