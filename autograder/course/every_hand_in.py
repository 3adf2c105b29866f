"""Has nbgrader's own command look at what `autograder grade` looks at: every hand-in's folder.

By itself nbgrader passes over a folder that holds no notebook of an expected name, without a score
or a word, and takes a student's id for a pattern. It has no setting for either.
"""

from __future__ import annotations

from fnmatch import fnmatch
from glob import glob
from pathlib import Path
from typing import Any

from nbgrader.converters import Autograde

_only_expected_names = Autograde.init_notebooks


def look_at_every_hand_in() -> None:
    """Replace the way in which nbgrader looks for what is to be graded."""
    Autograde.init_notebooks = _init_notebooks


def _init_notebooks(converter: Any) -> None:
    """Note each hand-in's folder, with the notebooks that belong into it."""
    course = converter.coursedir
    released = Path(course.format_path(course.release_directory, ".", course.assignment_id))
    names = sorted(path.name for path in released.glob("*.ipynb") if not path.name.startswith("."))
    names = [name for name in names if fnmatch(name, f"{course.notebook_id}.ipynb")]
    asked = converter._format_source(course.assignment_id, course.student_id)
    folders = [asked] if Path(asked).exists() else glob(asked)
    if not folders or not names:
        _only_expected_names(converter)  # which says what is missing
        return
    converter.notebooks = []
    converter.assignments = {
        folder: [str(Path(folder) / name) for name in names] for folder in folders
    }
