"""Every folder of a course is where nbgrader's configuration puts it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from traitlets.config import Config
from typer.testing import CliRunner

from autograder.batch import grade_class
from autograder.batch.grade_class import Selection
from autograder.commands.cli import app
from autograder.course.course import open_course, without_paths
from autograder.course.release import generate_release
from autograder.maintain.bench.setting import cluster_in_threads
from tests.batch.cheap import grade_cheaply
from tests.conftest import ROOT

MOVED = {
    "source": "with-solutions",
    "release": "given-out",
    "submitted": "handed-in",
    "autograded": "marked",
    "feedback": "replies",
}


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """A course whose folders have other names than nbgrader's own."""
    text = (ROOT / "nbgrader_config.py").read_text()
    lines = [f"c.CourseDirectory.{step}_directory = '{name}'" for step, name in MOVED.items()]
    (tmp_path / "nbgrader_config.py").write_text("\n".join([text, *lines]))
    shutil.copytree(ROOT / "source", tmp_path / "with-solutions")
    return tmp_path


def test_a_class_is_graded_where_the_configuration_has_it(moved: Path) -> None:
    course = open_course(moved)
    generate_release(course, "cnns")
    assert (moved / "given-out" / "cnns" / "cnns.ipynb").exists()
    folder = moved / "handed-in" / "ada" / "cnns"
    folder.mkdir(parents=True)
    (folder / "cnns.ipynb").write_bytes(b"{}")
    assert course.students("cnns") == ["ada"]
    with cluster_in_threads(workers=1) as cluster:
        summary = grade_class.grade(
            moved,
            "cnns",
            Selection(course.students("cnns")),
            sandboxed=False,
            scheduler=cluster.scheduler_address,
            task=grade_cheaply,
        )
    assert [outcome.fault for outcome in summary.outcomes] == [""]
    assert course.students("cnns", "autograded") == ["ada"]
    assert (moved / "marked" / "ada" / "cnns" / "cnns.ipynb").exists()
    out = moved / "bundle"
    done = CliRunner().invoke(app, ["publish", "cnns", str(out), f"--course={moved}"])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in moved.iterdir() if path.is_dir()) == sorted(
        [".autograder", "bundle", "given-out", "handed-in", "marked", "with-solutions"]
    )


@pytest.mark.parametrize("structure", [None, "{assignment_id}/{nbgrader_step}/{student_id}"])
@pytest.mark.parametrize("root", ["plain", "[odd] name*"])
def test_students_are_found_however_folders_are_arranged(
    tmp_path: Path, structure: str | None, root: str
) -> None:
    config = Config()
    if structure:
        config.CourseDirectory.directory_structure = structure
    course = open_course(tmp_path / root, config)
    for student in ("bela", "ada"):
        course.folder("submitted", "cnns", student).mkdir(parents=True)
    course.folder("submitted", "mlp", "zoe").mkdir(parents=True)
    assert course.students("cnns") == ["ada", "bela"]


def test_a_copy_of_the_configuration_says_nothing_of_where_the_course_lies(moved: Path) -> None:
    course = open_course(moved)
    copy = open_course(moved / "copy", without_paths(course.config))
    assert copy.folder("source", "cnns") == moved / "copy" / "source" / "." / "cnns"
    assert copy.config.CourseDirectory.course_id == course.config.CourseDirectory.course_id
