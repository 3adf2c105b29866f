"""Honest hand-ins do not suffer: neither from the grader's distrust nor from its failures."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.preprocessors import Execute
from nbgrader.utils import determine_grade
from typer.testing import CliRunner

from autograder import cli, verdicts
from autograder.judging import autograded_id, grade_notebook
from autograder.sandbox import Limits, SandboxUnavailable
from autograder.student import GraderFault
from autograder.threats import CATALOGUE, HONEST
from autograder.threats.assignment import (
    ASSIGNMENT,
    FULL,
    POINTS,
    hand_in,
    release_notebook,
    source_notebook,
    submit,
)
from autograder.threats.run import gradebook_points, make_course
from tests.threats import SECRET, judged


@pytest.mark.parametrize("name", [attack.name for attack in HONEST if attack.name != "honest"])
def test_an_honest_hand_in_scores_full(name: str) -> None:
    assert judged(name).points == POINTS


def in_process(name: str) -> dict[str, float]:
    """Returns the points of a hand-in with nbgrader's own `Execute`, our checks in its kernel."""
    notebook = hand_in(CATALOGUE[name], release_notebook())
    tests = {cell.id: cell.source for cell in source_notebook().cells}
    for cell in notebook.cells:
        if autograded_id(cell):
            cell.source = tests[cell.id]
    Execute(timeout=120).preprocess(notebook, {"metadata": {"path": "."}})
    graded = [cell for cell in notebook.cells if autograded_id(cell)]
    return {str(autograded_id(cell)): determine_grade(cell)[0] for cell in graded}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "name", ["honest", "noisy-functions", "another-style", "bare-expressions", "torch-comparisons"]
)
def test_stock_nbgrader_in_process_and_ours_give_the_same_points(name: str) -> None:
    expected = POINTS if CATALOGUE[name].earned else dict.fromkeys(POINTS, 0.0)
    assert in_process(name) == expected  # ours: the tests above, and those of test_threats_points


# -------------------------------------------------------------------- the grader's own failures


def test_a_missing_check_is_the_graders_fault() -> None:
    notebook = hand_in(CATALOGUE["honest"], release_notebook())
    graded = next(cell for cell in notebook.cells if autograded_id(cell))
    graded.metadata.nbgrader.grade_id = "no_such_check"
    with pytest.raises(GraderFault, match="no check for the grade cell 'no_such_check'"):
        grade_notebook(notebook, ASSIGNMENT, "mallory", SECRET, Limits())


# Instead of running kernels: full points at once; for some students a failure of the machine.
BROKEN = """
import autograder.nbgrader_step as step
from autograder import checks, judging
from autograder.results import CheckResult, verdict
from autograder.sandbox import SandboxError
from autograder.student import GraderFault

FAULTS = {faults}

def grade_notebook(notebook, assignment, student, secret, limits, **options):
    if student in FAULTS:
        raise eval(FAULTS[student])
    for cell in notebook.cells:
        grade_id = judging.autograded_id(cell)
        if grade_id:
            points = checks.find(assignment, grade_id).max_points
            result = CheckResult((verdict("all", "right", "right", True, points),))
            cell.outputs = judging.verdict_outputs(result, 1)

step.grade_notebook = grade_notebook
"""
FAULTS = {
    "chen": "SandboxError('a process is left')",
    "dora": "OSError(28, 'No space left on device')",
    "emil": "GraderFault('worker lost')",
    "fay": "ZeroDivisionError('a bug of the grader')",
}
SPARED = ("bela", "gus")


def grade(course: Path, faults: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Returns exit status and output of the command, in a grader that fails for some students."""
    config = course / "nbgrader_config.py"
    whole = config.read_text()
    config.write_text(whole + BROKEN.format(faults=faults))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "autograder.cli", "grade", ASSIGNMENT, "--force", *arguments],
            cwd=course,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        config.write_text(whole)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "course"
    course = make_course(folder, stock=False, graded_before=False)
    for student in (*FAULTS, *SPARED):
        submit(course, student, CATALOGUE["honest"])
    return course


@pytest.fixture
def graded(course: Path) -> Path:
    """The course, in which everybody has all points."""
    status, said = grade(course, {})
    assert status == 0, said
    assert {gradebook_points(course, s) for s in (*FAULTS, *SPARED)} == {FULL}
    return course


def test_a_fault_of_the_graders_leaves_no_score_and_others_go_on(graded: Path) -> None:
    status, said = grade(graded, FAULTS)
    assert status == cli.GRADERS_FAULT
    for student in FAULTS:
        assert f"{student}: not graded" in said
        assert gradebook_points(graded, student) is None, "the old score is gone"
        assert verdicts.read_scores(graded, student, ASSIGNMENT) == []
    assert {gradebook_points(graded, student) for student in SPARED} == {FULL}


def test_a_hand_in_that_the_grader_cannot_read_leaves_no_score(graded: Path) -> None:
    """The release notebook has gone: intake fails before anything runs."""
    release = graded / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    kept = release.read_bytes()
    release.unlink()
    try:
        status, _ = grade(graded, {}, "--student=chen")
    finally:
        release.write_bytes(kept)
    assert status == cli.GRADERS_FAULT
    assert gradebook_points(graded, "chen") is None
    assert gradebook_points(graded, "bela") == FULL


def test_a_failure_while_a_hand_in_is_copied_stops_one_alone(graded: Path) -> None:
    staged = graded / ".autograder" / "staged" / "chen"
    shutil.rmtree(staged, ignore_errors=True)
    staged.write_text("a file in the folder's place")
    try:
        status, said = grade(graded, {})
    finally:
        staged.unlink()
    assert status == cli.GRADERS_FAULT, said
    assert gradebook_points(graded, "chen") is None
    assert verdicts.read_scores(graded, "chen", ASSIGNMENT) == []
    assert gradebook_points(graded, "bela") == gradebook_points(graded, "dora") == FULL


def test_without_a_sandbox_nothing_is_graded_and_it_says_so(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SandboxUnavailable("no bubblewrap: install it")

    monkeypatch.setattr("autograder.sandbox.check", refuse)
    before = gradebook_points(course, "bela")
    said = CliRunner().invoke(cli.app, ["grade", ASSIGNMENT, "--course", str(course)])
    assert said.exit_code == cli.GRADERS_FAULT
    assert "install it" in said.output
    assert gradebook_points(course, "bela") == before
