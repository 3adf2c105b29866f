"""What `nbgrader validate` says of the source, and of the release."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_nbgrader

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("assignment", ["mlp", "cnns"])
def test_the_source_passes(assignment: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "source" / assignment / f"{assignment}.ipynb", tmp_path)
    said = run_nbgrader(tmp_path, "validate", f"{assignment}.ipynb")
    assert "Success! Your notebook passes all the tests." in said


@pytest.mark.parametrize("assignment", ["mlp", "cnns"])
def test_the_release_says_what_is_missing(assignment: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "release" / assignment / f"{assignment}.ipynb", tmp_path)
    said = run_nbgrader(tmp_path, "validate", f"{assignment}.ipynb")
    assert "VALIDATION FAILED" in said
    assert "You did not provide a response" in said
