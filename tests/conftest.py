"""What the tests share: a course in a folder of its own, as nbgrader leaves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder.checking.assignments import VARIABLE

ROOT = Path(__file__).resolve().parent.parent
STOCK_CONFIG = (
    "c = get_config()\nc.Execute.timeout = 600  # seconds a cell; all else is nbgrader's\n"
)


def make_course(folder: Path, *, stock: bool) -> Path:
    """Return `folder` as a course with our source notebook; `stock`: without our configuration."""
    shutil.copytree(ROOT / "source", folder / "source")
    if stock:
        (folder / "nbgrader_config.py").write_text(STOCK_CONFIG)
    else:
        shutil.copy(ROOT / "nbgrader_config.py", folder)
    run_nbgrader(folder, "generate_assignment", "cnns")
    return folder


def run_nbgrader(course: Path, *arguments: str, ok: bool = True) -> str:
    """Return what an nbgrader command prints, run in the course's folder as a person would."""
    tools = str(Path(sys.executable).parent)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": os.pathsep.join([tools, os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(autouse=True)
def _own_assignments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets after each test where a course of its own kept assignments."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with our configuration and a generated release."""
    return make_course(tmp_path_factory.mktemp("course"), stock=False)


@pytest.fixture(scope="session")
def stock_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with nbgrader's own configuration and a generated release."""
    return make_course(tmp_path_factory.mktemp("stock"), stock=True)


@pytest.fixture
def fresh(course: Path, tmp_path: Path) -> Path:
    """A course of its own, without hand-ins."""
    folder = tmp_path / "course"
    for name in ("source", "release"):
        shutil.copytree(course / name, folder / name)
    for name in ("nbgrader_config.py", "gradebook.db"):
        shutil.copy(course / name, folder / name)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "cnn-course") as gradebook:
        for student in list(gradebook.students):  # of other tests
            gradebook.remove_student(student.id)
    return folder
