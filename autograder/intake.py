"""One handed-in notebook, read as data and made whole before anything of it runs.

The reference is the *release* notebook (what the student got), so nothing here ever holds a
solution or a hidden test: nbgrader's OverwriteCells puts the source's text into the locked cells
later. The folder that the notebook came in is read by `folder_intake.collect`.

    bytes -> cells (`_parse`) -> which is which (`_match`) -> in order (`_arrange`) -> notebook
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from rapidfuzz import fuzz

MAX_NOTEBOOK_BYTES = 50_000_000
"""Bytes of the file, outputs included."""
MAX_JSON_VALUES = 4_000_000
"""JSON values in the file: bounds the judge's memory, which `[[], [], ...` would fill first."""
MAX_CELLS = 2_000
MAX_SOURCE_CHARS = 2_000_000
"""Characters of all cells' text together, without outputs."""
MAX_ATTACHMENT_CHARS = 5_000_000
"""Characters (base64) of all pictures pasted into text cells together; later ones are left out."""
MISSING = "# This cell was missing from the hand-in."
NEARLY_THE_SAME = 90.0
"""rapidfuzz ratio from which a text counts as the release's: a word changed, not a paragraph."""

_PICTURES = ("image/png", "image/jpeg", "image/gif")  # no SVG: it carries scripts
_ROLES = ("grade", "solution", "locked", "task")
_FLAGS = ("grade", "solution", "locked", "points", "schema_version")
_KERNEL_NAME = re.compile(r"[a-zA-Z0-9._ -]{1,40}")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: linear on any input
# Not ast: an unfinished answer or a %magic does not parse, and a hostile text can crash the parser.
_DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Repair:
    """What was put right in a hand-in.

    Attributes:
        grade_id: the release's cell that it is about; None for the notebook as a whole.
        sentence: for student and grader; holds nothing of the hand-in's text but plain names.
    """

    grade_id: str | None
    sentence: str


@dataclass(frozen=True)
class Intake:
    """A hand-in that can be graded.

    Attributes:
        notebook: a valid nbformat 4.5 notebook without outputs, which holds every cell of the
            release that nbgrader knows, each once and with the release's flags; each autograded
            cell comes after the solution that it grades.
        repairs: in the order of the release; empty for an untouched hand-in.
        fatal: why nothing of the hand-in could be read; `notebook` then has empty solutions,
            which score 0.
    """

    notebook: NotebookNode
    repairs: tuple[Repair, ...]
    fatal: str | None


class _UnreadableError(Exception):
    """The hand-in cannot be read; its text is the reason."""


@dataclass(frozen=True, eq=False)
class _Cell:
    """One cell of the hand-in, as plain values of known types."""

    kind: str
    source: str
    cell_id: str | None = None
    nbgrader: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def grade_id(self) -> str | None:
        grade_id = self.nbgrader.get("grade_id")
        return grade_id if isinstance(grade_id, str) else None


@dataclass(frozen=True, eq=False)
class _Known:
    """One cell of the release; `role` is None where nbgrader does not know it."""

    node: NotebookNode
    role: str | None  # "grade", "answer" (graded by a person), "solution", "task", "locked"
    grade_id: str | None
    names: frozenset[str]  # what a solution's stub defines
    plain: str
    fixed: bool  # the student may not change its text


@dataclass(frozen=True, eq=False)
class _Slot:
    """A cell of the result, and the index of the release's cell that it is."""

    known: int | None
    node: NotebookNode


def read(data: bytes, release: NotebookNode, *, max_bytes: int = MAX_NOTEBOOK_BYTES) -> Intake:
    """A notebook that can be graded, from whatever bytes were handed in.

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
    knowns = _knowns(release)
    try:
        cells, repairs = _parse(data, release, max_bytes)
    except _UnreadableError as reason:
        return empty(release, str(reason))
    claims = _match(cells, knowns)
    slots = _slots(cells, knowns, claims, repairs)
    _arrange(slots, cells, knowns, claims, repairs)
    order = {known.grade_id: index for index, known in enumerate(knowns) if known.role}
    repairs.sort(key=lambda repair: order.get(repair.grade_id, -1) if repair.grade_id else -1)
    return Intake(_notebook(slots, release), tuple(repairs), None)


def empty(release: NotebookNode, reason: str) -> Intake:
    """A hand-in with nothing in it, which scores 0 for the given reason."""
    slots = [_Slot(index, _put_back(known)) for index, known in enumerate(_knowns(release))]
    return Intake(_notebook(slots, release), (), reason)


# ------------------------------------------------------------------------------------- the release


def _knowns(release: NotebookNode) -> list[_Known]:
    knowns = []
    for cell in release.cells:
        if "### BEGIN SOLUTION" in cell.source or "### BEGIN HIDDEN TESTS" in cell.source:
            raise ValueError("expected a release notebook, got one with solutions or hidden tests")
        meta = cell.metadata.get("nbgrader", {})
        grade, solution, locked, task = (bool(meta.get(flag, False)) for flag in _ROLES)
        role = None
        if solution:
            role = "answer" if grade else "solution"
        elif task:
            role = "task"
        elif grade:
            role = "grade"
        elif locked:
            role = "locked"
        names: frozenset[str] = frozenset()
        if solution and cell.cell_type == "code":
            names = frozenset(_DEFINITION.findall(cell.source) or _ASSIGNMENT.findall(cell.source))
        fixed = not solution and (grade or locked)
        grade_id = meta.get("grade_id") if role else None
        if role and not grade_id:
            raise ValueError("expected a grade_id in each nbgrader cell, got one without")
        knowns.append(_Known(cell, role, grade_id, names, _plain(cell.source), fixed))
    grade_ids = [known.grade_id for known in knowns if known.role]
    if len(set(grade_ids)) < len(grade_ids):
        raise ValueError("expected each grade_id of the release once, got one twice")
    return knowns


def _graded_solution(knowns: list[_Known]) -> dict[int, int]:
    """For each autograded cell of the release, the solution that it grades: the nearest above."""
    solution, graded = None, {}
    for index, known in enumerate(knowns):
        if known.role == "solution":
            solution = index
        elif known.role == "grade" and solution is not None:
            graded[index] = solution
    return graded


def _put_back(known: _Known) -> NotebookNode:
    """The release's cell; a solution emptied, as its stub would undo what another cell defines."""
    node = _without_outputs(deepcopy(known.node))
    if known.role == "solution":
        node.source = MISSING if node.cell_type == "code" else ""
    return node


# ---------------------------------------------------------------------------------- bytes to cells


def _parse(data: bytes, release: NotebookNode, max_bytes: int) -> tuple[list[_Cell], list[Repair]]:
    repairs: list[Repair] = []
    document = _json(data, max_bytes, repairs)
    raw_cells: list[Any] = []
    match document.get("nbformat", 4), document:
        case ((3 | 2), {"worksheets": list(sheets)}):
            repairs.append(Repair(None, "the notebook was in an old format; it was converted"))
            for sheet in sheets:
                raw_cells += _get(sheet, "cells", list)
        case 4, {"cells": list(raw_cells)}:
            pass
        case int(version), {"cells": list()} if version > 4:
            raise _UnreadableError(
                "expected a notebook of format 4, got a newer one: save it with Jupyter or Colab"
            )
        case _:
            raise _UnreadableError("the file is not a Jupyter notebook: it has no list of cells")
    if len(raw_cells) > MAX_CELLS:
        raise _UnreadableError(f"expected at most {MAX_CELLS} cells, got {len(raw_cells)}")

    cells, odd, room = [], 0, MAX_ATTACHMENT_CHARS
    for raw in raw_cells:
        source = raw.get("source", raw.get("input", "")) if isinstance(raw, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(raw, dict) or not isinstance(source, str):
            odd += 1
            if not isinstance(raw, dict):
                continue
            source = ""
        attachments = _attachments(raw, room)
        room -= sum(len(text) for bundle in attachments.values() for text in bundle.values())
        cells.append(_cell(raw, _encodable(source), attachments))
    if odd:
        repairs.append(Repair(None, f"{odd} cells held no text; they were left out or emptied"))
    chars = sum(len(cell.source) for cell in cells)
    if chars > MAX_SOURCE_CHARS:
        raise _UnreadableError(
            f"expected at most {MAX_SOURCE_CHARS} characters of code and text, got {chars}"
        )

    wanted = _get(release.metadata, "kernelspec", dict).get("name")
    kernel = _get(_get(document, "metadata", dict), "kernelspec", dict).get("name", wanted)
    if wanted and kernel != wanted:
        named = isinstance(kernel, str) and _KERNEL_NAME.fullmatch(kernel)
        what = f"asked for {f'the kernel {kernel}' if named else 'another kernel'}"
        repairs.append(Repair(None, f"the notebook {what}; it was run with {wanted}"))
    return cells, repairs


def _json(data: bytes, max_bytes: int, repairs: list[Repair]) -> dict[str, Any]:
    if len(data) > max_bytes:
        raise _UnreadableError(
            f"expected at most {max_bytes / 1e6:g} MB, got {len(data) / 1e6:.1f} MB: clear the"
            " outputs and hand in again"
        )
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf16 else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        repairs.append(Repair(None, "some of the file was not valid UTF-8; it was replaced"))
    if not text.strip():
        raise _UnreadableError("the file is empty")
    if len(text) > MAX_JSON_VALUES:
        structure = _JSON_STRING.sub("", text)
        if sum(structure.count(mark) for mark in ",:[{") > MAX_JSON_VALUES:
            raise _UnreadableError(
                f"expected at most {MAX_JSON_VALUES} JSON values, got more: clear the outputs"
            )
    try:
        document = json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        raise _UnreadableError(
            f"the file is not a notebook: no JSON from line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; lists in lists in lists
        raise _UnreadableError(
            "the file is not a notebook: it is nested too deep, or has too long numbers"
        ) from None
    if not isinstance(document, dict):
        raise _UnreadableError("the file is not a Jupyter notebook: it has no list of cells")
    return document


def _cell(raw: dict[str, Any], source: str, attachments: dict[str, dict[str, str]]) -> _Cell:
    kind = raw.get("cell_type")
    if kind == "heading":  # nbformat 3
        level = raw.get("level")
        source = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
    if kind in ("heading", "html"):
        kind = "markdown"
    if kind not in ("code", "markdown"):
        kind = "raw"
    metadata = _get(raw, "metadata", dict)
    cell_ids = (raw.get("id"), metadata.get("id"))  # Colab keeps the id in the metadata
    cell_id = next((i for i in cell_ids if isinstance(i, str) and _CELL_ID.fullmatch(i)), None)
    return _Cell(kind, source, cell_id, _get(metadata, "nbgrader", dict), attachments)


def _attachments(raw: dict[str, Any], room: int) -> dict[str, dict[str, str]]:
    """The pictures pasted into a text cell: bitmaps only, while there is room for them."""
    kept = {}
    for name, bundle in _get(raw, "attachments", dict).items():
        for mime in _PICTURES:
            text = bundle.get(mime) if isinstance(bundle, dict) else None
            if isinstance(text, str) and len(text) <= room and _BASE64.fullmatch(text):
                kept[_encodable(name)] = {mime: text}
                room -= len(text)
    return kept


def _get(mapping: Any, key: str, kind: type) -> Any:
    """`mapping[key]` where it is of that type, else an empty one."""
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, kind) else kind()


def _encodable(text: str) -> str:
    """The text without lone surrogates, which JSON can spell and no file can hold."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


# ---------------------------------------------------------------------------------- which is which


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _match(cells: list[_Cell], knowns: list[_Known]) -> dict[int, int]:
    """Release index -> hand-in index, by the surest sign first; each cell at most once."""
    claims: dict[int, int] = {}
    plain = [_plain(cell.source) for cell in cells]

    def free() -> list[int]:
        taken = set(claims.values())
        return [i for i in range(len(cells)) if i not in taken]

    def best(known: _Known, candidates: Iterable[int]) -> int | None:
        """Of several the last, but rather one that defines what it should and is no stub."""

        def merit(i: int) -> tuple[Any, ...]:
            same = plain[i] == known.plain
            if known.fixed:
                return same, cells[i].cell_id == known.node.get("id"), i
            return len(known.names & _names(cells[i])), not same, i

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
            claim(index, best(known, [i for i in free() if known.names & _names(cells[i])]))
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


def _names(cell: _Cell) -> set[str]:
    return {*_DEFINITION.findall(cell.source), *_ASSIGNMENT.findall(cell.source)}


# -------------------------------------------------------------------------------- in a valid order


def _slots(
    cells: list[_Cell], knowns: list[_Known], claims: dict[int, int], repairs: list[Repair]
) -> list[_Slot]:
    """The hand-in's cells in its own order, the release's text and flags restored."""
    known_by_cell = {cell: index for index, cell in claims.items()}
    by_grade_id = {known.grade_id: known for known in knowns if known.role}
    slots: list[_Slot] = []
    invented = 0
    for i, cell in enumerate(cells):
        if i in known_by_cell:
            index = known_by_cell[i]
            slots += _restored(cell, index, knowns[index], repairs)
            continue
        twin = by_grade_id.get(cell.grade_id)
        if twin:
            # A bare copy is left out: a stub that runs last would undo the solution.
            copy = _plain(cell.source) == twin.plain
            then = "the copy was left out" if copy else "the copy runs as a cell of your own"
            repairs.append(Repair(twin.grade_id, f"the {_title(twin)} was there twice; {then}"))
            if copy:
                continue
        else:
            invented += any(cell.nbgrader.get(flag) for flag in _ROLES)
        slots.append(_Slot(None, _own(cell)))
    if invented:
        what = f"{invented} cells claimed to be graded or locked and are not"
        repairs.append(Repair(None, f"{what}; they run as cells of your own"))
    return slots


def _restored(cell: _Cell, index: int, known: _Known, repairs: list[Repair]) -> list[_Slot]:
    node = _without_outputs(deepcopy(known.node))
    own = _own(cell)
    if known.role is None:  # nbgrader does not know it: the student's own to change
        meta = {key: value for key, value in node.metadata.items() if key != "nbgrader"}
        own.update(id=node.get("id", ""), metadata=NotebookNode(meta))
        return [_Slot(index, own)]

    def repair(what: str) -> None:
        repairs.append(Repair(known.grade_id, f"the {_title(known)} {what}"))

    meta = known.node.metadata.nbgrader
    if cell.grade_id != known.grade_id:
        repair("had lost its nbgrader metadata; it was recognised and restored")
    elif any(cell.nbgrader.get(flag) != meta.get(flag) for flag in _FLAGS) or (
        bool(cell.nbgrader.get("task")) != bool(meta.get("task"))
    ):
        repair("had other settings than the assignment's; they were restored")
    if cell.kind != node.cell_type:
        repair(f"was a {cell.kind} cell; it was made a {node.cell_type} cell again")
    if not known.fixed:
        node.source = cell.source
        _attach(node, cell)
        return [_Slot(index, node)]
    restored, kept = _Slot(index, node), _Slot(None, own)
    if _plain(cell.source) == known.plain:
        return [restored]
    if not cell.source.strip():
        repair("had been emptied; its text was restored")
        return [restored]
    above = known.role == "grade"  # what was written there counts for the grade
    where = "above" if above else "below"
    repair(f"had been changed; it was restored, and your text is a cell of your own {where} it")
    return [kept, restored] if above else [restored, kept]


def _arrange(
    slots: list[_Slot],
    cells: list[_Cell],
    knowns: list[_Known],
    claims: dict[int, int],
    repairs: list[Repair],
) -> None:
    """Puts back what is missing, and grade cells below their solution; else the order stays."""
    graded = _graded_solution(knowns)

    def place(index: int) -> int:
        return next((i for i, slot in enumerate(slots) if slot.known == index), -1)

    def insert_after(anchor: int | None, slot: _Slot, *, past_own_cells: bool) -> None:
        at = 0 if anchor is None else place(anchor) + 1
        while past_own_cells and at < len(slots) and slots[at].known is None:
            at += 1
        slots.insert(at, slot)

    present = set(claims)
    for index, known in enumerate(knowns):
        if known.role is None or index in present:
            continue
        anchor = max((i for i in present if i < index), default=None)
        if known.role == "solution":
            # Two solutions in one cell: what grades this one must come below that cell.
            by = (i for i in claims if knowns[i].names and known.names & _names(cells[claims[i]]))
            anchor = max(by, key=place, default=anchor)
        insert_after(anchor, _Slot(index, _put_back(known)), past_own_cells=known.role == "grade")
        present.add(index)
        repairs.append(Repair(known.grade_id, f"the {_title(known)} was missing; it was put back"))

    misplaced = {g: slots[place(g)] for g, s in graded.items() if place(g) < place(s)}
    slots[:] = [slot for slot in slots if slot.known not in misplaced]
    for index, slot in misplaced.items():
        solution = graded[index]
        before = (g for g, s in graded.items() if s == solution and g < index and place(g) >= 0)
        insert_after(max(before, default=solution), slot, past_own_cells=True)
        what = f"stood above the {_title(knowns[solution])} that it grades; it was moved below"
        repairs.append(Repair(knowns[index].grade_id, f"the {_title(knowns[index])} {what}"))


def _title(known: _Known) -> str:
    return f"{known.role} cell {known.grade_id}"


# ------------------------------------------------------------------------------------ the notebook


def _own(cell: _Cell) -> NotebookNode:
    """A cell of the student's own, without metadata: a tag can make nbclient skip a cell."""
    node = NotebookNode(cell_type=cell.kind, id=cell.cell_id or "", source=cell.source)
    node.metadata = NotebookNode()
    _attach(node, cell)
    return _without_outputs(node)


def _attach(node: NotebookNode, cell: _Cell) -> None:
    if cell.attachments and node.cell_type != "code":
        node.attachments = NotebookNode(deepcopy(cell.attachments))


def _without_outputs(node: NotebookNode) -> NotebookNode:
    if node.cell_type == "code":
        node.update(outputs=[], execution_count=None)
    return node


def _notebook(slots: list[_Slot], release: NotebookNode) -> NotebookNode:
    """nbformat 4.5: the release's metadata, and cell ids that are unique and the same each time."""
    used = {cell.get("id") for cell in release.cells} | {""}
    number = 0
    for slot in slots:
        if slot.known is None:
            while slot.node.id in used:
                number += 1
                slot.node.id = f"own-{number}"
            used.add(slot.node.id)
    cells = [slot.node for slot in slots]
    metadata = deepcopy(release.metadata)
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=metadata, cells=cells)
