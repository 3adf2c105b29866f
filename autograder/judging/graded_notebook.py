"""Reads a graded notebook back: its grade cells with their verdicts, and how it was graded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from autograder.checking.check_result import CheckResult, Criterion
from autograder.pages.markdown import one_block

VERDICT = "application/vnd.autograder.verdict+json"
# Under this key a graded notebook tells how it was graded, and a text cell what the grader says of
# it. Intake lets no metadata of a hand-in's through, so nobody else can have written there.
METADATA = "autograder"
# How verdicts came about.
ASKED, DRAWN_FROM, GRADED_AT, VERSIONS = "asked", "drawn_from", "graded_at", "versions"
GIVEN, HEADING, SAYS, LINES = "given", "heading", "says", "lines"
REPAIRS, UNSAFE = "repairs", "unsafe"  # what a note of the grader's says
NOTHING_READ, STUB = "nothing_read", "stub"
MAX_HEADING_CHARS = 200
_REPAIRED = "**What the grader had to put right in this hand-in**"
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
    kept = _about(cell).get(HEADING)
    return heading_of(source(cell)) if kept is None else str(kept)


def heading_of(markdown: str) -> str:
    """Return the last heading of a text, without the points that it names; "" if there is none."""
    found = ""
    for line in markdown.splitlines():
        title = line.lstrip("#")
        if 1 <= len(line) - len(title) <= 6 and title[:1] in (" ", "\t"):
            found = title.strip()[:MAX_HEADING_CHARS].rstrip() or found
    return _POINTS.sub("", found).replace("`", "")


def mark_given(notebook: NotebookNode, release: NotebookNode) -> None:
    """Mark the texts of a hand-in that are the assignment's own; their pictures are its own, too.

    Args:
        notebook: made whole by intake, so that the ids of the release's cells are at those alone.
        release: what students got.
    """
    given = {cell.id: cell for cell in release.cells if cell.cell_type == "markdown"}
    for cell in notebook.cells:
        own = given.get(cell.get("id"))
        if own is None or (cell.cell_type, cell.source) != (own.cell_type, own.source):
            continue
        cell.metadata[METADATA] = NotebookNode({GIVEN: True})
        cell.pop("attachments", None)
        if "attachments" in own:
            cell.attachments = deepcopy(own.attachments)


def is_given(cell: NotebookCell) -> bool:
    """Return whether a text cell is the assignment's own, to the letter."""
    return bool(_about(cell).get(GIVEN))


def says(cell: NotebookCell) -> str:
    """Return what a note of the grader's says: `REPAIRS`, `UNSAFE`; "" for any other cell."""
    return str(_about(cell).get(SAYS, ""))


def repair_note(cells: Sequence[NotebookCell]) -> list[str]:
    """Return what the grader had to put right, a sentence each; [] if nothing."""
    for cell in cells[:2]:
        if says(cell) == REPAIRS:
            return [str(line) for line in _about(cell)[LINES]]
    return []


def nothing_read(cells: Sequence[NotebookCell]) -> str:
    """Return why nothing of the hand-in could be read; "" if something was."""
    return next(
        (str(_about(cell)[NOTHING_READ]) for cell in cells if NOTHING_READ in _about(cell)), ""
    )


def keep_stubs(notebook: NotebookNode, release: NotebookNode, emptied: str) -> None:
    """Keep in cells that intake emptied what students got there, for `put_stubs_back`.

    Args:
        notebook: made whole by intake.
        release: what students got.
        emptied: the source of such a cell.
    """
    stubs = {cell.id: cell.source for cell in release.cells}
    for cell in notebook.cells:
        if cell.source == emptied and cell.get("id") in stubs:
            cell.metadata[METADATA] = NotebookNode({STUB: stubs[cell.id]})


def put_stubs_back(notebook: NotebookNode) -> None:
    """Put back what students got, now that nothing runs any more: our words are no answer."""
    for cell in notebook.cells:
        if STUB in _about(cell):
            cell.source = cell.metadata.pop(METADATA)[STUB]


def repair_note_cell(
    lines: Sequence[str], cell_id: str, nothing_read: str | None = None
) -> NotebookNode:
    """Return the note of what the grader had to put right.

    Args:
        lines: a sentence each, as text: there may be file names of the hand-in's in it.
        cell_id: of the new cell.
        nothing_read: why nothing of the hand-in could be read; None if something was.
    """
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    text = f"{_REPAIRED}\n\n{one_block(f'<ul>{listed}</ul>')}"
    about: dict[str, Any] = {SAYS: REPAIRS, LINES: list(lines)}
    if nothing_read is not None:
        about[NOTHING_READ] = nothing_read
    return new_markdown_cell(text, id=cell_id, metadata={METADATA: about})


def _about(cell: NotebookCell) -> Mapping[str, Any]:
    found: Mapping[str, Any] = cell["metadata"].get(METADATA, {})
    return found


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
