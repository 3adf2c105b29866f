"""Grading without a sandbox: only on demand, and never unmarked."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.assignments.cnns.made_class import CHAIN
from autograder.judging import judge
from autograder.judging.judge import METADATA, STAMP, grade_notebook
from autograder.judging.timing import CELL
from autograder.sandbox import Limits, SandboxUnavailable


@pytest.fixture
def notebook() -> NotebookNode:
    """A hand-in with one right answer, and one grade cell."""
    opening = nbformat.v4.new_code_cell(
        "import torch.nn.functional as F\n"
        "total = sum(range(10_000_000))  # some processor time\n"
        "print(open('note').read())"
    )
    graded = nbformat.v4.new_code_cell("# Graded.")
    marks = {"grade": True, "solution": False, "grade_id": "conv_pool_conv_values", "points": 15}
    graded.metadata["nbgrader"] = marks
    return nbformat.v4.new_notebook(cells=[opening, nbformat.v4.new_code_cell(CHAIN), graded])


@pytest.mark.parametrize("sandboxed", [True, False])
def test_the_points_are_the_same_and_the_results_say_how_they_came_about(
    notebook: NotebookNode, sandboxed: bool, tmp_path
) -> None:
    note = tmp_path / "note"
    note.write_text("a file beside the notebook")
    files = {"note": note}
    results = grade_notebook(notebook, "cnns", "secret", Limits(), files=files, sandboxed=sandboxed)
    assert results["conv_pool_conv_values"].points == 15
    assert notebook.metadata[METADATA]["sandboxed"] == sandboxed
    assert (notebook.cells[0].source == STAMP) == (not sandboxed)
    shown = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])[:1]
        if "text" in output
    ]
    assert shown == ["a file beside the notebook\n"]
    phases = notebook.metadata[METADATA]["phases"]
    cells = [f"{CELL}{c.id}" for c in notebook.cells if c.source != STAMP][:2]
    assert {"start", *cells, "conv_pool_conv_values", "end"} == set(phases)
    assert phases[cells[0]]["kernel_cpu_s"] > 0
    assert set(notebook.metadata[METADATA]["asked_cpu_s"]) == {"call"}


def test_a_missing_sandbox_is_never_replaced_by_none(
    notebook: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise SandboxUnavailable("no bwrap on this machine")

    monkeypatch.setattr(judge, "open_kernel", refuse)
    with pytest.raises(SandboxUnavailable):
        grade_notebook(notebook, "cnns", "secret", Limits())
