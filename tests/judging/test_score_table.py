"""The table of a class, from graded notebooks."""

from __future__ import annotations

import io
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from autograder.checking.check_result import CheckResult, verdict
from autograder.judging.judge import verdict_outputs
from autograder.judging.score_table import lost_points, read_scores, score_table

RIGHT = CheckResult((verdict("shape", "(1, 2)", "(1, 2)", True, 5.0),))
WRONG = CheckResult((verdict("values", "as specified", "others", False, 15.0),), "Look at conv1.")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with one graded hand-in: 5 of 5 points, and 0 of 15."""
    cells = []
    for grade_id, result in {"net_shape": RIGHT, "net_function": WRONG}.items():
        cell = nbformat.v4.new_code_cell("# Graded.")
        marks = {"grade": True, "solution": False, "grade_id": grade_id}
        cell.metadata["nbgrader"] = marks | {"points": result.max_points}
        cell.outputs = verdict_outputs(result, 1)
        cells.append(cell)
    path = tmp_path / "autograded" / "ada" / "cnns" / "cnns.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return tmp_path / "autograded"


def test_scores_are_read_back_from_the_graded_notebook(course: Path) -> None:
    first, second = read_scores(course / "ada" / "cnns" / "cnns.ipynb")
    assert (first.grade_id, first.points, first.max_points, first.reason) == ("net_shape", 5, 5, "")
    assert (second.points, second.max_points, second.reason) == (0, 15, "Look at conv1.")


def test_a_student_without_a_verdict_has_no_scores(course: Path) -> None:
    assert read_scores(course / "bela" / "cnns" / "cnns.ipynb") == []


def test_the_table_shows_points_sums_and_who_has_none(course: Path) -> None:
    printed = io.StringIO()
    scores = {name: read_scores(course / name / "cnns" / "cnns.ipynb") for name in ("ada", "bela")}
    Console(file=printed, width=80).print(score_table(scores))
    rows = [line.replace("│", " ").split() for line in printed.getvalue().splitlines()]
    assert ["ada", "5", "0", "5"] in rows
    assert ["bela", "-", "-", "-"] in rows


def test_each_loss_is_told_with_its_reason(course: Path) -> None:
    assert lost_points(read_scores(course / "ada" / "cnns" / "cnns.ipynb")) == [
        "net_function (-15): Look at conv1."
    ]
