"""Grades a class: hand-ins one after another, through nbgrader's own steps."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder import sandbox, staging
from autograder.nbgrader_step import clear_scores
from autograder.student import GraderFault


@dataclass(frozen=True)
class Outcome:
    """What came of one hand-in.

    Attributes:
        student: whose.
        fault: why it has no verdict, which is never the student's doing; "" if it has one.
    """

    student: str
    fault: str = ""


def course_config(course_root: Path) -> Config:
    """Returns the course's `nbgrader_config.py`.

    Raises:
        GraderFault: there is none here.
    """
    if not (course_root / "nbgrader_config.py").exists():
        raise GraderFault(f"{course_root} holds no nbgrader_config.py: go to the course's folder")
    return PyFileConfigLoader("nbgrader_config.py", path=str(course_root)).load_config()


def generate_release(course_root: Path, assignment: str) -> None:
    """Returns nothing; makes the release notebook from the source, enters both in the gradebook.

    Raises:
        GraderFault: nbgrader could not.
    """
    api = NbGraderAPI(config=course_config(course_root))
    _raise_unless_done("generate_assignment", api.generate_assignment(assignment, force=True))


def generate_feedback(course_root: Path, assignment: str) -> None:
    """Returns nothing; writes the feedback pages of all graded hand-ins.

    Raises:
        GraderFault: nbgrader could not.
    """
    api = NbGraderAPI(config=course_config(course_root))
    _raise_unless_done("generate_feedback", api.generate_feedback(assignment, force=True))


def grade(
    course_root: Path,
    assignment: str,
    students: Sequence[str],
    *,
    force: bool,
    sandboxed: bool = True,
    on_done: Callable[[Outcome], None],
) -> list[Outcome]:
    """Returns what came of each hand-in; one that fails does not stop the others.

    Args:
        course_root: the folder that holds `nbgrader_config.py`.
        assignment: which one.
        students: whose hand-ins.
        force: whether to grade again what is graded already.
        sandboxed: False runs hand-ins with the grader's own rights, and stamps the results.
        on_done: told of each outcome as it comes.

    Raises:
        SandboxUnavailable: nothing can be graded on this machine.
        GraderFault: the course is not set up.
    """
    if sandboxed:
        sandbox.check()
    outcomes = []
    for student in students:
        outcome = _grade_one(course_root, assignment, student, force, sandboxed)
        on_done(outcome)
        outcomes.append(outcome)
    return outcomes


def _grade_one(
    course_root: Path, assignment: str, student: str, force: bool, sandboxed: bool
) -> Outcome:
    config = course_config(course_root)
    notebooks = [path.stem for path in (course_root / "source" / assignment).glob("*.ipynb")]
    config.CourseDirectory.submitted_directory = str(staging.FOLDER)
    config.CourseDirectory.assignment_id = assignment
    config.CourseDirectory.student_id = student
    config.Autograde.force = force
    config.Judge.unsafe_no_sandbox = not sandboxed
    coursedir = CourseDirectory(config=config)
    heard = _Listener()
    try:
        staging.stage(course_root, student, assignment, notebooks)
        converter = Autograde(coursedir=coursedir, config=config)
        converter.log = heard.logger
        converter.start()
    except Exception as error:  # of this machine's; what a student can do is no exception here
        for name in notebooks:
            clear_scores(
                {"db_url": coursedir.db_url, "notebook": name}
                | {"assignment": assignment, "student": student}
            )
        shutil.rmtree(course_root / "autograded" / student / assignment, ignore_errors=True)
        said = heard.last_error if isinstance(error, NbGraderException) else ""
        return Outcome(student, said or f"{type(error).__name__}: {error}")
    return Outcome(student)


class _Listener(logging.Handler):
    """Keeps the last line of the last traceback that nbgrader logs instead of raising."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last_error = ""
        self.logger = logging.Logger("autograder.nbgrader")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Returns nothing; keeps what a traceback ends with."""
        text = record.getMessage().strip()
        if text.startswith("Traceback"):
            self.last_error = text.splitlines()[-1]


def _raise_unless_done(step: str, result: dict[str, object]) -> None:
    if not result["success"]:
        raise GraderFault(f"nbgrader {step} failed:\n{result.get('error') or result.get('log')}")
