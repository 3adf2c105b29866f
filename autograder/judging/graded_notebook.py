"""Reads a graded notebook back: its grade cells with their verdicts, and how it was graded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.checking.check_result import CheckResult, Criterion

VERDICT = "application/vnd.autograder.verdict+json"
METADATA = "autograder"  # under this key a graded notebook tells how it was graded
REPAIRED = "**What the grader had to put right in this hand-in**"  # opens the note that tells so
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_POINTS = re.compile(r"\s*\(\d+ points?\)$")

NotebookCell = Mapping[str, Any]


@dataclass(frozen=True)
class GradeCell:
    """A cell that has points.

    Attributes:
        grade_id: its name.
        exercise: the heading that it stands under, without the points that it names.
        max_points: what it is worth.
        result: the verdict; None where a person gives the points.
    """

    grade_id: str
    exercise: str
    max_points: float
    result: CheckResult | None

    @property
    def points(self) -> float:
        """Return the verdict's points; 0 where there is none."""
        return self.result.points if self.result else 0.0

    @property
    def reason(self) -> str:
        """Return why the verdict took points, "" if it took none."""
        return self.result.reason if self.result else ""


def grade_cells(cells: Sequence[NotebookCell]) -> list[GradeCell]:
    """Return the cells of a graded notebook that have points, in its order."""
    found, exercise = [], ""
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade"):
            most = float(marks.get("points", 0))
            found.append(GradeCell(marks["grade_id"], exercise, most, result_of(cell)))
        elif cell["cell_type"] == "markdown":
            exercise = heading(cell) or exercise
    return found


def result_of(cell: NotebookCell) -> CheckResult | None:
    """Return the verdict that a cell shows, None if it shows none."""
    for output in cell.get("outputs", []):
        if VERDICT in output.get("data", {}):
            return _from_json(output["data"][VERDICT])
    return None


def autograded_id(cell: NotebookCell) -> str | None:
    """Return the `grade_id` of a cell that is graded automatically, None for any other."""
    marks = cell["metadata"].get("nbgrader", {})
    graded = cell["cell_type"] == "code" and marks.get("grade") and not marks.get("solution")
    return marks.get("grade_id") if graded else None


def heading(cell: NotebookCell) -> str:
    """Return the last heading in a text cell, "" if there is none."""
    if cell["cell_type"] != "markdown" or cell["metadata"].get("nbgrader", {}).get("solution"):
        return ""
    found = _HEADING.findall(source(cell))
    return _POINTS.sub("", found[-1]).replace("`", "") if found else ""


def repair_note(cells: Sequence[NotebookCell]) -> list[str]:
    """Return what the grader had to put right, a sentence each; [] if nothing."""
    for cell in cells[:2]:
        if source(cell).startswith(REPAIRED):
            lines = source(cell).splitlines()
            return [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    return []


def source(cell: NotebookCell) -> str:
    """Return a cell's source, which a notebook file may hold as a list of lines."""
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def _from_json(verdict: Mapping[str, Any]) -> CheckResult:
    return CheckResult(
        tuple(Criterion(**criterion) for criterion in verdict["criteria"]),
        verdict["advice"],
        tuple(verdict["mistakes"]),
        verdict["figures"],
    )
