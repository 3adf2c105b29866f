"""Which cell of a hand-in is which cell of the release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rapidfuzz import fuzz

from autograder.intake._records import ASSIGNMENT, DEFINITION, HandedCell, Known
from autograder.intake._release import plain_text

NEARLY_THE_SAME = 90.0
"""rapidfuzz ratio from which a text counts as the release's: a word changed, not a paragraph."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NAMES_SHOWN = 3


def match_cells(cells: list[HandedCell], knowns: list[Known]) -> dict[int, int]:
    """Return release index -> hand-in index, by the surest sign first; each cell once at most."""
    claims: dict[int, int] = {}
    plain = [plain_text(cell.source) for cell in cells]

    def free() -> list[int]:
        taken = set(claims.values())
        return [i for i in range(len(cells)) if i not in taken]

    def best(known: Known, candidates: Iterable[int]) -> int | None:
        """Return of several the last, but rather one that defines what it should and is no stub."""

        def merit(i: int) -> tuple[Any, ...]:
            same = plain[i] == known.plain
            if known.fixed:
                return same, cells[i].cell_id == known.node.get("id"), i
            return len(known.names & defined_names(cells[i])), not same, i

        return max(candidates, key=merit, default=None)

    def claim(index: int, hand_in: int | None) -> None:
        if hand_in is not None:
            claims[index] = hand_in

    for sign in ("grade_id", "id"):
        by_sign: dict[str, list[int]] = {}
        for i in free():
            value = cells[i].grade_id if sign == "grade_id" else cells[i].cell_id
            if value is not None:
                by_sign.setdefault(value, []).append(i)
        for index, known in enumerate(knowns):
            value = known.grade_id if sign == "grade_id" else known.node.get("id")
            if index not in claims and value is not None:
                claim(index, best(known, by_sign.get(value, ())))

    by_text = (None, "grade", "task", "locked")
    texts = [i for i, known in enumerate(knowns) if known.plain and known.role in by_text]
    unclaimed = free()
    for index in texts:  # in order, so that of two equal texts the first gets the first
        if index not in claims:
            claim(index, next((i for i in unclaimed if plain[i] == knowns[index].plain), None))
            unclaimed = [i for i in unclaimed if i != claims.get(index)]
    scored = (
        (fuzz.ratio(plain[i], knowns[index].plain, score_cutoff=NEARLY_THE_SAME), index, i)
        for index in texts
        if index not in claims
        for i in unclaimed
    )
    for score, index, i in sorted(scored, key=lambda entry: (-entry[0], *entry[1:])):
        if score and index not in claims and i not in claims.values():
            claims[index] = i

    for index, known in enumerate(knowns):
        if index not in claims and known.names:
            claim(index, best(known, [i for i in free() if known.names & defined_names(cells[i])]))
    for index, known in enumerate(knowns):  # an answer in words: what stands where it should stand
        if index not in claims and known.role in ("solution", "answer") and not known.names:
            above = max((i for i in claims if i < index), default=None)
            below = min((i for i in claims if i > index), default=None)
            start = -1 if above is None else claims[above]
            stop = len(cells) if below is None else claims[below]
            kind = known.node.cell_type
            here = (i for i in free() if start < i < stop and cells[i].kind == kind and plain[i])
            claim(index, next(here, None))
    return claims


def others_cells(cells: list[HandedCell], knowns: list[Known], claims: Mapping[int, int]) -> str:
    """Return names of cells if a hand-in is another assignment's notebook, else ""."""
    names = {cell.grade_id for cell in cells if cell.grade_id and _NAME.fullmatch(cell.grade_id)}
    ours = names & {known.grade_id for known in knowns}
    if ours or any(knowns[index].names for index in claims):
        return ""
    return ", ".join(sorted(names)[:_NAMES_SHOWN])


def defined_names(cell: HandedCell) -> set[str]:
    return {*DEFINITION.findall(cell.source), *ASSIGNMENT.findall(cell.source)}
