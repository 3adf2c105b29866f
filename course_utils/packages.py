"""What the notebooks need besides `course_utils`: pip installs what is missing, nothing else.

A notebook's first cell imports this before anything else, with whatever Python it was opened in. So
nothing is imported here that has to be installed, and old Pythons can read it.
"""

from __future__ import annotations

import importlib
import re
import site
import subprocess
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

MIN_PYTHON = (3, 10)
MIN_VERSIONS = {  # as pyproject.toml asks for
    "torch": (2, 2),
    "torchvision": (0, 17),
    "torchinfo": (1, 8),
    "matplotlib": (3, 7),
    "numpy": (1, 23),
    "pillow": (9,),
    "tqdm": (4, 66),
    "ipython": (7, 34),
}
_MODULES = {"pillow": "PIL", "ipython": "IPython"}  # where they are named otherwise
# A constraint with another kind of version, as some systems' own packages have, stops pip.
_VERSION = r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?"
_OWN_ENVIRONMENT = (
    "make an environment of your own as the README beside the notebook says, and choose it as the "
    "notebook's kernel"
)
_REFUSALS = {  # what pip says -> why it cannot, and what to do next
    "externally-managed-environment": ("the system manages this Python", _OWN_ENVIRONMENT),
    "No module named pip": ("this Python has no pip", _OWN_ENVIRONMENT),
    "Permission denied": ("you may not install packages here", _OWN_ENVIRONMENT),
    "WinError 5": ("you may not install packages here", _OWN_ENVIRONMENT),
    "ResolutionImpossible": ("it does not fit what is installed", _OWN_ENVIRONMENT),
    "connection broken by": ("pip has no network", "connect, and run this cell again"),
}


class NotReady(Exception):
    """A notebook cannot run in this Python; the message is one sentence that says what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback."""
        return [str(self)]


def install_missing() -> None:
    """Install what the notebooks need and this Python lacks.

    Packages that are there stay as they are, since some of them are imported already: one that is
    too old is an error, and pip is told to keep the version of every other.

    Raises:
        NotReady: something is missing and cannot be installed, or is too old.
    """
    if sys.version_info < MIN_PYTHON:
        raise NotReady(
            f"This notebook needs Python {_text(MIN_PYTHON)} or later, and this is Python "
            f"{_text(sys.version_info[:3])}: install a newer one, or open the notebook in Google "
            "Colab."
        )
    missing = [name for name in MIN_VERSIONS if find_spec(_MODULES.get(name, name)) is None]
    for name, least in MIN_VERSIONS.items():
        found = None if name in missing else _installed(name)
        if found is not None and _numbers(found) < least:
            raise NotReady(
                f"This notebook needs {name} {_text(least)} or later, and this Python has {found}: "
                f'run `pip install "{name}>={_text(least)}"` in a terminal and restart the kernel, '
                f"or {_OWN_ENVIRONMENT}."
            )
    # PyTorch's first releases since NumPy 2 came out were built for NumPy 1.
    torch, numpy = _installed("torch"), _installed("numpy")
    if torch and numpy and _numbers(torch) < (2, 3) and _numbers(numpy) >= (2,):
        raise NotReady(
            f'PyTorch {torch} cannot use NumPy {numpy}: run `pip install "numpy<2"` in a terminal '
            "and restart the kernel."
        )
    if missing:
        _install(missing)


def _install(names: list[str]) -> None:
    listed = ", ".join(names)
    print(f"Installing {listed} ...", flush=True)
    complaint = _pip_install([f"{name}>={_text(MIN_VERSIONS[name])}" for name in names])
    if complaint is not None:
        last = next((s for s in reversed(complaint.splitlines()) if s.strip()), "without a word")
        unknown = f"pip stopped: {last.strip()}", _OWN_ENVIRONMENT
        why, then = next((_REFUSALS[s] for s in _REFUSALS if s in complaint), unknown)
        raise NotReady(f"{listed} cannot be installed here ({why}): {then}.")
    # Where pip may not write beside the other packages, it makes a folder of the user's.
    if site.ENABLE_USER_SITE:
        site.addsitedir(site.getusersitepackages())
    importlib.invalidate_caches()
    if any(find_spec(_MODULES.get(name, name)) is None for name in names):
        raise NotReady(f"{listed} are installed now: restart the kernel, and run this cell again.")


def _pip_install(requirements: list[str]) -> str | None:
    """Return what pip complained of; None: it has installed them, and left all else as it was."""
    versions: dict[str, str] = {}
    for package in metadata.distributions():  # the first of a name is the one that is imported
        name, version = package.metadata["Name"], package.version
        if name and version and re.fullmatch(_VERSION, version):
            versions.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "installed.txt"
        lines = [f"{name}=={version}\n" for name, version in versions.items()]
        kept.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input"]
        command += ["--disable-pip-version-check", "--constraint", str(kept), *requirements]
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", check=False
            )
        except OSError as error:
            return str(error)
    return done.stderr if done.returncode else None


def _installed(name: str) -> str | None:
    """Return the version of a package; None where it has no metadata to tell."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (2, 11, 0) for "2.11.0+cu128"."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _text(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
