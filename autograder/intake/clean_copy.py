"""Lays hand-ins out where they are graded, as plain data: no link is followed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from autograder.intake.read_folder import TIMESTAMP, HandIn


def students(course_root: Path, assignment: str) -> list[str]:
    """Return the names of the folders in `submitted/` that hold the assignment, sorted."""
    return sorted(
        folder.parent.name for folder in (course_root / "submitted").glob(f"*/{assignment}")
    )


def lay(handed_in: HandIn, folder: Path, notebooks: Sequence[str]) -> None:
    """Write a clean copy of one hand-in into `folder`, which is not there yet.

    A notebook under another name gets its right one; in the place of one that is missing comes a
    notebook that says so, which scores 0. What was put right or refused is kept for `notes`.
    """
    folder.mkdir(parents=True)
    for name in notebooks:
        data = handed_in.notebooks.get(name)
        (folder / f"{name}.ipynb").write_bytes(
            data if data is not None else _explained(handed_in.fatal[name])
        )
    remarks = handed_in.remarks()
    for file in handed_in.files:
        if file.path == TIMESTAMP and handed_in.timestamp and time_of(handed_in) is None:
            remarks.append(f"{TIMESTAMP} was left out: it holds no date")
        elif file.data is not None:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
    _notes_file(folder).write_text("\n".join(remarks))


def time_of(handed_in: HandIn) -> datetime | None:
    """Return when it was handed in, in UTC without a time zone; None if nothing tells."""
    if not handed_in.timestamp:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a time zone that nobody knows
            moment: datetime = parse_utc(handed_in.timestamp)
    except (ValueError, ArithmeticError):  # numbers of ninety digits among them
        return None
    return moment


def notes(folder: Path) -> list[str]:
    """Return what was put right or refused as a hand-in was laid into `folder`; [] if none was.

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
