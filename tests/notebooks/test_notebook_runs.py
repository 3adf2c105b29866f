"""The source notebook executes top to bottom, and shows what it says it shows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
NOBODY = "http://127.0.0.1:9"  # nothing listens there: as good as no network


def _execute(
    folder: Path, monkeypatch: pytest.MonkeyPatch, epochs: int | None = None
) -> NotebookNode:
    """Return the executed source notebook; a cell that raises fails the test.

    Args:
        folder: where it runs.
        monkeypatch: takes its network away.
        epochs: in place of the notebook's own number.
    """
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, NOBODY)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    notebook = nbformat.read(ROOT / "source" / "cnns" / "cnns.ipynb", 4)
    if epochs is not None:
        cell = next(cell for cell in notebook.cells if cell.id == "train-net")
        cell.source, replaced = re.subn(r"EPOCHS = .*", f"EPOCHS = {epochs}", cell.source)
        assert replaced == 1
    client = NotebookClient(
        notebook, timeout=3600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook


def _values(notebook: NotebookNode, *names: str) -> dict[str, float]:
    """Return percentages that the notebook prints as "<name>, <place>: 12.3% ..."."""
    printed = "\n".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )
    lines = [line for line in printed.splitlines() if "%" in line and ":" in line]
    found = {line.split(":")[0].strip(): line.split(":")[1].split("%")[0] for line in lines}
    return {name: float(found[name]) / 100 for name in names}


def _check(notebook: NotebookNode) -> None:
    values = _values(notebook, "Net, bottom right", "ImprovedNet, bottom right", "Net, top left")
    assert values["Net, top left"] > 0.9
    assert values["Net, bottom right"] < 0.2
    assert values["ImprovedNet, bottom right"] > 0.75
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            points = cell.outputs[-1].data["text/plain"]
            assert float(points) == cell.metadata.nbgrader.points


def test_it_runs_offline_on_the_5000_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = _execute(tmp_path, monkeypatch)
    said = [o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
    assert any("5,000" in text for text in said), "the stand-in for MNIST says so"
    _check(notebook)


def test_it_runs_on_the_original_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = os.environ.get("MNIST_DATA")
    assert given, "set MNIST_DATA to a folder that holds MNIST/raw/*.gz or the unpacked files"
    shutil.copytree(Path(given) / "MNIST", tmp_path / "data" / "MNIST")
    for path in (tmp_path / "data").rglob("*"):
        path.chmod(0o755)
    notebook = _execute(tmp_path, monkeypatch, epochs=1)  # of 5, which take half an hour
    printed = [o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
    assert any("60,000" in text for text in printed)
    _check(notebook)
