"""Points that differ between source, release, gradebook and checks: nothing is graded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autograder import CheckFault, GraderFault
from autograder.batch.task import Fault, grade_hand_in
from autograder.checking import checks
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.course.assignment import read_assignment
from autograder.course.course import open_course
from autograder.course.points import require_agreement, require_checks_agree
from autograder.intake.read_folder import HandIn
from tests.batch import cheap
from tests.conftest import run_nbgrader

HANDED_IN = HandIn({}, {"cnns": "it is missing"}, (), (), (), None)


def give(notebook: Path, grade_id: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what nbgrader knows of one cell."""
    content = json.loads(notebook.read_text())
    marks = [cell["metadata"].get("nbgrader", {}) for cell in content["cells"]]
    change(next(mark for mark in marks if mark.get("grade_id") == grade_id))
    notebook.write_text(json.dumps(content))


def standing(course: Path) -> dict[str, list[tuple]]:
    """Return the gradebook's rows after somebody was graded."""

    def graded(gradebook: Gradebook) -> None:
        gradebook.add_student("ada")
        submission = gradebook.add_submission("cnns", "ada")
        for grade in submission.notebooks[0].grades:
            grade.auto_score = 3.0

    cheap.change(course, graded)
    return cheap.rows(course)


def test_ours_agree_everywhere(course: Path) -> None:
    opened = open_course(course)
    assignment = read_assignment(opened, "cnns", sandboxed=True)
    require_agreement(opened, assignment)
    require_checks_agree(assignment)


@pytest.mark.parametrize("grade_id", ["net_shape", "how_easy"])
@pytest.mark.parametrize("points", [4, 7])
@pytest.mark.parametrize("where", ["source", "release"])
def test_points_changed_after_release_are_refused_with_what_to_do(
    fresh: Path, where: str, points: int, grade_id: str
) -> None:
    before = standing(fresh)
    give(fresh / where / "cnns" / "cnns.ipynb", grade_id, lambda m: m.update(points=points))
    cheap.hand_in(fresh, ["ada"])
    for arguments in ([], ["--dry-run"], ["--force"]):
        done = CliRunner().invoke(app, ["grade", "cnns", f"--course={fresh}", *arguments])
        said = " ".join(done.output.split())
        assert done.exit_code == GRADERS_FAULT
        assert f"{points} in the {where}" in said
        assert "5 in the gradebook" in said
        assert "nbgrader generate_assignment cnns --force" in said
    assert cheap.rows(fresh) == before


def test_a_cell_that_the_gradebook_does_not_know_is_refused(fresh: Path) -> None:
    path = fresh / "source" / "cnns" / "cnns.ipynb"
    give(path, "net_shape", lambda marks: marks.update(grade_id="net_form"))
    opened = open_course(fresh)
    with pytest.raises(GraderFault, match="net_form has 5 in the source, none in the release"):
        require_agreement(opened, read_assignment(opened, "cnns", sandboxed=True))


def test_a_course_without_its_source_is_graded(fresh: Path) -> None:
    shutil.rmtree(fresh / "source")
    opened = open_course(fresh)
    require_agreement(opened, read_assignment(opened, "cnns", sandboxed=True))


@pytest.mark.parametrize("points", [4, 7])
def test_points_that_a_check_does_not_give_stop_the_run_for_everybody(
    fresh: Path, points: int
) -> None:
    cheap.change(
        fresh,
        lambda gradebook: setattr(
            gradebook.find_grade_cell("net_shape", "cnns", "cnns"), "max_score", points
        ),
    )
    assignment = read_assignment(open_course(fresh), "cnns", sandboxed=True)
    outcome = grade_hand_in("ada", HANDED_IN, assignment)
    assert isinstance(outcome, Fault)
    assert outcome.everybodys, "it stops the run, and changes nothing"
    assert f"net_shape has {points} in the gradebook, 5 in the check" in outcome.message
    assert "`@scored(...)`" in outcome.message


def test_checks_that_cannot_be_imported_stop_the_run_for_everybody(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise CheckFault("the checks of cnns cannot be imported")

    monkeypatch.setattr(checks, "find", broken)
    assignment = read_assignment(open_course(fresh), "cnns", sandboxed=True)
    outcome = grade_hand_in("ada", HANDED_IN, assignment)
    assert isinstance(outcome, Fault)
    assert outcome.everybodys


def test_nbgraders_own_command_refuses_too_and_clears_nothing(fresh: Path) -> None:
    before = standing(fresh)
    give(fresh / "source" / "cnns" / "cnns.ipynb", "net_shape", lambda m: m.update(points=7))
    cheap.hand_in(fresh, ["ada"])
    kept = fresh / "autograded" / "ada" / "cnns" / "cnns.ipynb"
    kept.parent.mkdir(parents=True)
    kept.write_text("an earlier result")
    said = run_nbgrader(fresh, "autograde", "cnns", "--force", ok=False)
    assert "net_shape has 7 in the source, 5 in the release, 5 in the gradebook" in said
    assert cheap.rows(fresh) == before
    assert kept.read_text() == "an earlier result"


def test_a_notebook_without_readable_points_is_told(fresh: Path) -> None:
    path = fresh / "source" / "cnns" / "cnns.ipynb"
    give(path, "net_shape", lambda marks: marks.update(points="five"))
    opened = open_course(fresh)
    with pytest.raises(GraderFault, match=r"the points in cnns\.ipynb cannot be read"):
        require_agreement(opened, read_assignment(opened, "cnns", sandboxed=True))
