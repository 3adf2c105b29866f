"""The judge writes points and outputs of grade cells, and nothing else does."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
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
    results = grade_notebook(notebook, "cnns", SECRET, Limits())
    assert {grade_id: result.points for grade_id, result in results.items()} == POINTS
    assert not any("SECRET_OF_THE_GRADER" in source for source in ran)


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, ...]]:
    """Return a function that grades a notebook, and returns the seeds of its challenges."""
    drawn: list[int] = []

    class Quiet:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.asked_cpu_s: dict[str, float] = {}
            self.memo: dict[Any, Any] = {}

        def usage(self) -> Usage:
            return Usage()

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
        drawn.append(seed)
        return CheckResult((verdict("a", "b", "c", True, 1.0),))

    monkeypatch.setattr(judge, "Session", Quiet)
    monkeypatch.setattr(judge, "open_kernel", lambda *arguments, **options: NoKernel())
    monkeypatch.setattr(checks, "run", record)

    def graded(
        change: Callable[[NotebookNode], object] = lambda notebook: None,
        secret: str = "s",
        files: dict[str, bytes] | None = None,
    ) -> tuple[int, ...]:
        drawn.clear()
        notebook = hand_in(CATALOGUE["honest"], release_notebook())
        change(notebook)
        grade_notebook(notebook, "cnns", secret, Limits(), files=files)
        return tuple(drawn)

    return graded


def with_cell(source: str) -> Callable[[NotebookNode], object]:
    return lambda notebook: notebook.cells.insert(1, nbformat.v4.new_code_cell(source))


def test_equal_code_is_asked_the_same_whoever_hands_it_in(seeds) -> None:
    assert seeds() == seeds()
    assert len(set(seeds())) == 5, "each grade cell is asked something of its own"
    signed = seeds(with_cell("# Bela, group 3\nx = 1  # a note"))
    assert seeds(with_cell("# Ada\nx = 1")) == signed


def with_text(notebook: NotebookNode) -> None:
    notebook.cells.append(nbformat.v4.new_markdown_cell("Written by Ada."))


def test_what_no_kernel_gets_makes_no_difference(seeds) -> None:
    assert seeds(with_text) == seeds()


@pytest.mark.parametrize(
    "other",
    [
        {"secret": "t"},
        {"files": {"notes.txt": b"what I was asked"}},
        {"change": with_cell("seen = 2")},
        {"change": with_cell("seen =  1")},
        {"change": with_cell("\nseen = 1")},
        {"change": with_cell("seen = '# 1'")},
        {"change": with_cell("%time seen = 1  # 1")},
        {"change": with_cell("%%writefile seen\n# 1")},
    ],
)
def test_whatever_else_a_kernel_gets_draws_other_challenges(seeds, other: dict[str, Any]) -> None:
    """So what one hand-in was asked, noted anywhere, is of no use to the next one."""
    plain = {*seeds(), *seeds(with_cell("seen = 1"))}
    assert plain.isdisjoint(seeds(**other))


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
