"""Finds what an assignment brings: the one place that goes from a name to its modules.

An assignment lies where the course keeps its own, if it has such a folder and the assignment is in
it; else among ours. Which folder that is, this process and those that it starts know by an
environment variable: checks, pages and workers ask for an assignment by its name alone.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from autograder import CheckFault, GraderFault

SETTING = "c.Judge.assignments"
VARIABLE = "AUTOGRADER_ASSIGNMENTS"  # the folder that the setting names
PACKAGE_OF_A_COURSE = "course_assignments_"  # and a number: what its own assignments are in
_OURS = "autograder.assignments"
_FILES = ("*.py", "*.json", "*.gz")  # of these: verdicts rest on data too


def use(course_root: Path, setting: str) -> None:
    """Have this process and those that it starts look for assignments where a course keeps its own.

    Args:
        course_root: the folder of the course.
        setting: a folder in it, or a package that can be imported; "" for ours alone.

    Raises:
        GraderFault: there is neither.
    """
    if not setting:
        os.environ.pop(VARIABLE, None)
        return
    folder = course_root / setting
    if not folder.is_dir():
        folder = _package(setting) or folder
    if not folder.is_dir():
        raise GraderFault(
            f'{SETTING} = "{setting}": the course has no such folder, and there is no such package '
            "to import. Make the folder, with a folder for each assignment in it"
        )
    os.environ[VARIABLE] = str(folder.resolve())


def own_folder(assignment: str) -> Path | None:
    """Return the folder of the course's own assignment; None if it is one of ours."""
    where = os.environ.get(VARIABLE, "")
    folder = Path(where, assignment)
    return folder if where and assignment.isidentifier() and folder.is_dir() else None


def own_files(assignment: str) -> dict[str, bytes]:
    """Return path -> content of what a course's own assignment is made of; {} if it is one of ours.

    Besides its folder these are the modules beside it, which several assignments may share.
    """
    folder = own_folder(assignment)
    if folder is None:
        return {}
    paths = [path for kind in _FILES for path in folder.rglob(kind)]
    paths += folder.parent.glob("*.py")
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in sorted(paths)}


def use_files(files: Mapping[str, bytes]) -> None:
    """Have this process look for assignments among files that came along; {}: ours alone."""
    if not files:
        os.environ.pop(VARIABLE, None)
        return
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    os.environ[VARIABLE] = _laid_out(whole.hexdigest(), tuple(sorted(files.items()))).name


def module_name(assignment: str, part: str) -> str:
    """Return the full name of one of an assignment's modules, for instance its `checks`.

    Raises:
        GraderFault: no assignment can have this name.
    """
    if not assignment.isidentifier():
        raise GraderFault(f"{assignment!r} cannot be the name of an assignment")
    folder = own_folder(assignment)
    package = _OURS if folder is None else _named(folder.parent)
    return f"{package}.{assignment}.{part}"


def find_module(assignment: str, part: str) -> ModuleType:
    """Return one of an assignment's modules.

    Raises:
        GraderFault: there is none.
        CheckFault: it is there, and imports something that is not.
    """
    name = module_name(assignment, part)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not f"{name}.".startswith(f"{missing}."):
            raise CheckFault(_misses(error, missing)) from error
        path = f"{where(assignment)}/{part.replace('.', '/')}.py"
        raise GraderFault(f"no {part} for the assignment {assignment!r}: write {path}") from error


def where(assignment: str) -> str:
    """Return the folder in which an assignment lies, or should lie."""
    folder = os.environ.get(VARIABLE, "")
    return f"{Path(folder).name or _OURS.replace('.', '/')}/{assignment}"


def _misses(error: ModuleNotFoundError, missing: str) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "a module"
    return (
        f"{place} imports {missing!r}, which is not there: install it where hand-ins are graded, "
        "or mend the name"
    )


def _package(name: str) -> Path | None:
    """Return the folder of a package; None if there is none."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    folders = list(found.submodule_search_locations or ()) if found else []
    return Path(folders[0]) if folders else None


@cache
def _named(folder: Path) -> str:
    """Return the name under which a folder's modules are imported here, as those of a package."""
    name = f"{PACKAGE_OF_A_COURSE}{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


@cache
def _laid_out(
    digest: str, files: tuple[tuple[str, bytes], ...]
) -> tempfile.TemporaryDirectory[str]:
    """Return a folder of these files, which is there until the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="autograder-assignments-")
    for name, data in files:
        path = Path(folder.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
