"""Makes the bundle that students get: the notebook, what it imports, and nothing of the grader."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import nbformat
from nbformat import NotebookNode

import course_utils
from autograder import GraderFault
from autograder.course.brought import brought_files
from autograder.course.course import open_course
from autograder.prepare.bundle_readme import bundle_readme
from autograder.prepare.gives_away import graders_own

_ADDRESS = re.compile(r'^COURSE_UTILS_URL = ".*"$', re.MULTILINE)
_OWN = ("requirements.txt", "README.md")
_MARKS = ("### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS")


@dataclass(frozen=True)
class GitHub:
    """Where on GitHub the bundle will lie.

    Attributes:
        repository: "owner/name".
        branch: for instance "main".
        folder: in the repository, "" for its top.
    """

    repository: str
    branch: str
    folder: str = ""

    def raw(self, name: str) -> str:
        """Return the address from which a file of the bundle is downloaded."""
        path = "/".join(part for part in (self.branch, self.folder, name) if part)
        return f"https://raw.githubusercontent.com/{self.repository}/{path}"

    def colab(self, name: str) -> str:
        """Return the address that opens a notebook of the bundle in Colab."""
        path = "/".join(part for part in (self.branch, self.folder, name) if part)
        return f"https://colab.research.google.com/github/{self.repository}/blob/{path}"


def parse_github(text: str) -> GitHub:
    """Return the place that "owner/name/branch" or "owner/name/branch/folder" means.

    Raises:
        GraderFault: it is neither.
    """
    parts = text.strip("/").split("/")
    if len(parts) < 3 or not all(re.fullmatch(r"[\w.-]+", part) for part in parts):
        raise GraderFault(f"expected owner/name/branch or owner/name/branch/folder, got {text!r}")
    return GitHub("/".join(parts[:2]), parts[2], "/".join(parts[3:]))


def publish(course_root: Path, assignment: str, folder: Path, github: GitHub | None) -> list[str]:
    """Return the names of the files that it writes into `folder`.

    Args:
        course_root: holds `release/`.
        assignment: which.
        folder: is made if need be; other files in it stay.
        github: where the bundle will lie, for the badge and for Colab; None: it is copied.

    Raises:
        GraderFault: there is no release, it gives something away, or no wheel can be built.
    """
    course = open_course(course_root)
    path = course.folder("release", assignment) / f"{assignment}.ipynb"
    if not path.exists():
        raise GraderFault(f"no release: run `nbgrader generate_assignment {assignment}` first")
    beside = brought_files(path.parent, course.coursedir.ignore)
    _check_beside(beside)
    own = graders_own(assignment, beside)
    if own:
        raise GraderFault(f"{own[0]} in the release is the grader's: take it out of the source")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in beside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    wheel = build_wheel(folder)
    notebook = for_students(nbformat.read(path, 4), assignment, wheel.name, github)
    nbformat.write(notebook, folder / path.name)
    requirements = f"./{wheel.name}\njupyterlab\nipywidgets\n"
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    badge = _badge(assignment, github) if github else ""
    readme = bundle_readme(assignment, wheel.name, badge, list(beside))
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return sorted([path.name, wheel.name, *_OWN, *beside])


def _check_beside(beside: Mapping[str, bytes]) -> None:
    """Check the files that the assignment brings along.

    Raises:
        GraderFault: one gives something away, or has the name of one of the bundle's own.
    """
    for name, data in beside.items():
        if name in _OWN:
            raise GraderFault(f"the release holds a {name}, and the bundle has one: rename it")
        found = [mark for mark in _MARKS if mark.encode() in data]
        if found:
            raise GraderFault(
                f"{name} in the release holds {found[0]!r}: take it out of the source"
            )


def for_students(
    release: NotebookNode, assignment: str, wheel: str, github: GitHub | None
) -> NotebookNode:
    """Return the release; for GitHub with the address of the wheel in it, and a badge.

    Without an address the first cell takes the wheel that lies beside the notebook.

    Raises:
        GraderFault: it holds something that is not for students.
    """
    text = nbformat.writes(release)
    found = [mark for mark in (*_MARKS, "autograder") if mark in text]
    if found:
        raise GraderFault(f"the release holds {found[0]!r}: make it again, and check the marks")
    notebook = nbformat.reads(text, 4)
    if github:
        for cell in notebook.cells:
            cell.source = _ADDRESS.sub(f'COURSE_UTILS_URL = "{github.raw(wheel)}"', cell.source)
        badge = nbformat.v4.new_markdown_cell(_badge(assignment, github), id="open-in-colab")
        notebook.cells.insert(0, badge)
    return notebook


def build_wheel(folder: Path) -> Path:
    """Return the wheel of `course_utils`, built into `folder`, of the checkout that we run from.

    Raises:
        GraderFault: we do not run from a checkout, or the build fails.
    """
    package = Path(course_utils.__file__).parent
    project = package.parent
    if not (project / "pyproject.toml").exists():
        raise GraderFault("course_utils is not installed from a checkout: pip install -e .")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, copy / package.name, ignore=ignored)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(project / name, copy)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
        command += ["--no-build-isolation", "--wheel-dir", str(copy / "wheels"), str(copy)]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if done.returncode:
            raise GraderFault(f"no wheel could be built: {done.stderr.strip()[-500:]}")
        (wheel,) = (copy / "wheels").glob("*.whl")
        with ZipFile(wheel) as archive:
            odd = [
                n for n in archive.namelist() if not n.startswith(("course_utils/", "cnn_course"))
            ]
        if odd:
            raise GraderFault(f"the wheel would hold more than course_utils: {odd[0]}")
        return Path(shutil.copy(wheel, folder))


def _badge(assignment: str, github: GitHub) -> str:
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({image})]({github.colab(f'{assignment}.ipynb')})"
