"""Is an unsound assignment found out before it is given to students?"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets.config import Config
from typer.testing import CliRunner

from autograder.assignments.cnns import checks as cnns
from autograder.checking import checks
from autograder.checking.check_result import FELL_OVER, CheckResult, nothing
from autograder.checking.checks import CheckFunction
from autograder.checking.student import InProcess, StudentSide
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.course.course import open_course
from autograder.prepare import _scores, check_assignment
from tests.conftest import ROOT

SOURCE = nbformat.read(ROOT / "source" / "cnns" / "cnns.ipynb", 4)
RELEASE = nbformat.read(ROOT / "release" / "cnns" / "cnns.ipynb", 4)


def changed(notebook: NotebookNode) -> tuple[NotebookNode, dict[str, NotebookNode]]:
    """Return a copy, and its nbgrader cells by `grade_id`."""
    made = copy.deepcopy(notebook)
    cells = {c.metadata.nbgrader.grade_id: c for c in made.cells if "nbgrader" in c.metadata}
    return made, cells


def test_our_assignment_is_sound_as_far_as_can_be_seen_without_grading():
    found = [*check_assignment.grade_cells(SOURCE, "cnns")]
    found += [check_assignment.hidden_tests(SOURCE, "cnns")]
    found += [check_assignment.leaks(SOURCE, RELEASE)]
    assert [finding.good for finding in found] == [True] * 4
    assert "90 automatic + 10 by a person = 100" in found[1].says


def test_points_that_differ_from_the_checks_are_found():
    source, cells = changed(SOURCE)
    cells["net_shape"].metadata.nbgrader.points = 6
    finding = next(check_assignment.grade_cells(source, "cnns"))
    assert finding.good is False
    assert "net_shape has 6 points in the notebook and 5 in its check" in finding.says


def test_a_grade_cell_without_a_check_is_found():
    source, cells = changed(SOURCE)
    cells["net_shape"].metadata.nbgrader.grade_id = "net_colour"
    assert "net_colour" in next(check_assignment.grade_cells(source, "cnns")).says
    assert "net_colour" in check_assignment.hidden_tests(source, "cnns").says


def test_a_solution_that_got_into_the_release_is_found():
    release, cells = changed(RELEASE)
    cells["net"].source += "\n        self.fc1 = nn.Linear(2 * c * 11 * 11, 4 * c)"
    finding = check_assignment.leaks(SOURCE, release)
    assert finding.good is False
    assert "self.fc1 = nn.Linear" in finding.says


def test_an_output_in_the_release_is_found():
    release, cells = changed(RELEASE)
    cells["net"].outputs = [new_output("stream", text="x")]
    assert "the output of net-solution" in check_assignment.leaks(SOURCE, release).says


def test_an_old_release_is_found(tmp_path: Path):
    course = open_course(tmp_path, Config())
    assert check_assignment.committed(course, "cnns", RELEASE).good is None
    shutil.copytree(ROOT / "release", tmp_path / "release")
    assert check_assignment.committed(course, "cnns", RELEASE).good
    newer, cells = changed(RELEASE)
    cells["net"].source += "\n"
    assert check_assignment.committed(course, "cnns", newer).good is False


def test_a_file_beside_the_notebook_that_gives_away_or_is_old_is_found(tmp_path: Path):
    line = "        self.fc1 = nn.Linear(2 * c * 11 * 11, 4 * c)\n"
    finding = check_assignment.leaks(SOURCE, RELEASE, {"lab/solution.py": line.encode()})
    assert finding.good is False
    assert check_assignment.leaks(SOURCE, RELEASE, {"data/x.bin": b"\xff\x00"}).good
    course = open_course(tmp_path, Config())
    shutil.copytree(ROOT / "release", tmp_path / "release")
    finding = check_assignment.committed(course, "cnns", RELEASE, {"data/table.csv": b"1"})
    assert finding.good is False
    assert "data/table.csv" in finding.says
    (tmp_path / "release" / "cnns" / "data").mkdir()
    (tmp_path / "release" / "cnns" / "data" / "table.csv").write_bytes(b"1")
    assert check_assignment.committed(course, "cnns", RELEASE, {"data/table.csv": b"1"}).good


@pytest.mark.slow
def test_a_source_that_needs_its_module_and_its_data_scores_full(tmp_path: Path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "source" / "mlp", tmp_path / "source" / "mlp")
    folder = tmp_path / "source" / "mlp"
    for name, text in (("lab/sizes.py", "WIDTH = 32\n"), ("data/table.csv", "1,2\n")):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    notebook = nbformat.read(folder / "mlp.ipynb", 4)
    imports = next(cell for cell in notebook.cells if cell.id == "setup-imports")
    imports.source = "from lab import sizes\nopen('data/table.csv').read()\n" + imports.source
    nbformat.write(notebook, folder / "mlp.ipynb")
    result = CliRunner().invoke(app, ["check-assignment", "mlp", f"--course={tmp_path}"])
    assert "45 of 45" in result.output
    assert "0 of 45" in result.output


def test_an_assignment_that_is_not_there_says_where_to_write_it(tmp_path: Path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    result = CliRunner().invoke(app, ["check-assignment", "nope", f"--course={tmp_path}"])
    assert result.exit_code == GRADERS_FAULT
    assert "source/nope/nope.ipynb" in result.output


def refuses_disk(student: StudentSide, seed: int) -> CheckResult:
    Path("/nowhere/table.json").read_bytes()
    raise AssertionError


def divides_by_zero(student: StudentSide, seed: int) -> CheckResult:
    raise AssertionError(1 / (seed - seed))


@pytest.mark.parametrize(
    ("judge", "said"),
    [(refuses_disk, "FileNotFoundError"), (divides_by_zero, "ZeroDivisionError")],
)
def test_a_check_that_raises_is_named_with_its_line_and_the_rest_is_looked_at(
    judge: CheckFunction, said: str, monkeypatch: pytest.MonkeyPatch
):
    def graded(*arguments: object, **options: object) -> dict[str, CheckResult]:
        return {"net_shape": checks.run("cnns", "net_shape", InProcess({}), 1)}

    monkeypatch.setattr(_scores, "grade_notebook", graded)
    monkeypatch.setattr(cnns, "net_shape", checks.scored(5)(judge))
    finding = check_assignment.scores("the source", SOURCE, "cnns", 90, 90, fork_kernels=True)
    line = judge.__code__.co_firstlineno + 1
    assert finding.good is False
    assert f"cnns/net_shape raised {said} at test_check_assignment.py:{line}" in finding.says


def test_a_check_that_falls_over_one_of_the_two_notebooks_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch,
):
    fallen = CheckResult(nothing(5, "odd").criteria, figures={FELL_OVER: "KeyError at x.py:7"})
    monkeypatch.setattr(_scores, "grade_notebook", lambda *a, **o: {"net_shape": fallen})
    for what, wanted in (("the source", 5), ("the release", 0)):
        finding = check_assignment.scores(what, SOURCE, "cnns", 5, wanted, fork_kernels=True)
        assert finding.good is False
        assert "the check net_shape raised KeyError at x.py:7" in finding.says


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ["cnns", "mlp"])
def test_our_assignments_are_sound(assignment: str):
    result = CliRunner().invoke(app, ["check-assignment", assignment, f"--course={ROOT}"])
    assert result.exit_code == 0, result.output
