"""nbgrader's own steps before and after grading: the release, and the feedback."""

from __future__ import annotations

import re

from nbgrader.apps import NbGraderAPI

from autograder import GraderFault
from autograder.course.course import Course

_MAX_SAYINGS, _MAX_CHARS = 3, 2000


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
        said = str(result.get("log") or "") + str(result.get("error") or "")
        raise GraderFault(f"nbgrader {step} refused: {_words(said)}")


def _words(log: str) -> str:
    """Return what nbgrader says went wrong, of a log that holds a traceback and what follows it."""
    raised = re.findall(r"^\s*[\w.]+(?:Error|Exception|Invalid\w*): (?!Please see)(.+)$", log, re.M)
    logged = re.findall(r"^\[ERROR\] (?!Please see|There was an error|Traceback)(.+)$", log, re.M)
    found = list(dict.fromkeys([*logged, *raised]))
    return "; ".join(found[:_MAX_SAYINGS]) or log.strip()[-_MAX_CHARS:]
