"""What lies beside a graded notebook: what was handed in, and what the release brings."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from autograder import GraderFault
from autograder.intake._refusals import printable


def tree(
    handed_in: Mapping[str, bytes],
    brought: Mapping[str, bytes],
    notebooks: Iterable[str],
    students: Collection[str] = (),
) -> tuple[dict[str, bytes], list[str]]:
    """Return path -> content of all that lies beside, and a sentence for each file that gave way.

    As nbgrader has it, a file of the release's stands in place of one of the same name that was
    handed in.

    Args:
        handed_in: path -> content.
        brought: the same, of the release.
        notebooks: names of the assignment's notebooks, without .ipynb.
        students: paths of the release's that a student may change:
            `c.Autograde.exclude_overwriting`.
    """
    fixed = {p: data for p, data in brought.items() if p not in students or p not in handed_in}
    taken = {*fixed, *(f"{name}.ipynb" for name in notebooks)}
    folders = {parent for path in taken for parent in _folders(path)}
    own, said = {}, []
    for path, data in handed_in.items():
        gives_way = path in taken or path in folders or any(p in taken for p in _folders(path))
        if not gives_way:
            own[path] = data
        elif data != fixed.get(path):
            said.append(f"{printable(path)} is the assignment's own: yours was not used")
    return {**own, **fixed}, said


def lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files beside its notebooks, and no others.

    Args:
        folder: where; notebooks in it stay.
        files: path -> content.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.suffix != ".ipynb" or path.parent != folder:
            path.unlink()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def files_beside(folder: Path, max_bytes: int) -> dict[str, Path]:
    """Return path in the folder -> path of the files beside a notebook that its sandbox takes.

    Args:
        folder: the notebook's.
        max_bytes: of all of them.

    Raises:
        GraderFault: they are more than that.
    """
    files, size_bytes = {}, 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if is_plain(name) and path.suffix != ".ipynb" and not path.is_symlink() and path.is_file():
            files[name] = path
            size_bytes += path.stat().st_size
    if size_bytes > max_bytes:
        raise GraderFault(
            f"the files beside the notebook take {size_bytes / 1e6:.1f} MB, and "
            f"{max_bytes / 1e6:.1f} MB fit: raise c.Judge.disk_bytes"
        )
    return files


def is_plain(path: str) -> bool:
    """Return whether a path stays in its folder, and is neither hidden nor of odd characters."""
    parts = path.split("/")
    return not any(part.startswith(".") or part == "" for part in parts) and not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in path
    )


def _folders(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path).parents][:-1]
