"""A Python without `course_utils`, in which tests run the first cell of a notebook."""

from __future__ import annotations

import os
import site
import subprocess
import textwrap
import venv
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import nbformat

from tests.conftest import ROOT

CELL: str = next(
    cell.source
    for cell in nbformat.read(ROOT / "source" / "cnns" / "cnns.ipynb", 4).cells
    if cell.id == "setup-course-utils"
)
_LEFT_OUT = ("__editable__", "cnn_", "torchinfo", "_virtualenv", "distutils-precedence")
_DRIVER = """
import pathlib, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for path in sys.argv[1:]:
    shell.run_cell(pathlib.Path(path).read_text(encoding="utf-8"))
"""


@dataclass(frozen=True)
class Machine:
    """A virtual environment that has what this one has, except `course_utils` and torchinfo.

    Attributes:
        folder: of the environment.
        wheels: where its pip looks for packages, in place of the index.
        environment: variables besides.
    """

    folder: Path
    wheels: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Return its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, notebook_folder: Path, *cells: str) -> str:
        """Return all that a notebook in a folder prints, with its errors as IPython shows them.

        Args:
            notebook_folder: where the notebook lies.
            cells: their sources; run in one process, one after another.
        """
        paths = []
        for number, source in enumerate(cells):
            paths.append(self.folder / f"cell{number}.py")
            paths[-1].write_text(source, encoding="utf-8")
        done = subprocess.run(
            [self.python, "-W", "error", "-W", "ignore::ResourceWarning", "-c", _DRIVER, *paths],
            cwd=notebook_folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "IPYTHONDIR": str(self.folder / "ipython"),
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.wheels),
                "NO_COLOR": "1",
                **self.environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def versions(self) -> dict[str, str]:
        """Return the version of every package that it has."""
        code = (
            "import importlib.metadata as m\nfor d in m.distributions(): print(d.name, d.version)"
        )
        done = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        return dict(line.split() for line in done.splitlines())


def make_machine(folder: Path, **options: bool) -> Machine:
    """Return a new machine in a folder.

    Args:
        folder: an empty one.
        options: as `venv.create` takes them.
    """
    venv.create(folder / "venv", symlinks=True, **options)
    packages, borrowed = folder / "packages", Path(site.getsitepackages()[0])
    packages.mkdir()
    for path in borrowed.iterdir():
        if path.suffix != ".pth" and not path.name.lower().startswith(_LEFT_OUT):
            (packages / path.name).symlink_to(path)
    (own,) = (folder / "venv").glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(f"{packages}\n", encoding="utf-8")
    (folder / "wheels").mkdir()
    return Machine(folder / "venv", folder / "wheels")


def make_wheel(folder: Path, name: str, version: str, *requirements: str) -> Path:
    """Return the wheel of a package that holds one empty module.

    Args:
        folder: where it goes.
        name: of the package and of the module.
        version: of the package.
        requirements: what it asks for.
    """
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {requirement}\n" for requirement in requirements)
    files = {
        f"{name}.py": "",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}",
        f"{about}/WHEEL": textwrap.dedent("""\
            Wheel-Version: 1.0
            Generator: a test
            Root-Is-Purelib: true
            Tag: py3-none-any
        """),
    }
    record = "".join(f"{inside},,\n" for inside in [*files, f"{about}/RECORD"])
    with ZipFile(path, "w") as archive:
        for inside, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(inside, text)
    return path


def with_address(url: str) -> str:
    """Return the first cell as `autograder publish --github` leaves it."""
    empty = 'COURSE_UTILS_URL = ""'
    assert empty in CELL
    return CELL.replace(empty, f'COURSE_UTILS_URL = "{url}"')
