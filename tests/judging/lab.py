"""Right hand-ins of the assignment `mlp`, changed here and there, and graded in a sandbox."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
from nbformat import NotebookNode

from autograder.checking.check_result import CheckResult
from autograder.judging.graded_notebook import autograded_id
from autograder.judging.judge import grade_notebook
from autograder.sandbox import Limits
from tests.conftest import ROOT
from tests.judging.judged import SECRET

ALL = 45  # points that are given automatically


def right_hand_in() -> NotebookNode:
    """Return the source notebook, solutions and all, but for what takes time and has no points."""
    notebook = nbformat.read(ROOT / "source/mlp/mlp.ipynb", as_version=4)
    notebook.cells = [c for c in notebook.cells if "for step in range(300)" not in c.source]
    return notebook


def with_cell(source: str, before: str = "def training_step") -> NotebookNode:
    """Return the right hand-in with a cell more, before the one that has `before` in it."""
    notebook = right_hand_in()
    at = next(i for i, cell in enumerate(notebook.cells) if before in cell.source)
    notebook.cells.insert(at, nbformat.v4.new_code_cell(source))
    return notebook


def with_changed(change: Callable[[str], str]) -> NotebookNode:
    """Return the right hand-in with the sources of its cells changed, but for grade cells."""
    notebook = right_hand_in()
    for cell in notebook.cells:
        if cell.cell_type == "code" and autograded_id(cell) is None:
            cell.source = change(cell.source)
    return notebook


def with_first_line(line: str) -> NotebookNode:
    """Return the right hand-in whose cell of imports begins with a line more."""
    return with_changed(lambda s: f"{line}\n{s}" if "\nimport torch" in f"\n{s}" else s)


def graded(notebook: NotebookNode) -> dict[str, CheckResult]:
    """Return the verdicts on a hand-in, which gets its outputs."""
    return grade_notebook(notebook, "mlp", SECRET, Limits(cell_timeout_s=60))


def points(notebook: NotebookNode) -> float:
    """Return the points of a hand-in."""
    return sum(result.points for result in graded(notebook).values())


def shown(notebook: NotebookNode) -> str:
    """Return what all cells show, as text."""
    return "\n".join(str(c.outputs) for c in notebook.cells if c.cell_type == "code")
