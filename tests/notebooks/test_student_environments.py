"""The notebooks with their solutions, in Colab's environment, the oldest one, and the newest one.

Each environment lacks `course_utils` and torchinfo, as Colab does: the first cell is to find the
one and to install the other, and to change nothing. uv makes the environments, and finds or
downloads their Python: gigabytes, at the first time.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.prepare.publish import publish
from course_utils.packages import MIN_PYTHON, MIN_VERSIONS
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
_MISSING = "torchinfo"


@dataclass(frozen=True)
class Kind:
    """What is installed before a student opens the notebook.

    Attributes:
        python: the version of Python.
        packages: as uv takes them.
    """

    python: str
    packages: tuple[str, ...]


COLAB = """
    ipykernel==6.17.1 ipython==7.34.0 ipywidgets==7.7.1 jupyter_client==7.4.9 jupyter_core==5.9.1
    matplotlib==3.10.0 notebook==6.5.7 numpy==2.1.3 pandas==2.2.3 pillow==11.3.0 psutil==5.9.5
    scikit-learn==1.6.1 torch==2.11.0 torchvision==0.26.0 tornado==6.5.7 tqdm==4.67.3
    traitlets==5.7.1
"""  # its published list of August 2026
KINDS = {
    "colab": Kind("3.13", tuple(COLAB.split())),
    "oldest": Kind(
        ".".join(map(str, MIN_PYTHON)),
        (
            "ipykernel",
            *(
                f"{name}=={'.'.join(map(str, version))}"
                for name, version in MIN_VERSIONS.items()
                if name != _MISSING
            ),
        ),
    ),
    "newest": Kind(
        "3.13", ("jupyterlab", "ipywidgets", *(n for n in MIN_VERSIONS if n != _MISSING))
    ),
}


@dataclass(frozen=True)
class Environment:
    """An environment and a bundle, before the first cell has run.

    Attributes:
        python: the interpreter.
        bundle: the folder with the notebooks and the wheel.
    """

    python: Path
    bundle: Path

    def versions(self) -> dict[str, str]:
        """Return the version of every package."""
        code = (
            "import importlib.metadata as m\nfor d in m.distributions(): print(d.name, d.version)"
        )
        done = subprocess.run(
            [self.python, "-I", "-c", code], capture_output=True, text=True, check=True
        ).stdout
        return dict(line.split() for line in done.splitlines())

    def run(self, name: str) -> str:
        """Return what the first cell prints; run a notebook of the bundle to its end."""
        notebook = nbformat.read(self.bundle / f"{name}.ipynb", 4)
        resources = {"metadata": {"path": str(self.bundle)}}
        NotebookClient(notebook, timeout=900, kernel_name="student", resources=resources).execute()
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in code if cell.source)
        return "".join(output.text for output in code[0].outputs)


@pytest.fixture(params=KINDS)
def environment(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Environment:
    from uv import find_uv_bin

    kind, folder, bundle = KINDS[request.param], tmp_path / "venv", tmp_path / "bundle"
    python = folder / "bin" / "python"
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for command in (
        ["venv", "--seed", "--python", kind.python, str(folder)],
        ["pip", "install", "--python", str(python), *kind.packages],
    ):
        subprocess.run([find_uv_bin(), *command, "--quiet"], check=True)
    kernel = [python, "-m", "ipykernel", "install", "--prefix", tmp_path, "--name", "student"]
    subprocess.run(kernel, check=True, capture_output=True)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")  # quick: little data
    for name in ("cnns", "mlp"):
        publish(ROOT, name, bundle, None)
        solved = nbformat.read(ROOT / "source" / name / f"{name}.ipynb", 4)
        for cell in solved.cells:
            hidden = r"(?s)### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS"
            cell.source = re.sub(hidden, "", cell.source)
        nbformat.write(solved, bundle / f"{name}.ipynb")
    return Environment(python, bundle)


def test_the_first_cell_changes_nothing_and_the_notebooks_run_to_their_end(
    environment: Environment,
) -> None:
    before = environment.versions()
    assert _MISSING not in before
    assert "cnn-course-utils" not in before
    assert environment.run("cnns") == "Installing torchinfo ...\n"
    assert environment.run("mlp") == ""
    after = environment.versions()
    assert after.pop(_MISSING)
    assert after == before
