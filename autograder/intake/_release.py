"""The release, as the intake compares hand-ins with it."""

from __future__ import annotations

from copy import deepcopy

from nbformat import NotebookNode

from autograder.intake._records import ASSIGNMENT, DEFINITION, MISSING, Known

ROLES = ("grade", "solution", "locked", "task")


def known_cells(release: NotebookNode) -> list[Known]:
    knowns = []
    for cell in release.cells:
        if "### BEGIN SOLUTION" in cell.source or "### BEGIN HIDDEN TESTS" in cell.source:
            raise ValueError("expected a release notebook, got one with solutions or hidden tests")
        meta = cell.metadata.get("nbgrader", {})
        grade, solution, locked, task = (bool(meta.get(flag, False)) for flag in ROLES)
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
            names = frozenset(DEFINITION.findall(cell.source) or ASSIGNMENT.findall(cell.source))
        fixed = not solution and (grade or locked)
        grade_id = meta.get("grade_id") if role else None
        if role and not grade_id:
            raise ValueError("expected a grade_id in each nbgrader cell, got one without")
        knowns.append(Known(cell, role, grade_id, names, plain_text(cell.source), fixed))
    grade_ids = [known.grade_id for known in knowns if known.role]
    if len(set(grade_ids)) < len(grade_ids):
        raise ValueError("expected each grade_id of the release once, got one twice")
    return knowns


def graded_solution(knowns: list[Known]) -> dict[int, int]:
    """Return for each autograded cell the solution that it grades: the nearest above."""
    solution, graded = None, {}
    for index, known in enumerate(knowns):
        if known.role == "solution":
            solution = index
        elif known.role == "grade" and solution is not None:
            graded[index] = solution
    return graded


def put_back(known: Known) -> NotebookNode:
    """Return the release's cell; a solution emptied: its stub would undo another cell's work."""
    node = without_outputs(deepcopy(known.node))
    if known.role == "solution":
        node.source = MISSING if node.cell_type == "code" else ""
    return node


def plain_text(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def without_outputs(node: NotebookNode) -> NotebookNode:
    if node.cell_type == "code":
        node.update(outputs=[], execution_count=None)
    return node
