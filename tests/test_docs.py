"""Does what the documentation says hold? Its commands are run, in the order of each page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from autograder.commands.cli import app
from autograder.nbgrader_step import Judge
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BY_HAND = (
    *("jupyter lab", ".venv/bin/jupyter lab", "make ", "python3 -m venv ", ".venv/bin/pip "),
    "autograder calibrate ",  # `test_tutorial.py` types it
    *(".venv\\Scripts\\jupyter lab", "py -m venv ", ".venv\\Scripts\\pip "),
)


def blocks(page: str, kind: str) -> list[str]:
    """Return the blocks of commands of a page: "sh" is run, "console" is for people."""
    return [text for found, text in _BLOCK.findall((DOCS / page).read_text()) if found == kind]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")])
def test_the_commands_of_a_page_work_from_an_empty_folder(page: str, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, module in (("autograder", "autograder"), ("nbgrader", "nbgrader")):
        script = tools / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    course = tmp_path / "course"
    course.mkdir()
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    script = "set -eu\n" + "\n".join(blocks(page, "sh"))
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=course,
        env={**os.environ, "PATH": path, "CHECKOUT": str(ROOT), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_what_people_type_by_hand_is_what_a_test_cannot() -> None:
    lines = [
        line for page in PAGES for block in blocks(page, "console") for line in block.split("\n")
    ]
    assert [line for line in lines if line and not f"{line} ".startswith(BY_HAND)] == []


def test_the_reference_has_every_command_and_option() -> None:
    text = (DOCS / "reference.md").read_text()
    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        assert f"`autograder {name}" in text
        for parameter in command.params:
            for option in (o for o in parameter.opts if o.startswith("--") and o != "--help"):
                assert f"`{option}" in text, f"{name} {option}"


def test_the_reference_has_every_setting() -> None:
    text = (DOCS / "reference.md").read_text()
    traits = Judge.class_own_traits(config=True)
    assert [n for n in traits if f"`c.Judge.{n}`" not in text] == []
    units = {"": 1, "MiB": 2**20, "GiB": 2**30}
    for name, number, unit in re.findall(r"`c\.Judge\.(\w+)` .*; (\d+)(?: (\w+))?[;. ]", text):
        assert int(number) * units[unit] == traits[name].default_value, name


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == PAGES


def test_the_site_builds_and_no_link_is_broken(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "instructor" / "index.html").exists()


FOLDERS = ("autograder", "course_utils", "tests", "docs", "source", "release")
_NAMED = re.compile(
    rf"(?<![\w./])(?:{'|'.join(FOLDERS)})/[\w./-]*\w/?|\w+(?:_\w+)*\.(?:toml|yml|py|md)\b"
)
TEXTS = ["README.md", "CONTRIBUTING.md"]
TEXTS += [f"docs/{page}" for page in PAGES if page != "threats.md"]  # names files of hand-ins


def named_paths(text: str) -> set[str]:
    """Return the repository's paths that a text names in backticks, or in a diagram."""
    fenced = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", fenced.sub("", text))
    diagrams = [block for kind, block in fenced.findall(text) if not kind]
    whole = {name for name in inline if _NAMED.fullmatch(name)}
    return whole | {name for text in diagrams for name in _NAMED.findall(text) if "/" in name}


@pytest.mark.parametrize("page", TEXTS)
def test_the_texts_name_no_path_that_is_not_there(page: str) -> None:
    known = {path.name for path in ROOT.rglob("*.*") if ".git" not in path.parts}
    names = named_paths((ROOT / page).read_text())
    missing = [n for n in names if not (ROOT / n).exists() and n not in known]
    assert missing == []


def test_a_path_that_is_not_there_is_noticed() -> None:
    text = "`autograder/nowhere.py`, `nowhere.py`, `words`\n```\n-> judged  autograder/lost/\n```\n"
    assert named_paths(text) == {"autograder/nowhere.py", "nowhere.py", "autograder/lost/"}
