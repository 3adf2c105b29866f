"""Does each dead end say in one sentence what to do next, with exit status 3, and lose nothing?"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autograder import sandbox
from autograder.commands import terminal
from autograder.commands.cli import app
from autograder.course.assignment import Assignment, read_assignment
from autograder.course.course import open_course
from autograder.prepare import doctor
from tests.batch.cheap import hand_in
from tests.conftest import run_nbgrader


def read(course: Path) -> Assignment:
    """Return the assignment as a run would read it."""
    return read_assignment(open_course(course), "cnns", sandboxed=True)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.console, "width", 1000)


def said(course: Path, assignment: str = "cnns") -> str:
    """Return the one sentence of a refusal, which has exit status 3."""
    result = CliRunner().invoke(app, ["grade", assignment, "--dry-run", f"--course={course}"])
    assert result.exit_code == 3, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


# The gradebook was deleted, the release kept


def test_a_gradebook_that_was_deleted_is_made_anew(fresh: Path) -> None:
    before = read(fresh)
    (fresh / "gradebook.db").unlink()
    assert read(fresh).digests() == before.digests()


def test_so_it_is_without_the_source(fresh: Path) -> None:
    before = read(fresh)
    (fresh / "gradebook.db").unlink()
    shutil.rmtree(fresh / "source")
    after = read(fresh)
    assert after.release == before.release
    grades = [
        [(c.name, c.columns["max_score"]) for c in a.cells if c.kind == "grade"]
        for a in (before, after)
    ]
    assert sorted(grades[0]) == sorted(grades[1])


def test_a_source_that_was_changed_since_does_not_count(fresh: Path) -> None:
    released = (fresh / "release/cnns/cnns.ipynb").read_bytes()
    path = fresh / "source/cnns/cnns.ipynb"
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("points"):
            cell.metadata.nbgrader.points += 1
    nbformat.write(notebook, path)
    before = {c.name: c.columns["max_score"] for c in read(fresh).cells if c.kind == "grade"}
    (fresh / "gradebook.db").unlink()
    after = {c.name: c.columns["max_score"] for c in read(fresh).cells if c.kind == "grade"}
    assert after == before
    assert (fresh / "release/cnns/cnns.ipynb").read_bytes() == released


def test_an_empty_file_as_gradebook_is_none(fresh: Path) -> None:
    (fresh / "gradebook.db").write_bytes(b"")
    assert read(fresh).cells


def test_a_release_without_its_notebook_names_the_way_out(fresh: Path) -> None:
    hand_in(fresh, ["ada"])
    (fresh / "release/cnns/cnns.ipynb").unlink()
    assert "nbgrader generate_assignment cnns --force" in said(fresh)


# Gradebooks that nbgrader cannot work with


def older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("alter table student drop column lms_user_id")
        db.execute("update alembic_version set version_num = '167914646830'")
        db.commit()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("update alembic_version set version_num = 'fedcba987654'")
        db.commit()


def unnumbered(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("alter table student drop column lms_user_id")
        db.execute("drop table alembic_version")
        db.commit()


def no_database(path: Path) -> None:
    path.write_bytes(b"no database, but longer than the header of one" * 40)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (older, "nbgrader db upgrade"),
        (unnumbered, "nbgrader db upgrade"),
        (newer, "pip install --upgrade nbgrader"),
        (no_database, "restore your last copy"),
        (a_folder, "restore your last copy"),
    ],
)
def test_a_gradebook_that_cannot_be_used(
    spoil: Callable[[Path], None], mend: str, fresh: Path
) -> None:
    hand_in(fresh, ["ada"])
    spoil(fresh / "gradebook.db")
    assert mend in said(fresh)
    finding = doctor.database(fresh / "gradebook.db")
    assert finding.good is False
    assert mend in finding.mend


def test_an_older_gradebook_is_fine_after_what_the_sentence_says(fresh: Path) -> None:
    older(fresh / "gradebook.db")
    run_nbgrader(fresh, "db", "upgrade")
    assert doctor.database(fresh / "gradebook.db").good
    assert read(fresh).cells


# Wrong folders


def test_a_folder_within_a_course_names_the_course(fresh: Path) -> None:
    (fresh / "submitted").mkdir(exist_ok=True)
    assert f"--course {fresh}" in said(fresh / "submitted")


def test_a_folder_with_a_configuration_and_nothing_else(tmp_path: Path, course: Path) -> None:
    shutil.copy(course / "nbgrader_config.py", tmp_path)
    assert "holds no assignment" in said(tmp_path)
    assert doctor.assignments(tmp_path).good is None


def test_an_assignment_that_is_not_there_names_those_that_are(fresh: Path) -> None:
    assert "there are cnns, mlp" in said(fresh, "cnn")


def test_submitted_is_a_file(fresh: Path) -> None:
    shutil.rmtree(fresh / "submitted", ignore_errors=True)
    (fresh / "submitted").write_text("x")
    assert "submitted is a file" in said(fresh)


def test_a_configuration_that_fails_is_named(fresh: Path) -> None:
    (fresh / "nbgrader_config.py").write_text("c = get_config(\n")
    assert "nbgrader_config.py fails: SyntaxError" in said(fresh)
    assert "SyntaxError" in doctor.configuration(fresh).mend


def test_a_course_that_cannot_be_written(fresh: Path) -> None:
    hand_in(fresh, ["ada"])
    program = f"from autograder.commands.cli import app\napp(['grade', 'cnns', '--course={fresh}'])"
    shown = ["--dev-bind", "/", "/", "--ro-bind", str(fresh), str(fresh)]
    command = [str(sandbox.find_bwrap()), *shown, sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=fresh)
    assert done.returncode == 3, done.stderr
    assert "the course cannot be written to" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr


def test_the_place_of_the_lock_is_a_file(fresh: Path) -> None:
    hand_in(fresh, ["ada"])
    (fresh / ".autograder").write_text("x")
    assert "cannot be written to" in said(fresh)


def test_an_empty_secret_is_refused(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGRADER_SECRET", raising=False)
    hand_in(fresh, ["ada"])
    (fresh / ".autograder").mkdir()
    (fresh / ".autograder/secret").write_text("\n")
    assert "restore it, or remove it" in said(fresh)


# Releases that are none


@pytest.mark.parametrize("spoil", ["nbformat as a text", "cut off", "another assignment's"])
def test_a_release_that_is_none(spoil: str, fresh: Path) -> None:
    hand_in(fresh, ["ada"])
    path = fresh / "release/cnns/cnns.ipynb"
    if spoil == "another assignment's":
        shutil.copy(Path(__file__).parents[2] / "release/mlp/mlp.ipynb", path)
    elif spoil == "cut off":
        path.write_text(path.read_text()[:5000])
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), "nbformat": "4"}))
    assert "nbgrader generate_assignment cnns --force" in said(fresh)


def test_a_source_that_is_cut_off(fresh: Path) -> None:
    (fresh / "source/cnns/cnns.ipynb").write_text('{"cells')
    result = CliRunner().invoke(app, ["check-assignment", "cnns", f"--course={fresh}"])
    assert result.exit_code == 3
    assert "is no notebook" in result.output


# The time of handing in, for nbgrader's own command


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf2026-01-02 10:00:00 UTC\n",
        "2026-01-02 10:00:00 UTC".encode("utf-16"),
        b"yesterday, I think",
        b"\xff\x00\x81",
    ],
)
def test_nbgrader_grades_beside_any_timestamp(data: bytes, fresh: Path) -> None:
    folder = fresh / "submitted/ada/cnns"
    folder.mkdir(parents=True)
    shutil.copy(fresh / "release/cnns/cnns.ipynb", folder)
    (folder / "timestamp.txt").write_bytes(data)
    run_nbgrader(fresh, "autograde", "cnns")
    with Gradebook(f"sqlite:///{fresh / 'gradebook.db'}", "cnn-course") as gradebook:
        timestamp = gradebook.find_submission("cnns", "ada").timestamp
    assert (str(timestamp) == "2026-01-02 10:00:00") == (b"2" in data)


@pytest.mark.slow
def test_nbgrader_grades_after_the_gradebook_was_deleted(fresh: Path) -> None:
    folder = fresh / "submitted/ada/cnns"
    folder.mkdir(parents=True)
    shutil.copy(fresh / "release/cnns/cnns.ipynb", folder)
    (fresh / "gradebook.db").unlink()
    run_nbgrader(fresh, "autograde", "cnns")
    assert (fresh / "autograded/ada/cnns/cnns.ipynb").exists()
