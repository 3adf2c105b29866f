"""What came of a class, read back from the graded notebooks, and the table that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from rich.markup import escape
from rich.table import Table

from autograder.intake.identity import printable
from autograder.judging.graded_notebook import grade_cells


@dataclass(frozen=True)
class CellScore:
    """The verdict on one grade cell: points, what there was to earn, and why points were lost."""

    grade_id: str
    points: float
    max_points: float
    reason: str


def read_scores(course_root: Path, student: str, assignment: str) -> list[CellScore]:
    """Return the verdicts of one graded hand-in in the notebook's order; [] if it has none."""
    path = course_root / "autograded" / student / assignment / f"{assignment}.ipynb"
    if not path.exists():
        return []
    graded = [(c.grade_id, c.result) for c in grade_cells(nbformat.read(path, 4).cells) if c.result]
    return [CellScore(name, r.points, r.max_points, r.reason) for name, r in graded]


def autograded_id(cell: NotebookNode) -> str | None:
    """Return the `grade_id` of a cell that is graded automatically, None for any other."""
    marks = cell.metadata.get("nbgrader", {})
    graded = cell.cell_type == "code" and marks.get("grade") and not marks.get("solution")
    return marks.get("grade_id") if graded else None


def score_table(scores: dict[str, list[CellScore]]) -> Table:
    """Return students by grade cells, points in the cells.

    Args:
        scores: student -> the verdicts; an empty list for one without.
    """
    graded = next((s for s in scores.values() if s), [])
    table = Table(caption=", ".join(f"{i}: {s.grade_id}" for i, s in enumerate(graded, start=1)))
    table.add_column("student", no_wrap=True)
    for number, score in enumerate(graded, start=1):
        table.add_column(f"{number}\n/{score.max_points:g}", justify="right")
    table.add_column(f"sum\n/{sum(s.max_points for s in graded):g}", justify="right", style="bold")
    for student, row in scores.items():
        points = [f"{score.points:g}" for score in row] or ["-"] * len(graded)
        total = f"{sum(score.points for score in row):g}" if row else "-"
        table.add_row(escape(printable(student)), *points, total)
    return table


def lost_points(scores: list[CellScore]) -> list[str]:
    """Return a line for each grade cell that lost points; cells with one reason share a line."""
    grade_ids: dict[str, list[CellScore]] = {}
    for score in scores:
        if score.points < score.max_points:
            grade_ids.setdefault(score.reason, []).append(score)
    return [
        f"{', '.join(s.grade_id for s in group)} "
        f"(-{sum(s.max_points - s.points for s in group):g}): {reason}"
        for reason, group in grade_ids.items()
    ]
