"""The files that an assignment brings along: what lies beside the notebook in its release."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbgrader.utils import find_all_files


def brought_files(release_folder: Path, ignored: Sequence[str]) -> dict[str, bytes]:
    """Return path -> content of what students got beside the notebooks; no hidden files.

    Args:
        release_folder: of the assignment. Never its source, which may hold solutions.
        ignored: patterns of names that are passed over: `c.CourseDirectory.ignore`.
    """
    paths = map(Path, find_all_files(str(release_folder), [*ignored, "*.ipynb"]))
    names = {path.relative_to(release_folder): path for path in paths}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in sorted(names.items())
        if not any(part.startswith(".") for part in name.parts)
    }
