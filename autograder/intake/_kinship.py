"""Pure: what a handed-in file has to do with one notebook of the assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from nbformat import NotebookNode

from autograder.intake._match import defined_names
from autograder.intake._parse import MAX_NOTEBOOK_BYTES, parse_cells
from autograder.intake._records import HandedCell, Known, UnreadableError
from autograder.intake._release import known_cells, plain_text

_TELLING_CHARS = 30  # a text of so many is the assignment's own, and not a chance


class Kind(IntEnum):
    """What a file is, the likeliest hand-in last."""

    UNKNOWN = 0  # nobody looked into it
    STRANGE = 1  # a notebook, and none of its cells is the assignment's
    UNTOUCHED = 2  # the release, as it was given out
    UNREADABLE = 3  # no notebook, or none that can be read
    WORKED = 4  # the assignment's, with something else in it


@dataclass(frozen=True)
class Kinship:
    """How a file and a notebook of the assignment are related.

    Attributes:
        kind: what it is.
        answered: how many answers in it are other than the release's.
    """

    kind: Kind
    answered: int = 0


def kinship(data: bytes | None, release: NotebookNode) -> Kinship:
    """Return how a file is related to a notebook of the assignment.

    Args:
        data: the file; None where it cannot be read.
        release: what students got.
    """
    if data is None:
        return Kinship(Kind.UNREADABLE)
    try:
        cells, _ = parse_cells(data, release, MAX_NOTEBOOK_BYTES)
    except UnreadableError:
        return Kinship(Kind.UNREADABLE)
    knowns = known_cells(release)
    if is_strange(cells, knowns):
        return Kinship(Kind.STRANGE)
    texts = {known.plain for known in knowns}
    new = [c for c in cells if c.source.strip() and plain_text(c.source) not in texts]
    answered = sum(any(_answers(cell, known) for cell in new) for known in knowns)
    return Kinship(Kind.WORKED if new else Kind.UNTOUCHED, answered)


def is_strange(cells: Sequence[HandedCell], knowns: Sequence[Known]) -> bool:
    """Return whether nothing in a notebook is the assignment's: no name, no text, no `grade_id`."""
    telling = {known.plain for known in knowns if len(known.plain) >= _TELLING_CHARS}
    grade_ids = {known.grade_id for known in knowns if known.role}
    names = {name for known in knowns for name in known.names}
    return not any(
        cell.grade_id in grade_ids
        or plain_text(cell.source) in telling
        or names & defined_names(cell)
        for cell in cells
    )


def _answers(cell: HandedCell, known: Known) -> bool:
    if known.role not in ("solution", "answer"):
        return False
    return cell.grade_id == known.grade_id or bool(known.names & defined_names(cell))
