"""The cells of a hand-in in an order in which they can be graded."""

from __future__ import annotations

from copy import deepcopy

from nbformat import NotebookNode

from autograder.intake._match import defined_names
from autograder.intake._records import HandedCell, Known, PlacedCell, Repair
from autograder.intake._release import ROLES, graded_solution, plain_text, put_back, without_outputs

_FLAGS = ("grade", "solution", "locked", "points", "schema_version")


def fill_slots(
    cells: list[HandedCell], knowns: list[Known], claims: dict[int, int], repairs: list[Repair]
) -> list[PlacedCell]:
    """Return the hand-in's cells in its own order, the release's text and flags restored."""
    known_by_cell = {cell: index for index, cell in claims.items()}
    by_grade_id = {known.grade_id: known for known in knowns if known.role}
    slots: list[PlacedCell] = []
    invented = 0
    for i, cell in enumerate(cells):
        if i in known_by_cell:
            index = known_by_cell[i]
            slots += _restored(cell, index, knowns[index], repairs)
            continue
        twin = by_grade_id.get(cell.grade_id)
        if twin:
            # A bare copy is left out: a stub that runs last would undo the solution.
            copy = plain_text(cell.source) == twin.plain
            then = "the copy was left out" if copy else "the copy runs as a cell of your own"
            repairs.append(Repair(twin.grade_id, f"the {_title(twin)} was there twice; {then}"))
            if copy:
                continue
        else:
            invented += any(cell.nbgrader.get(flag) for flag in ROLES)
        slots.append(PlacedCell(None, own_cell(cell)))
    if invented:
        what = f"{invented} cells claimed to be graded or locked and are not"
        repairs.append(Repair(None, f"{what}; they run as cells of your own"))
    return slots


def _restored(
    cell: HandedCell, index: int, known: Known, repairs: list[Repair]
) -> list[PlacedCell]:
    node = without_outputs(deepcopy(known.node))
    own = own_cell(cell)
    if known.role is None:  # nbgrader does not know it: the student's own to change
        meta = {key: value for key, value in node.metadata.items() if key != "nbgrader"}
        own.update(id=node.get("id", ""), metadata=NotebookNode(meta))
        return [PlacedCell(index, own)]

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
        return [PlacedCell(index, node)]
    restored, kept = PlacedCell(index, node), PlacedCell(None, own)
    if plain_text(cell.source) == known.plain:
        return [restored]
    if not cell.source.strip():
        repair("had been emptied; its text was restored")
        return [restored]
    above = known.role == "grade"  # what was written there counts for the grade
    where = "above" if above else "below"
    repair(f"had been changed; it was restored, and your text is a cell of your own {where} it")
    return [kept, restored] if above else [restored, kept]


def arrange(
    slots: list[PlacedCell],
    cells: list[HandedCell],
    knowns: list[Known],
    claims: dict[int, int],
    repairs: list[Repair],
) -> None:
    """Put back what is missing, and grade cells below their solution; else the order stays."""
    graded = graded_solution(knowns)

    def place(index: int) -> int:
        return next((i for i, slot in enumerate(slots) if slot.known == index), -1)

    def insert_after(anchor: int | None, slot: PlacedCell, *, past_own_cells: bool) -> None:
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
            by = (
                i
                for i in claims
                if knowns[i].names and known.names & defined_names(cells[claims[i]])
            )
            anchor = max(by, key=place, default=anchor)
        insert_after(
            anchor, PlacedCell(index, put_back(known)), past_own_cells=known.role == "grade"
        )
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


def _title(known: Known) -> str:
    return f"{known.role} cell {known.grade_id}"


def own_cell(cell: HandedCell) -> NotebookNode:
    """Return a cell of the student's own, without metadata: a tag can make nbclient skip a cell."""
    node = NotebookNode(cell_type=cell.kind, id=cell.cell_id or "", source=cell.source)
    node.metadata = NotebookNode()
    _attach(node, cell)
    return without_outputs(node)


def _attach(node: NotebookNode, cell: HandedCell) -> None:
    if cell.attachments and node.cell_type != "code":
        node.attachments = NotebookNode(deepcopy(cell.attachments))


def assemble(slots: list[PlacedCell], release: NotebookNode) -> NotebookNode:
    """Return nbformat 4.5: the release's metadata, cell ids unique and the same each time."""
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
