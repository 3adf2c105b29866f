"""What came of a class, read back from the graded notebooks, and the table that shows it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from rich.markup import escape
from rich.table import Table

from autograder.intake.identity import printable
from autograder.judging.graded_notebook import GradeCell, grade_cells


def read_scores(path: Path) -> list[GradeCell]:
    """Return the cells of one graded notebook that have a verdict; [] if the file is not there."""
    cells = grade_cells(nbformat.read(path, 4).cells) if path.exists() else []
    return [cell for cell in cells if cell.result]


def score_table(scores: dict[str, list[GradeCell]]) -> Table:
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


def lost_points(scores: list[GradeCell]) -> list[str]:
    """Return a line for each grade cell that lost points; cells with one reason share a line."""
    grade_ids: dict[str, list[GradeCell]] = {}
    for score in scores:
        if score.points < score.max_points:
            grade_ids.setdefault(score.reason, []).append(score)
    return [
        f"{', '.join(s.grade_id for s in group)} "
        f"(-{sum(s.max_points - s.points for s in group):g}): {reason}"
        for reason, group in grade_ids.items()
    ]
