"""The release is what the source gives, and gives nothing away."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

from tests.conftest import ROOT

SOURCE = ROOT / "source" / "cnns" / "cnns.ipynb"
RELEASE = ROOT / "release" / "cnns" / "cnns.ipynb"
_SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
_HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)


def _secrets(pattern: re.Pattern[str], min_chars: int) -> list[str]:
    """Return every line of the source's hidden blocks that is long enough to be telling."""
    cells = nbformat.read(SOURCE, 4).cells
    blocks = [block for cell in cells for block in pattern.findall(cell.source)]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if len(line) >= min_chars]


def test_the_committed_release_is_what_the_source_generates(course: Path) -> None:
    generated = json.loads((course / "release" / "cnns" / "cnns.ipynb").read_text())
    committed = json.loads(RELEASE.read_text())
    assert committed == generated, "run `make release` and commit release/"


def test_the_release_folder_holds_the_notebook_and_nothing_else(course: Path) -> None:
    for release in (course / "release" / "cnns", ROOT / "release" / "cnns"):
        assert [p.name for p in release.rglob("*") if p.is_file()] == ["cnns.ipynb"]


@pytest.mark.parametrize(
    ("pattern", "min_chars", "least_lines"), [(_SOLUTION, 20, 30), (_HIDDEN, 10, 18)]
)
def test_no_line_of_a_solution_or_a_hidden_test_is_in_the_release(
    pattern: re.Pattern[str], min_chars: int, least_lines: int
) -> None:
    secrets = _secrets(pattern, min_chars)
    assert len(secrets) >= least_lines, "the source has lost its solutions or its hidden tests"
    released = "\n".join(cell.source for cell in nbformat.read(RELEASE, 4).cells)
    assert [line for line in secrets if line in released] == []


def test_no_telling_fragment_is_in_the_release() -> None:
    released = RELEASE.read_text()
    fragments = ("padding=4", "AdaptiveAvgPool", "BatchNorm1d", "11 * 11", "kernel[:, :1]")
    fragments += ("max_pool2d(", "translation equivariant", "Marking:", "autograder", "HIDDEN")
    fragments += ("BEGIN SOLUTION",)
    assert [fragment for fragment in fragments if fragment in released] == []
