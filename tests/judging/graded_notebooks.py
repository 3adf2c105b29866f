"""Graded notebooks made in code, for the tests of what people read about them."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.checking.check_result import CheckResult, verdict
from autograder.judging.judge import verdict_outputs

RIGHT = CheckResult((verdict("shape", "(1, 2)", "(1, 2)", True, 5.0),))
WRONG = CheckResult(
    (
        verdict("values", "as specified", "<other> values", False, 12.0),
        verdict("the same for other sizes", "yes", "yes", True, 3.0),
    ),
    "found in your function: there is average pooling instead of max pooling",
    ("chain-pool",),
)


def graded_cell(grade_id: str, result: CheckResult, score: float | None = None) -> NotebookNode:
    """Return a grade cell as the judge and `feedback.Grades` leave it."""
    cell = new_code_cell("# Graded", outputs=verdict_outputs(result, 1))
    cell.metadata["nbgrader"] = {
        "grade": True,
        "solution": False,
        "grade_id": grade_id,
        "points": result.max_points,
        "score": result.points if score is None else score,
        "waiting": False,
    }
    return cell


def written_answer(grade_id: str, score: float, waiting: bool) -> NotebookNode:
    """Return a written answer worth 5 points."""
    cell = new_markdown_cell("Because.")
    cell.metadata["nbgrader"] = {
        "grade": True,
        "solution": True,
        "grade_id": grade_id,
        "points": 5,
        "score": score,
        "waiting": waiting,
    }
    return cell


def solution(grade_id: str, source: str) -> NotebookNode:
    """Return a solution cell."""
    cell = new_code_cell(source)
    cell.metadata["nbgrader"] = {"grade": False, "solution": True, "grade_id": grade_id}
    return cell


def graded_notebook(*cells: NotebookNode) -> NotebookNode:
    """Return a notebook of two exercises and a question, unless other cells are given."""
    default = [
        new_markdown_cell("# Title\n\nText."),
        new_markdown_cell("### Exercise 1: a chain (20 points)"),
        solution("chain", "def chain(image):\n    return image"),
        graded_cell("chain_shape", RIGHT),
        graded_cell("chain_values", WRONG),
        new_markdown_cell("### Question `8`"),
        written_answer("why", 0, waiting=True),
    ]
    return new_notebook(cells=list(cells) or default)
