"""Enters an assignment into a gradebook that does not know it: it was deleted, or never here."""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import SaveCells

from autograder import GraderFault
from autograder.course.course import Course, open_course, without_paths
from autograder.course.release import generate_release


def enter_if_missing(course: Course, assignment: str) -> None:
    """Enter an assignment that has a release into the gradebook, if that does not know it.

    The release, which students got, stays as it is. What is entered is what nbgrader makes of the
    source, where that still gives this release; else what the release holds.

    Raises:
        GraderFault: nbgrader could not.
    """
    release = course.folder("release", assignment)
    if _is_known(course, assignment) or not any(release.glob("*.ipynb")):
        return
    source = course.folder("source", assignment)
    with tempfile.TemporaryDirectory() as folder:
        config = copy.deepcopy(without_paths(course.config))
        if not _gives(course, assignment, Path(folder) / "tried"):
            source = release
            config.GenerateAssignment.preprocessors = [SaveCells]
        config.CourseDirectory.db_url = course.coursedir.db_url
        elsewhere = open_course(Path(folder) / "entered", config)
        shutil.copytree(source, elsewhere.folder("source", assignment))
        generate_release(elsewhere, assignment)


def _is_known(course: Course, assignment: str) -> bool:
    with Gradebook(course.coursedir.db_url, course.coursedir.course_id) as gradebook:
        try:
            return bool(gradebook.find_assignment(assignment).notebooks)
        except MissingEntry:
            return False


def _gives(course: Course, assignment: str, folder: Path) -> bool:
    """Return whether the source gives the release that lies in the course.

    Args:
        course: which.
        assignment: of it.
        folder: new, to try it in.
    """
    source, release = (course.folder(step, assignment) for step in ("source", "release"))
    if not source.is_dir():
        return False
    elsewhere = open_course(folder, copy.deepcopy(without_paths(course.config)))
    shutil.copytree(source, elsewhere.folder("source", assignment))
    try:
        generate_release(elsewhere, assignment)
    except GraderFault:  # a source that is being changed; what was released counts
        return False
    made = elsewhere.folder("release", assignment)
    return _notebooks(made) == _notebooks(release)


def _notebooks(folder: Path) -> dict[str, object]:
    return {path.name: nbformat.read(path, 4) for path in folder.glob("*.ipynb")}
