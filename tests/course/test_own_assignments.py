"""A course's own assignments: found wherever a verdict is formed, and never given away."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from traitlets.config import Config

from autograder import CheckFault, GraderFault
from autograder.checking import assignments, checks
from autograder.checking.lessons import lesson
from autograder.checking.student import InProcess
from autograder.course.assignment import checks_version
from autograder.course.course import open_course
from autograder.inprocess import grade
from autograder.prepare import new, publish
from autograder.prepare.check_assignment import fresh_folder
from tests.conftest import ROOT


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A course with one assignment of its own, `scales`."""
    new.begin(tmp_path, "scales")
    return tmp_path


def test_the_first_files_of_an_assignment_are_not_written_over(own: Path) -> None:
    assert (own / "assignments" / "scales" / "checks.py").is_file()
    with pytest.raises(GraderFault, match="is there already: choose another name"):
        new.begin(own, "scales")
    with pytest.raises(GraderFault, match="cannot be the name"):
        new.begin(own, "my-lab")


def test_a_course_that_does_not_say_where_its_own_lie_is_told_the_line(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with pytest.raises(GraderFault, match=r'c\.Judge\.assignments = "assignments"'):
        new.begin(tmp_path, "scales")


def test_checks_and_lessons_of_its_own_are_found_and_ours_beside_them(own: Path) -> None:
    open_course(own)
    student = InProcess(checks.honest_of("scales")())  # type: ignore[misc]
    assert checks.run("scales", "standardise_values", student, 3).points == 20
    assert "mean of each row" in lesson("scales", "without-sub")
    assert checks.find("mlp", "mlp_shape").max_points == 5


def test_another_course_forgets_them(own: Path) -> None:
    open_course(own)
    open_course(ROOT)
    with pytest.raises(GraderFault, match="no checks for the assignment 'scales'"):
        checks.find("scales", "standardise_values")


def test_a_package_may_hold_them_and_a_name_that_is_neither_is_told(
    own: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("packages")
    (own / "assignments").rename(elsewhere / "labs_of_mine")
    monkeypatch.syspath_prepend(str(elsewhere))
    assignments.use(own, "labs_of_mine")
    assert checks.find("scales", "standardise_shape").max_points == 5
    with pytest.raises(GraderFault, match="no such folder, and there is no such package"):
        assignments.use(own, "nowhere")


def test_a_missing_import_is_told_as_that(own: Path) -> None:
    open_course(own)
    path = own / "assignments" / "scales" / "checks.py"
    path.write_text("import autograder.nothing\n" + path.read_text())
    with pytest.raises(CheckFault, match=r"checks\.py:1 imports 'autograder\.nothing'"):
        checks.find("scales", "standardise_values")


def test_a_name_of_our_packages_in_part_is_a_missing_import_too(own: Path) -> None:
    open_course(own)
    path = own / "assignments" / "scales" / "checks.py"
    path.write_text("import course_ass\n" + path.read_text())
    with pytest.raises(CheckFault, match="imports 'course_ass', which is not there"):
        checks.find("scales", "standardise_values")


def test_a_stored_result_depends_on_them_and_on_what_lies_beside_them(own: Path) -> None:
    open_course(own)
    before, ours = checks_version("scales"), checks_version("mlp")
    (own / "assignments" / "shared.py").write_text("SIZE = 3\n")
    assert checks_version("scales") != before
    assert checks_version("mlp") == ours


def test_a_worker_on_another_machine_gets_them_as_data(own: Path) -> None:
    open_course(own)
    (own / "assignments" / "shared.py").write_text("SIZE = 3\n")
    path = own / "assignments" / "scales" / "checks.py"
    path.write_text("from ..shared import SIZE\n" + path.read_text())
    files, version = assignments.own_files("scales"), checks_version("scales")
    path.unlink()
    assignments.use_files(files)
    assert checks_version("scales") == version
    assert checks.find("scales", "standardise_values").max_points == 20
    assignments.use_files({})
    assert assignments.VARIABLE not in os.environ


def test_a_notebook_run_in_its_folder_finds_its_own_checks(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(assignments.VARIABLE, raising=False)
    monkeypatch.chdir(own / "source" / "scales")
    grade("scales", "standardise_shape", {})
    assert "0.0" in capsys.readouterr().out


def test_a_copy_among_the_files_for_students_is_refused(own: Path) -> None:
    course = open_course(own)
    releases, beside = fresh_folder(course, "scales")
    folder = own / "release" / "scales"
    folder.mkdir(parents=True)
    nbformat.write(releases["scales"], folder / "scales.ipynb")
    secret = (own / "assignments" / "scales" / "checks.py").read_bytes()
    for name, data in (
        ("help.txt", secret),
        ("lab.py", b"from autograder.checking.kit import Lab"),
    ):
        (folder / name).write_bytes(data)
        with pytest.raises(GraderFault, match=f"{name} in the release is the grader's"):
            publish.publish(own, "scales", own / "bundle", None)
        (folder / name).unlink()
    assert beside == {}


def test_the_setting_is_part_of_what_workers_are_told(own: Path) -> None:
    config: Config = open_course(own).config
    assert config.Judge.assignments == "assignments"
