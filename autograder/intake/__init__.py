"""One handed-in notebook, read as data and made whole before anything of it runs.

The reference is the *release* notebook (what the student got), so nothing here ever holds a
solution or a hidden test: nbgrader's OverwriteCells puts the source's text into the locked cells
later. The folder that the notebook came in is read by `read_folder.collect`.

    bytes -> cells (`_parse`) -> which is which (`_match`) -> in order (`_arrange`) -> notebook
"""

from __future__ import annotations

from dataclasses import replace

from nbformat import NotebookNode

from autograder.intake._arrange import arrange, assemble, fill_slots
from autograder.intake._kinship import is_strange
from autograder.intake._match import match_cells, others_cells
from autograder.intake._parse import MAX_NOTEBOOK_BYTES, parse_cells
from autograder.intake._records import (
    MISSING,
    Intake,
    PlacedCell,
    Repair,
    TooMuchError,
    UnreadableError,
)
from autograder.intake._release import known_cells, put_back
from autograder.intake._written_elsewhere import bring_answers

__all__ = ["MAX_NOTEBOOK_BYTES", "MISSING", "Intake", "Repair", "empty", "read"]


def read(data: bytes, release: NotebookNode, *, max_bytes: int = MAX_NOTEBOOK_BYTES) -> Intake:
    """Return a notebook that can be graded, from whatever bytes were handed in.

    Args:
        data: the file as handed in.
        release: the notebook that students got (nbformat 4.5, solutions and hidden tests
            stripped); not changed.
        max_bytes: more than this is not read.

    Raises:
        ValueError: `release` is not a release: it holds solutions or hidden tests, or a grade_id
            twice. The grader's fault: run `nbgrader generate_assignment` again. Nothing in `data`
            raises.
    """
    knowns = known_cells(release)
    try:
        cells, repairs = parse_cells(data, release, max_bytes)
    except UnreadableError as reason:
        return replace(empty(release, str(reason)), refused=isinstance(reason, TooMuchError))
    claims = match_cells(cells, knowns)
    if others := others_cells(cells, knowns, claims):
        return empty(release, f"it is the notebook of another assignment, with the cells {others}")
    slots = fill_slots(cells, knowns, claims, repairs)
    arrange(slots, cells, knowns, claims, repairs)
    bring_answers(slots, knowns, repairs)
    if is_strange(cells, knowns):
        what = "none of its cells is this assignment's: is it the notebook of another one?"
        repairs.insert(0, Repair(None, what))
    order = {known.grade_id: index for index, known in enumerate(knowns) if known.role}
    repairs.sort(key=lambda repair: order.get(repair.grade_id, -1) if repair.grade_id else -1)
    return Intake(assemble(slots, release), tuple(repairs), None)


def empty(release: NotebookNode, reason: str) -> Intake:
    """Return a hand-in with nothing in it, which scores 0 for the given reason."""
    slots = [PlacedCell(index, put_back(known)) for index, known in enumerate(known_cells(release))]
    return Intake(assemble(slots, release), (), reason)
