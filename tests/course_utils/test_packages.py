"""course_utils.packages: what is asked for, and what is said where it cannot be had."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable

import pytest
from packaging.requirements import Requirement

from course_utils import packages
from course_utils.packages import MIN_PYTHON, MIN_VERSIONS, NotReady, install_missing
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_a_notebook_asks_for_what_the_package_asks_for() -> None:
    listed = [Requirement(line) for line in PROJECT["dependencies"]]
    least = {r.name: str(r.specifier).removeprefix(">=") for r in listed if r.marker is None}
    assert least == {name: ".".join(map(str, v)) for name, v in MIN_VERSIONS.items()}
    assert PROJECT["requires-python"] == f">={'.'.join(map(str, MIN_PYTHON))}"


def test_students_get_nothing_that_a_notebook_has_anyway_or_that_only_graders_need() -> None:
    assert "optional-dependencies" not in PROJECT
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not names & {"jupyter", "notebook", "jupyterlab", "ipykernel", "nbgrader", "mlxtend"}


def test_here_nothing_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    install_missing()
    assert capsys.readouterr().out == ""


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[list[str]]]:
    """A function that sets what pip complains of; it returns the commands that pip will get."""
    commands: list[list[str]] = []

    def complains(text: str) -> list[list[str]]:
        def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
            commands.append(command)
            return subprocess.CompletedProcess(command, 1, "", text)

        monkeypatch.setattr(packages.subprocess, "run", run)
        return commands

    find_spec = packages.find_spec
    monkeypatch.setattr(
        packages, "find_spec", lambda name: None if name == "torchinfo" else find_spec(name)
    )
    return complains


@pytest.mark.parametrize(
    ("complaint", "why", "then"),
    [
        (
            "error: externally-managed-environment\n\nThis environment is externally managed\n",
            "the system manages this Python",
            "make an environment of your own as the README",
        ),
        ("/usr/bin/python3: No module named pip\n", "this Python has no pip", "make an env"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied",
            "you may not install packages here",
            "make an environment of your own",
        ),
        (
            "WARNING: Retrying (...) after connection broken by 'NewConnectionError(...)': /x/\n"
            "ERROR: No matching distribution found for torchinfo>=1.8\n",
            "pip has no network",
            "connect, and run this cell again",
        ),
        ("ERROR: the disk is full\n\n", "pip stopped: ERROR: the disk is full", "make an env"),
        ("", "pip stopped: without a word", "make an environment"),
    ],
)
def test_each_refusal_of_pip_is_one_sentence(
    pip: Callable[[str], list[list[str]]], complaint: str, why: str, then: str
) -> None:
    commands = pip(complaint)
    with pytest.raises(NotReady) as caught:
        install_missing()
    assert str(caught.value).startswith(f"torchinfo cannot be installed here ({why}): {then}")
    assert "\n" not in str(caught.value)
    assert commands[0][:4] == [sys.executable, "-m", "pip", "install"]
    assert commands[0][-1] == "torchinfo>=1.8"


def test_a_system_without_processes_is_a_sentence(
    pip: Callable[[str], list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(command: list[str], **options: object) -> None:
        raise OSError("emscripten does not support processes")

    monkeypatch.setattr(packages.subprocess, "run", refuse)
    with pytest.raises(NotReady, match="pip stopped: emscripten does not support processes"):
        install_missing()


@pytest.mark.parametrize("version", [(3, 8, 10), (3, 9, 2)])
def test_an_old_python_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(packages.sys, "version_info", version)
    with pytest.raises(NotReady, match=r"needs Python 3\.10 or later, and this is Python 3\.[89]"):
        install_missing()


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ({"torch": "1.13.1+cu117"}, r"needs torch 2\.2 or later, and this Python has 1\.13\.1"),
        ({"ipython": "7.33.0"}, r"needs ipython 7\.34 or later"),
        ({"torch": "2.2.2", "numpy": "2.0.0rc1"}, r"PyTorch 2\.2\.2 cannot use NumPy 2\.0\.0rc1"),
    ],
)
def test_what_is_too_old_is_left_alone_and_named(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], says: str
) -> None:
    installed = packages.metadata.version
    monkeypatch.setattr(
        packages.metadata, "version", lambda name: versions.get(name) or installed(name)
    )
    monkeypatch.setattr(packages.subprocess, "run", None)
    with pytest.raises(NotReady, match=says):
        install_missing()


@pytest.mark.parametrize(
    "versions",
    [
        {"torch": "2.11.0+cu128", "numpy": "2.1.3"},
        {"torch": "2.2.0", "numpy": "1.26.4", "matplotlib": "3.7"},
        {"torch": "2.15.0a0+git1234"},
    ],
)
def test_what_is_recent_enough_is_taken(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]
) -> None:
    installed = packages.metadata.version
    monkeypatch.setattr(
        packages.metadata, "version", lambda name: versions.get(name) or installed(name)
    )
    install_missing()


def test_a_package_without_metadata_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> str:
        raise packages.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, "version", nothing)
    install_missing()
