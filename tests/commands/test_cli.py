"""The command line: what it says, and what it returns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.batch import grade_class
from autograder.batch.grade_class import INTERRUPTED, Due, Outcome, RunSummary, Selection
from autograder.commands import demo
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.sandbox import SandboxUnavailable
from tests.conftest import ROOT


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with two hand-ins."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    for student in ("ada", "bela"):
        (tmp_path / "submitted" / student / "cnns").mkdir(parents=True)
    return tmp_path


def _grade(course: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["grade", "cnns", f"--course={course}", *arguments])
    return result.exit_code, " ".join(result.output.split())


def _graded_by(
    monkeypatch: pytest.MonkeyPatch, fault: str = "", stopped: str = ""
) -> list[Selection]:
    """Return the selections that a stand-in for the batch was asked to grade."""
    asked: list[Selection] = []

    def stand_in(
        course: Path, assignment: str, selection: Selection, **options: object
    ) -> RunSummary:
        asked.append(selection)
        if stopped:
            return RunSummary((), 0, len(selection.students), stopped)
        return RunSummary(tuple(Outcome(student, fault) for student in selection.students))

    monkeypatch.setattr(grade_class, "grade", stand_in)
    return asked


def test_everybody_is_graded_by_default(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _graded_by(monkeypatch)
    assert _grade(course)[0] == 0
    assert asked == [Selection(["ada", "bela"])]


def test_one_student_can_be_named(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _graded_by(monkeypatch)
    assert _grade(course, "--student=bela", "--force", "--limit=1")[0] == 0
    assert asked == [Selection(["bela"], force=True, limit=1)]


def test_an_unknown_student_is_named(course: Path) -> None:
    status, output = _grade(course, "--student=zoe")
    assert status == GRADERS_FAULT
    assert "zoe" in output


def test_no_hand_ins_says_where_to_put_them(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.submitted_directory = 'handed-in'\n"
    )
    status, output = _grade(tmp_path)
    assert status == GRADERS_FAULT
    assert "handed-in/<student>/cnns" in output


def test_a_folder_that_is_no_course_is_told(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (course / "nbgrader_config.py").unlink()
    status, output = _grade(course)
    assert status == GRADERS_FAULT
    assert "nbgrader_config.py" in output


def test_without_a_sandbox_nothing_is_graded(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise SandboxUnavailable("no bwrap: apt-get install bubblewrap")

    monkeypatch.setattr(grade_class, "grade", refuse)
    status, output = _grade(course)
    assert status == GRADERS_FAULT
    assert "Nothing was graded" in output
    assert "apt-get install bubblewrap" in output


def test_a_graders_fault_has_an_exit_status_of_its_own(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _graded_by(monkeypatch, "disk full")
    status, output = _grade(course)
    assert status == GRADERS_FAULT
    assert "2 of 2" in output
    assert GRADERS_FAULT not in (0, 1, 2), "0 is success, 1 a crash, 2 a wrong option"


def test_an_interrupt_says_how_to_go_on(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _graded_by(monkeypatch, stopped=INTERRUPTED)
    status, output = _grade(course)
    assert status == 130, "what shells expect after Ctrl-C"
    assert "2 are as they were. To go on, run the same command again" in output


def test_a_run_that_had_to_stop_says_why(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _graded_by(monkeypatch, stopped="the disk is full")
    status, output = _grade(course)
    assert status == GRADERS_FAULT
    assert "the disk is full" in output


def test_a_dry_run_says_what_would_be_graded_and_why(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        grade_class, "plan", lambda *arguments, **options: [Due("bela", "the hand-in has changed")]
    )
    monkeypatch.setattr(
        grade_class, "grade", lambda *arguments, **options: pytest.fail("it grades")
    )
    status, output = _grade(course, "--dry-run")
    assert status == 0
    assert "bela: the hand-in has changed 1 hand-ins would be graded" in output


def test_a_demo_that_stopped_says_why_and_writes_no_feedback(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _graded_by(monkeypatch, stopped="the disk is full")
    monkeypatch.setattr(demo, "generate_release", lambda course, assignment: None)
    monkeypatch.setattr(demo, "write_hand_ins", lambda *arguments: ["ada"])
    result = CliRunner().invoke(app, ["demo", f"--course={course}"])
    assert result.exit_code == GRADERS_FAULT
    assert "Stopped: the disk is full" in result.output
    assert "Writing feedback" not in result.output


def test_the_graders_own_process_does_not_wait_for_what_it_may_not_need() -> None:
    program = """
import sys
from pathlib import Path
import autograder.commands.cli
from autograder.course.course import late_penalty, open_course
course = open_course(Path())
assert late_penalty(course.config)
course.permissions()
print({"torch", "dask", "scipy", "numpy"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
