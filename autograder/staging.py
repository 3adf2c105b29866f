"""Copies hand-ins to where they are graded, as plain data: no link is followed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import nbformat

from autograder import folder_intake

FOLDER = Path(".autograder") / "staged"


def students(course_root: Path, assignment: str) -> list[str]:
    """Returns the names of the folders in `submitted/` that hold the assignment, sorted."""
    return sorted(
        folder.parent.name for folder in (course_root / "submitted").glob(f"*/{assignment}")
    )


def stage(course_root: Path, student: str, assignment: str, notebooks: Sequence[str]) -> None:
    """Returns nothing; lays a clean copy of one hand-in into the folder `FOLDER`.

    A notebook under another name gets its right one; in the place of one that is missing comes a
    notebook that says so, which scores 0. What was put right or refused is kept for `notes`.
    """
    handed_in = folder_intake.collect(course_root / "submitted" / student / assignment, notebooks)
    staged = course_root / FOLDER / student / assignment
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for name in notebooks:
        data = handed_in.notebooks.get(name)
        (staged / f"{name}.ipynb").write_bytes(
            data if data is not None else _explained(handed_in.fatal[name])
        )
    for file in handed_in.files:
        if file.data is not None:
            path = staged / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
    _notes_file(staged).write_text("\n".join(handed_in.remarks()))


def notes(folder: Path) -> list[str]:
    """Returns what was put right or refused as a hand-in was laid into `folder`; [] if none was.

    Args:
        folder: what nbgrader takes for the hand-in. Beside it students have no say.
    """
    file = _notes_file(folder)
    return file.read_text().splitlines() if file.is_file() else []


def _notes_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.notes")


def _explained(reason: str) -> bytes:
    cell = nbformat.v4.new_markdown_cell(f"**Nothing could be graded:** {reason}.")
    return bytes(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])), "utf-8")
