"""Does the doctor find what is missing, and say how to mend it?"""

from __future__ import annotations

import importlib
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder import sandbox
from autograder.commands.cli import app
from autograder.course.secret import VARIABLE
from autograder.prepare import doctor
from tests.conftest import ROOT

check = importlib.import_module("autograder.sandbox.check")  # the module, not its function


def test_this_very_course_can_grade():
    bad = [finding for finding in doctor.examine(ROOT) if finding.good is False]
    assert bad == []


def test_a_folder_that_is_no_course_is_found_out(tmp_path: Path):
    result = CliRunner().invoke(app, ["doctor", f"--course={tmp_path}"])
    assert result.exit_code == 1
    assert "go to the course's folder" in result.output


def test_a_configuration_that_believes_students_is_found_out(tmp_path: Path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    finding = doctor.configuration(tmp_path)
    assert finding.good is False
    assert "believe" in finding.says


def test_a_machine_without_a_sandbox_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*, fork: bool) -> None:
        raise sandbox.SandboxUnavailable("install bubblewrap")

    monkeypatch.setattr(sandbox, "check", refuse)
    finding = doctor.sandboxed(tmp_path)
    assert (finding.good, finding.mend) == (False, "install bubblewrap")


@pytest.mark.parametrize("fork", [True, False])
def test_the_sandbox_is_tried_as_the_course_asks_for(
    fork: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tried = []
    monkeypatch.setattr(sandbox, "check", lambda *, fork: tried.append(fork))
    (tmp_path / "nbgrader_config.py").write_text(f"get_config().Judge.fork_kernels = {fork}\n")
    assert doctor.sandboxed(tmp_path).good
    assert tried == [fork]


def test_missing_and_old_packages_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such-package": (1,), "torch": (99,)})
    missing, old = doctor.packages()
    assert (missing.good, old.good) == (False, False)
    assert old.mend == "pip install 'torch>=99'"


def test_a_damaged_gradebook_is_found_out(tmp_path: Path):
    path = tmp_path / "gradebook.db"
    assert doctor.database(path).good
    path.write_bytes(b"no database at all, but long enough to have a header" * 40)
    assert doctor.database(path).good is False


def test_a_gradebook_in_use_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "gradebook.db"
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.0)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.commit()
        connection.execute("BEGIN IMMEDIATE")
        assert doctor.database(path).good is False
        connection.rollback()
    assert doctor.database(path).good


def test_a_secret_that_others_may_read_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(VARIABLE, raising=False)
    path = tmp_path / "secret"
    path.write_text("secret")
    path.chmod(0o644)
    assert doctor.kept_secret(path).mend == f"chmod 600 {path}"
    path.chmod(0o600)
    assert doctor.kept_secret(path).good


def test_root_is_warned():
    assert doctor.user(0).good is None
    assert doctor.user(1000).good


def test_what_kernels_cannot_import_is_named(monkeypatch: pytest.MonkeyPatch):
    assert doctor.imported().good
    monkeypatch.setattr(check, "PRELOADED", ("torch", "no_such_module"))
    finding = doctor.imported()
    assert finding.says == (
        "no_such_module cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"
    )
    assert "constraints.txt" in finding.mend


def test_the_machine_is_looked_at():
    found = {finding.what: finding for finding in doctor.provided(ROOT)}
    assert {"memory limit", "processes", "limits", "/dev/shm", "temporary folder"} <= set(found)
    assert all(finding.good for finding in found.values())
