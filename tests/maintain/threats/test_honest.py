"""Honest hand-ins do not suffer: neither from the grader's distrust nor from its failures."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from nbgrader.preprocessors import Execute
from nbgrader.utils import determine_grade
from typer.testing import CliRunner

from autograder import GraderFault, nbgrader_step
from autograder.batch.task import Fault, grade_hand_in
from autograder.commands import cli
from autograder.commands.terminal import GRADERS_FAULT
from autograder.course.assignment import read_assignment
from autograder.course.course import open_course
from autograder.intake import read_folder
from autograder.judging.graded_notebook import autograded_id
from autograder.judging.judge import grade_notebook
from autograder.maintain.threats import CATALOGUE, HONEST
from autograder.maintain.threats.assignment import (
    ASSIGNMENT,
    POINTS,
    hand_in,
    source_notebook,
    submit,
)
from autograder.maintain.threats.run import gradebook_points, make_course
from autograder.sandbox import Limits, SandboxError, SandboxUnavailable
from tests.judging.judged import SECRET, judged, release_notebook


@pytest.mark.parametrize("name", [attack.name for attack in HONEST if attack.name != "honest"])
def test_an_honest_hand_in_scores_full(name: str) -> None:
    assert judged(name).points == POINTS


def in_process(name: str) -> dict[str, float]:
    """Return the points of a hand-in with nbgrader's own `Execute`, our checks in its kernel."""
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
        grade_notebook(notebook, ASSIGNMENT, SECRET, Limits())


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "course"
    course = make_course(folder, stock=False, graded_before=False)
    submit(course, "chen", CATALOGUE["honest"])
    return course


@pytest.mark.parametrize(
    ("failure", "everybodys"),
    [
        (SandboxError("a process is left"), False),
        (SandboxUnavailable("no bubblewrap"), True),
        (GraderFault("a check is missing"), False),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),  # of watches: the disk has room
        (OSError(errno.EIO, "Input/output error"), False),
        (ZeroDivisionError("a bug of the grader"), False),
    ],
)
def test_a_failure_of_the_graders_machine_is_told_and_is_no_score(
    course: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, everybodys: bool
) -> None:
    """What becomes of such a fault in the gradebook, test_batch shows."""

    def fail(*arguments: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr(nbgrader_step, "grade_notebook", fail)
    opened = open_course(course)
    assignment = read_assignment(opened, ASSIGNMENT, sandboxed=True)
    folder = opened.folder("submitted", ASSIGNMENT, "chen")
    handed_in = read_folder.collect(folder, [ASSIGNMENT])
    result = grade_hand_in("chen", handed_in, assignment)
    assert isinstance(result, Fault)
    assert str(failure) in result.message
    assert result.everybodys == everybodys


def test_without_a_sandbox_nothing_is_graded_and_it_says_so(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*, fork: bool) -> None:
        raise SandboxUnavailable("no bubblewrap: install it")

    monkeypatch.setattr("autograder.sandbox.check", refuse)
    said = CliRunner().invoke(cli.app, ["grade", ASSIGNMENT, "--course", str(course)])
    assert said.exit_code == GRADERS_FAULT
    assert "install it" in " ".join(said.output.split())
    assert gradebook_points(course, "chen") is None
