"""A course on this machine: its configuration, its folders, the hand-ins in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder import GraderFault
from autograder.batch.gradebook import Penalty
from autograder.intake import read_folder
from autograder.intake.read_folder import HandIn


def course_config(course_root: Path) -> Config:
    """Return the course's `nbgrader_config.py`.

    Raises:
        GraderFault: there is none here.
    """
    if not (course_root / "nbgrader_config.py").exists():
        raise GraderFault(f"{course_root} holds no nbgrader_config.py: go to the course's folder")
    return PyFileConfigLoader("nbgrader_config.py", path=str(course_root)).load_config()


def forks_kernels(config: Config) -> bool:
    """Return whether the sandbox forks kernels, or starts each anew."""
    return bool(config.Judge.get("fork_kernels", True))


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

    def hand_in(self, student: str, assignment: str, notebooks: list[str]) -> HandIn:
        """Return what a student handed in.

        Raises:
            OSError: this machine failed.
        """
        return read_folder.collect(self.root / "submitted" / student / assignment, notebooks)

    def graded_folder(self, student: str, assignment: str) -> Path:
        """Return where the graded notebooks of a student go."""
        where = self.coursedir.autograded_directory
        return Path(self.coursedir.format_path(where, student, assignment))

    def permissions(self) -> int:
        """Return the mode of graded files."""
        converter = Autograde(coursedir=self.coursedir, config=_only(self.config, "permissions"))
        return int(str(converter.permissions), 8)


def open_course(root: Path) -> Course:
    """Return the course in a folder.

    Raises:
        GraderFault: there is none.
    """
    config = course_config(root)
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
