"""A Python that an ordinary user may run, for tests that are themselves run by root.

Where root's own folders hold the interpreter, nobody else can read it: then it is the system's
(`apt-get install python3`) of the same version, and the packages get second names (hard links) in a
folder that everybody can read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import autograder
import course_utils

USER = GROUP = 65534  # nobody's


def python(folder: Path) -> tuple[Path, dict[str, str]]:
    """Return an interpreter with all packages, and the environment that it needs.

    Args:
        folder: new; everybody may read it.
    """
    venv, found = folder / "venv", _readable()
    _link_all(Path(sys.prefix), venv)
    (venv / "pyvenv.cfg").unlink(missing_ok=True)
    (venv / "pyvenv.cfg").write_text(f"home = {found.parent}\n")
    executable = venv / "bin" / "python"
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        (venv / "bin" / name).unlink(missing_ok=True)
        (venv / "bin" / name).symlink_to(found)
    code = folder / "code"
    for package in (autograder, course_utils):
        source = Path(next(iter(package.__path__)))
        shutil.copytree(source, code / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "a+rX", str(code)], check=True)
    path = os.pathsep.join([str(venv / "bin"), "/usr/sbin", "/usr/bin", "/bin"])
    return executable, {"PYTHONPATH": str(code), "PATH": path, "LANG": "C.UTF-8"}


def _readable() -> Path:
    """Return an interpreter of this version that everybody may read."""
    name = f"python3.{sys.version_info.minor}"
    for candidate in (Path(sys.base_prefix) / "bin" / name, Path("/usr/bin") / name):
        folders = [candidate, *candidate.parents]
        if all(path.exists() and path.stat().st_mode & 0o005 == 0o005 for path in folders):
            return candidate
    raise AssertionError(f"no {name} that everybody may read: apt-get install python3")


def command(arguments: list[str], *, open_files: int) -> list[str]:
    """Return a command that an ordinary user runs, with few descriptors."""
    script = f'ulimit -n {open_files}; exec "$@"'
    run = ["bash", "-c", script, "bash", *arguments]
    if os.geteuid() != 0:
        return run
    return ["setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", *run]


def _link_all(source: Path, target: Path) -> None:
    done = subprocess.run(["cp", "-al", str(source), str(target)], capture_output=True)
    if done.returncode != 0:  # another file system
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True)
