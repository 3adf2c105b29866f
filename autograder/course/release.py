"""nbgrader's own steps before and after grading: the release, and the feedback."""

from __future__ import annotations

from nbgrader.apps import NbGraderAPI

from autograder import GraderFault
from autograder.course.course import Course


def generate_release(course: Course, assignment: str) -> None:
    """Make the release notebook from the source, and enter both in the gradebook.

    Raises:
        GraderFault: nbgrader could not.
    """
    api = NbGraderAPI(config=course.config)
    _raise_unless_done("generate_assignment", api.generate_assignment(assignment, force=True))


def generate_feedback(course: Course, assignment: str) -> None:
    """Write the feedback pages of all graded hand-ins.

    Raises:
        GraderFault: nbgrader could not.
    """
    api = NbGraderAPI(config=course.config)
    _raise_unless_done("generate_feedback", api.generate_feedback(assignment, force=True))


def _raise_unless_done(step: str, result: dict[str, object]) -> None:
    if not result["success"]:
        raise GraderFault(f"nbgrader {step} failed:\n{result.get('error') or result.get('log')}")
