"""Does the bundle hold what students need, and nothing else?"""

from __future__ import annotations

import re
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from typer.testing import CliRunner

from autograder import GraderFault
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.prepare.bundle_readme import bundle_readme
from autograder.prepare.publish import for_students, parse_github
from tests.conftest import ROOT

RELEASE = nbformat.read(ROOT / "release" / "cnns" / "cnns.ipynb", 4)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    result = CliRunner().invoke(
        app,
        ["publish", "cnns", str(folder), "--github=org/course/main/lab", f"--course={ROOT}"],
    )
    assert result.exit_code == 0, result.output
    return folder


def test_the_bundle_is_four_files(bundle: Path):
    names = sorted(path.name for path in bundle.iterdir())
    assert [n for n in names if not n.endswith(".whl")] == [
        "README.md",
        "cnns.ipynb",
        "requirements.txt",
    ]
    assert len(names) == 4


def test_the_readme_has_lines_for_each_system_and_for_each_service(bundle: Path):
    text = (bundle / "README.md").read_text(encoding="utf-8")
    (wheel,) = bundle.glob("*.whl")
    for line in (
        ".venv/bin/pip install -r requirements.txt",
        ".venv\\Scripts\\pip install -r requirements.txt",
        "uv pip install -r requirements.txt",
        ".venv/bin/jupyter lab cnns.ipynb",
        ".venv\\Scripts\\jupyter lab cnns.ipynb",
        "uv run --no-project jupyter lab cnns.ipynb",
        ".venv/bin/pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu",
    ):
        assert f"\n{line}\n" in text
    for heading in (
        "Linux, macOS",
        "Windows",
        "Google Colab",
        "Kaggle",
        "No matching distribution",
    ):
        assert heading in text
    assert not re.search(r"\b(ASSIGNMENT|BADGE|COLAB|KAGGLE)\b", text)
    alone = bundle_readme("cnns", wheel.name)
    assert f"upload symbol, `{wheel.name}`" in alone


def test_nothing_of_the_grader_is_in_the_wheel(bundle: Path):
    (wheel,) = bundle.glob("*.whl")
    with ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
        text = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".py"))
    assert {name for name in top if not name.endswith(".dist-info")} == {"course_utils"}
    assert b"import autograder" not in text
    assert b"from autograder" not in text


def test_the_notebook_says_where_its_package_is_and_has_a_badge(bundle: Path):
    (wheel,) = bundle.glob("*.whl")
    notebook = nbformat.read(bundle / "cnns.ipynb", 4)
    raw = f"https://raw.githubusercontent.com/org/course/main/lab/{wheel.name}"
    assert any(f'COURSE_UTILS_URL = "{raw}"' in cell.source for cell in notebook.cells)
    colab = "https://colab.research.google.com/github/org/course/blob/main/lab/cnns.ipynb"
    assert colab in notebook.cells[0].source
    assert colab in (bundle / "README.md").read_text()


def test_without_github_the_notebook_is_the_release():
    assert for_students(RELEASE, "cnns", "x.whl", None) == RELEASE


def test_the_source_is_not_published():
    source = nbformat.read(ROOT / "source" / "cnns" / "cnns.ipynb", 4)
    with pytest.raises(GraderFault, match="BEGIN SOLUTION"):
        for_students(source, "cnns", "x.whl", None)


@pytest.mark.parametrize("text", ["org/course", "org", "https://github.com/o/c", "o/c/ma in"])
def test_a_place_that_is_none_is_refused(text: str):
    with pytest.raises(GraderFault, match="owner/name/branch"):
        parse_github(text)


def test_no_release_says_how_to_make_one(tmp_path: Path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    arguments = ["publish", "cnns", str(tmp_path / "out"), f"--course={tmp_path}"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == GRADERS_FAULT
    assert "generate_assignment cnns" in " ".join(result.output.split())


RUN = """
import sys, nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
notebook = nbformat.read("cnns.ipynb", 4)
try:
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
except CellExecutionError as error:
    done = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.execution_count]
    print(len(done), error.ename, done[-1].source.splitlines()[0])
"""


@pytest.mark.slow
def test_in_a_fresh_environment_the_notebook_runs_to_the_first_unsolved_exercise(
    bundle: Path, tmp_path: Path
):
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "uninstall", "--yes", "setuptools"], check=True)  # too old for torch
    # Torch and Jupyter are borrowed, since tests have no network. What is installed here in
    # editable mode is not: that takes a hook, which a path from a .pth file does not run.
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))

    def run(*command: str) -> str:
        done = subprocess.run(
            [str(python), *command],
            cwd=bundle,
            env={"PATH": f"{environment}/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert "None" in run("-c", "import importlib.util as u; print(u.find_spec('autograder'))")
    (wheel,) = bundle.glob("*.whl")
    run("-m", "pip", "install", "--quiet", "--no-index", f"./{wheel.name}")
    assert str(packages) in run("-c", "import course_utils; print(course_utils.__file__)")
    run("-m", "ipykernel", "install", "--sys-prefix", "--name", "python3")
    stopped = run("-c", RUN).split(maxsplit=2)
    assert stopped[1] == "NotImplementedError", stopped
    assert int(stopped[0]) > 8
    assert sys.prefix not in stopped[2]


@pytest.fixture
def with_files(tmp_path: Path) -> Path:
    """A course whose release of `mlp` brings a module and a folder of data."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "release" / "mlp", tmp_path / "release" / "mlp")
    for name in ("lab/sizes.py", "data/deep/table.csv", ".hidden"):
        (tmp_path / "release" / "mlp" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / "mlp" / name).write_bytes(b"1")
    (tmp_path / "source" / "mlp").mkdir(parents=True)
    (tmp_path / "source" / "mlp" / "solution.py").write_bytes(b"1")
    return tmp_path


def test_what_the_assignment_brings_is_in_the_bundle_and_the_readme_names_it(with_files: Path):
    bundle = with_files / "bundle"
    arguments = ["publish", "mlp", str(bundle), f"--course={with_files}"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert {"lab/sizes.py", "data/deep/table.csv", "mlp.ipynb"} < files
    assert len(files) == 6
    assert "`data/deep/table.csv`, `lab/sizes.py`" in (bundle / "README.md").read_text()
    assert "data/deep/table.csv" in result.output


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("README.md", "mine", "rename it"),
        ("lab/sizes.py", "### BEGIN SOLUTION\nx\n### END SOLUTION", "take it out"),
    ],
)
def test_a_file_that_gives_away_or_stands_in_the_way_is_refused(
    name: str, text: str, says: str, with_files: Path
):
    (with_files / "release" / "mlp" / name).write_text(text)
    arguments = ["publish", "mlp", str(with_files / "bundle"), f"--course={with_files}"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == GRADERS_FAULT
    assert says in " ".join(result.output.split())
    assert not (with_files / "bundle").exists()
