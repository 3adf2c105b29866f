"""The way from hand-in to gradebook, by nbgrader's own commands, stock and with our configuration.

What must hold of both: the source scores full, the release 0, and what an honest hand-in shows
beside its answers costs nothing.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.assignments.cnns.made_class import HAND_INS, hand_in
from tests.conftest import run_nbgrader

AUTOMATIC = {
    "conv_pool_conv_shape": 5.0,
    "conv_pool_conv_values": 15.0,
    "net_shape": 5.0,
    "net_parameters": 10.0,
    "net_function": 20.0,
    "improved_shape": 5.0,
    "improved_parameters": 5.0,
    "improved_top_left": 5.0,
    "improved_bottom_right": 20.0,
}
BOTH = ["graded", pytest.param("stock_graded", marks=pytest.mark.slow)]
MANUAL = ("why_bottom_right_fails", "how_easy")
EVERYBODYS = "a file that everybody gets"
NOISY = next(student for student in HAND_INS if student.opening)


def _hand_in(course: Path, student: str, notebook: bytes) -> None:
    path = course / "submitted" / student / "cnns" / "cnns.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(notebook)


def _graded(course: Path) -> Path:
    """Return the course after `nbgrader autograde` of the source, the release and a noisy one."""
    release = course / "release" / "cnns" / "cnns.ipynb"
    _hand_in(course, "source", (course / "source" / "cnns" / "cnns.ipynb").read_bytes())
    _hand_in(course, "release", release.read_bytes())
    _hand_in(course, "noisy", hand_in(NOISY, nbformat.read(release, 4)))
    for step in ("source", "release"):  # stock nbgrader takes it from the source
        (course / step / "cnns" / "lookup.txt").write_text(EVERYBODYS)
    (course / "source" / "cnns" / "solution.py").write_text("the instructor's own")
    run_nbgrader(course, "autograde", "cnns")
    return course


@pytest.fixture(scope="module")
def graded(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _graded(shutil.copytree(course, tmp_path_factory.mktemp("graded") / "course"))


@pytest.fixture(scope="module")
def stock_graded(stock_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _graded(shutil.copytree(stock_course, tmp_path_factory.mktemp("graded") / "course"))


def scores(course: Path, student: str) -> dict[str, float | None]:
    """Return the automatic scores of a student by `grade_id`."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission_notebook("cnns", "cnns", student)
        return {grade.name: grade.auto_score for grade in submission.grades}


@pytest.mark.parametrize("which", BOTH)
def test_a_file_beside_the_release_is_beside_every_hand_in(
    which: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(which) / "autograded" / "noisy" / "cnns"
    assert (folder / "lookup.txt").read_text() == EVERYBODYS


def test_what_lies_beside_the_source_alone_is_nobodys(graded: Path) -> None:
    assert list((graded / "autograded").rglob("solution.py")) == []


@pytest.mark.parametrize("which", BOTH)
def test_the_source_scores_full(which: str, request: pytest.FixtureRequest) -> None:
    got = scores(request.getfixturevalue(which), "source")
    assert {k: v for k, v in got.items() if k in AUTOMATIC} == AUTOMATIC


@pytest.mark.parametrize("which", BOTH)
def test_the_release_scores_0_in_every_cell(which: str, request: pytest.FixtureRequest) -> None:
    got = scores(request.getfixturevalue(which), "release")
    assert got == dict.fromkeys([*AUTOMATIC, *MANUAL], 0.0)


@pytest.mark.parametrize("which", BOTH)
def test_warnings_progress_bars_and_bare_expressions_cost_nothing(
    which: str, request: pytest.FixtureRequest
) -> None:
    got = scores(request.getfixturevalue(which), "noisy")
    assert {k: v for k, v in got.items() if k in AUTOMATIC} == AUTOMATIC


def test_the_manual_questions_of_an_answer_wait_for_a_person(graded: Path) -> None:
    got = scores(graded, "source")
    assert [got[grade_id] for grade_id in MANUAL] == [None, None]


def test_feedback_and_export_work_without_further_options(graded: Path) -> None:
    run_nbgrader(graded, "generate_feedback", "cnns")
    page = (graded / "feedback" / "release" / "cnns" / "cnns.html").read_text()
    assert "this exercise is not implemented yet" in page
    for hidden in ("HIDDEN TESTS", "autograder.inprocess", str(graded), sys.prefix):
        assert hidden not in page
    run_nbgrader(graded, "export")
    with open(graded / "grades.csv") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {"source": 90.0, "release": 0.0, "noisy": 90.0}


NO_SANDBOX = """
import autograder.judging.judge
from autograder.sandbox import SandboxUnavailable
def refuse(*arguments, **options):
    raise SandboxUnavailable("no sandbox on this machine")
autograder.judging.judge.open_kernel = refuse
"""


@pytest.mark.slow
def test_a_graders_fault_leaves_no_score_and_clears_an_old_one(graded: Path) -> None:
    config = graded / "nbgrader_config.py"
    whole = config.read_text()
    config.write_text(whole + NO_SANDBOX)
    try:
        said = run_nbgrader(graded, "autograde", "cnns", "--student=release", "--force", ok=False)
    finally:
        config.write_text(whole)
    assert "no sandbox on this machine" in said
    assert {scores(graded, "release")[grade_id] for grade_id in AUTOMATIC} == {None}
    assert not (graded / "autograded" / "release" / "cnns").exists()
    assert scores(graded, "source")["net_function"] == 20, "the others keep theirs"
