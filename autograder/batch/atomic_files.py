"""Puts files in place: a reader finds the old one or the new one, and never half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_NEW = ".autograder-new"


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file at once: no reader finds half of it.

    Args:
        path: where; its folder is made if need be.
        data: what.
        mode: its permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}{_NEW}")
    new.unlink(missing_ok=True)  # left by a run that was killed, and maybe read-only
    new.write_bytes(data)
    new.chmod(mode)
    os.replace(new, path)


def write_folder(folder: Path, files: Mapping[str, bytes], mode: int) -> None:
    """Make a folder hold these files and no others.

    Args:
        folder: where.
        files: path in it -> content.
        mode: permissions of the files.
    """
    for name, data in files.items():
        write(folder / name, data, mode)
    for path in sorted(folder.rglob("*"), reverse=True):
        name = str(path.relative_to(folder))
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in files:
            path.unlink()


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return path -> content of the files in a folder; nothing if it is not there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    if folder.exists():
        shutil.rmtree(folder)
