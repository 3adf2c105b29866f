"""A course on this machine: its configuration, its folders, the hand-ins in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from glob import escape, glob
from pathlib import Path
from typing import Literal

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder import GraderFault
from autograder.checking import assignments
from autograder.sandbox import Limits

CONFIG = "nbgrader_config.py"
Penalty = Callable[[str, float, float], float | None]
"""From student, score and seconds late to the penalty, in points."""


def course_config(course_root: Path) -> Config:
    """Return the course's `nbgrader_config.py`; from now on its own assignments are found.

    Raises:
        GraderFault: there is none here, or its assignments are not where it says.
    """
    if not (course_root / CONFIG).exists():
        above = next((str(f) for f in course_root.parents if (f / CONFIG).exists()), "")
        where = f", {above}, or say --course {above}" if above else ", or say --course FOLDER"
        raise GraderFault(f"{course_root} holds no {CONFIG}: go to the course's folder{where}")
    try:
        config = PyFileConfigLoader(CONFIG, path=str(course_root)).load_config()
    except Exception as error:  # of the instructor's own code
        raise GraderFault(
            f"{course_root / CONFIG} fails: {type(error).__name__}: {error}"
        ) from error
    assignments.use(course_root, str(config.Judge.get("assignments", "")))
    return config


def forks_kernels(config: Config) -> bool:
    """Return whether the sandbox forks kernels, or starts each anew."""
    return bool(config.Judge.get("fork_kernels", True))


def hand_in_limits(config: Config) -> Limits:
    """Return what one hand-in may use, as far as the course's configuration says it."""
    names = [limit.name for limit in fields(Limits)]
    return Limits(**{name: config.Judge[name] for name in names if name in config.Judge})


_PATHS = ("root", "db_url", "directory_structure", "assignment_id", "student_id", "notebook_id")
Step = Literal["source", "release", "submitted", "autograded", "feedback"]
_BEFORE_SUBMISSION: tuple[Step, Step] = ("source", "release")


@dataclass(frozen=True)
class Course:
    """A course's folder, and where things lie in it.

    Attributes:
        root: the folder that holds `nbgrader_config.py`.
        config: what that says.
        coursedir: nbgrader's view of it.
    """

    root: Path
    config: Config
    coursedir: CourseDirectory

    def folder(self, step: Step, assignment: str, student: str = ".") -> Path:
        """Return where nbgrader's configuration puts what belongs to a step.

        Args:
            step: of nbgrader's way from the source notebook to the feedback.
            assignment: which.
            student: whose; the steps before submission know none.
        """
        directory = getattr(self.coursedir, f"{step}_directory")
        return Path(self.coursedir.format_path(directory, student, assignment))

    def students(self, assignment: str, step: Step = "submitted") -> list[str]:
        """Return who has handed in an assignment, sorted, or got as far as another step."""
        anybody = os.path.relpath(self.folder(step, assignment, "*"), self.root)
        folders = map(os.path.normpath, glob(os.path.join(escape(str(self.root)), anybody)))
        directory = getattr(self.coursedir, f"{step}_directory")
        name = re.compile(self.coursedir.format_path(directory, "([^/]+)", assignment, escape=True))
        return sorted(found[1] for folder in folders if (found := name.fullmatch(folder)))

    def assignments(self) -> list[str]:
        """Return the assignments that have a notebook as source or release, sorted."""
        found = set()
        for step in _BEFORE_SUBMISSION:
            anywhere = self.folder(step, "*")
            name = re.compile(re.escape(str(anywhere)).replace(r"\*", "([^/]+)"))
            folder = os.path.relpath(anywhere, self.root)
            paths = glob(os.path.join(escape(str(self.root)), folder, "*.ipynb"))
            found |= {m[1] for path in paths if (m := name.fullmatch(os.path.dirname(path)))}
        return sorted(found)

    def permissions(self) -> int:
        """Return the mode of graded files."""
        converter = Autograde(coursedir=self.coursedir, config=_only(self.config, "permissions"))
        return int(str(converter.permissions), 8)


def open_course(root: Path, config: Config | None = None) -> Course:
    """Return the course in a folder.

    Args:
        root: the folder.
        config: its configuration; that of its `nbgrader_config.py` if not given.

    Raises:
        GraderFault: there is none.
    """
    config = course_config(root) if config is None else config
    config.CourseDirectory.root = str(root)
    return Course(root, config, CourseDirectory(config=config))


def late_penalty(config: Config) -> Penalty | None:
    """Return what the course's plugin says of student, score and seconds late; None: no plugin."""
    converter = Autograde(config=_only(config, "autograde_preprocessors"))
    steps = [str(step) for step in converter.autograde_preprocessors]
    if not any(AssignLatePenalties.__name__ in step for step in steps):
        return None
    step = AssignLatePenalties(config=config)
    step.init_plugin()
    penalty: Penalty = step.plugin_inst.late_submission_penalty
    return penalty


def _only(config: Config, name: str) -> Config:
    """Return one setting of `Autograde`: others name classes to import, and with them PyTorch."""
    return Config({"Autograde": {k: v for k, v in config.Autograde.items() if k == name}})


def without_paths(config: Config) -> Config:
    """Return a course's configuration without what says where it lies."""
    given = config.get("CourseDirectory", {})
    kept = {k: v for k, v in given.items() if k not in _PATHS and not str(k).endswith("_directory")}
    return Config({**config, "CourseDirectory": Config(kept)})
