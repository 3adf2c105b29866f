"""The judge writes points and outputs of grade cells, and nothing else does."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade

from autograder.checking import checks
from autograder.checking.check_result import CheckResult, verdict
from autograder.judging import judge
from autograder.judging.graded_notebook import VERDICT, autograded_id
from autograder.judging.judge import grade_notebook, verdict_outputs
from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats.assignment import POINTS, hand_in
from autograder.nbgrader_step import clear_scores
from autograder.sandbox import Limits, Usage
from tests.judging.judged import SECRET, Judged, judged, release_notebook


@pytest.fixture(scope="module")
def graded() -> Judged:
    return judged("honest")


def test_nbgrader_reads_the_judges_points(graded: Judged) -> None:
    cells = [cell for cell in graded.notebook.cells if autograded_id(cell)]
    read = {autograded_id(cell): determine_grade(cell) for cell in cells}
    assert read == {grade_id: (points, points) for grade_id, points in POINTS.items()}


def test_the_graded_notebook_is_a_notebook(graded: Judged) -> None:
    nbformat.validate(graded.notebook)
    nbformat.writes(graded.notebook).encode("utf-8")


def test_a_grade_cell_shows_a_table_and_its_points(graded: Judged) -> None:
    for cell in graded.notebook.cells:
        if autograded_id(cell):
            shown, points = cell.outputs
            assert "<table" in shown.data["text/html"]
            assert {"criteria", "advice"} <= set(shown.data[VERDICT])
            assert points.data == {"text/plain": repr(POINTS[autograded_id(cell)])}


def test_cells_are_numbered_as_they_ran(graded: Judged) -> None:
    code = [cell for cell in graded.notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@pytest.mark.parametrize("points", [0.0, 0.1, 3.7, 20.0])
def test_any_points_reach_nbgrader_as_they_are(points: float) -> None:
    result = CheckResult((verdict("a", "b", "c", True, points),))
    cell = nbformat.v4.new_code_cell(outputs=verdict_outputs(result, 1))
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": 20}
    assert determine_grade(cell) == (points, 20)


def test_a_verdict_escapes_what_the_student_made_up() -> None:
    script = "<script>alert(1)</script>"
    result = CheckResult((verdict(script, script, script, False, 1.0),), advice=script)
    assert "<script" not in verdict_outputs(result, 1)[0].data["text/html"]


def test_the_source_of_a_grade_cell_never_enters_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []

    class Recording(judge.Session):
        def run_cell(self, source: str) -> list[Any]:
            ran.append(source)
            return super().run_cell(source)

    monkeypatch.setattr(judge, "Session", Recording)
    notebook = hand_in(CATALOGUE["honest"], release_notebook())
    for cell in notebook.cells:
        if autograded_id(cell):
            cell.source = "SECRET_OF_THE_GRADER = 1\nraise SystemExit"
    results = grade_notebook(notebook, "cnns", "mallory", SECRET, Limits())
    assert {grade_id: result.points for grade_id, result in results.items()} == POINTS
    assert not any("SECRET_OF_THE_GRADER" in source for source in ran)


def test_challenges_differ_from_student_to_student_and_stay_with_a_student(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds: list[int] = []

    class Quiet:
        def __init__(self, *arguments: Any) -> None:
            self.asked_cpu_s: dict[str, float] = {}
            self.memo: dict[Any, Any] = {}

        def absent(self) -> dict[str, list[str]]:
            return {}

        def run_cell(self, source: str) -> list[Any]:
            return []

    class NoKernel:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *arguments: Any) -> None:
            return None

        def usage(self) -> Usage:
            return Usage()

    def record(assignment: str, grade_id: str, student: Any, seed: int) -> CheckResult:
        seeds.append(seed)
        return CheckResult((verdict("a", "b", "c", True, 1.0),))

    monkeypatch.setattr(judge, "Session", Quiet)
    monkeypatch.setattr(judge, "open_kernel", lambda *arguments, **options: NoKernel())
    monkeypatch.setattr(checks, "run", record)
    for student, secret in (("ada", "s"), ("ada", "s"), ("bela", "s"), ("ada", "t")):
        notebook = hand_in(CATALOGUE["honest"], release_notebook())
        grade_notebook(notebook, "cnns", student, secret, Limits())
    first, again, other, secret = (tuple(seeds[i * 5 : i * 5 + 5]) for i in range(4))
    assert first == again
    assert len({*first, *other, *secret}) == 15


def test_clearing_scores_of_a_student_who_has_none_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = str(Path(sys.executable).parent)  # nbgrader calls alembic
    monkeypatch.setenv("PATH", os.pathsep.join([tools, os.environ["PATH"]]))
    path = tmp_path / "gradebook.db"
    url = f"sqlite:///{path}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("cnns")
    about = {"db_url": url, "notebook": "cnns", "assignment": "cnns", "student": "nobody"}
    clear_scores(about)
    with closing(sqlite3.connect(path)) as book:
        assert book.execute("select count(*) from grade").fetchone() == (0,)
