"""Finds and runs the check of a grade cell: a plain function in the assignment's `checks.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from autograder import GraderFault, StudentFault
from autograder.checking.assignments import find_module
from autograder.checking.check_result import CheckResult, nothing
from autograder.checking.falls import Asked, fallen
from autograder.checking.student import StudentSide

CheckFunction = Callable[[StudentSide, int], CheckResult]


@dataclass(frozen=True)
class Check:
    """What judges one grade cell.

    Attributes:
        judge: from the student's side and a seed to the verdict.
        max_points: what the verdict's criteria add up to, and the cell's points in the notebook.
    """

    judge: CheckFunction
    max_points: float


def scored(max_points: float) -> Callable[[CheckFunction], Check]:
    """Return a decorator that makes a function the `Check` of the grade cell of its name."""
    return lambda judge: Check(judge, max_points)


def find(assignment: str, grade_id: str) -> Check:
    """Return the check of a grade cell.

    Raises:
        GraderFault: there is none.
    """
    check = getattr(find_module(assignment, "checks"), grade_id, None)
    if not isinstance(check, Check):
        raise GraderFault(
            f"no check for the grade cell {grade_id!r}: write a function of that name, decorated "
            f"with `scored`, in autograder/assignments/{assignment}/checks.py"
        )
    return check


def run(assignment: str, grade_id: str, student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on one grade cell; a student's fault scores 0 with its reason.

    Raises:
        GraderFault: the check is missing or has a bug, or its criteria do not add up to its points.
        Exception: the machine failed while the student was asked.
    """
    check, asked = find(assignment, grade_id), Asked(student)
    try:
        result = check.judge(asked, seed)
    except StudentFault as fault:
        return nothing(check.max_points, str(fault))
    except (GraderFault, OSError, MemoryError):
        raise
    except Exception as error:
        if asked.failed is error:
            raise
        honest = getattr(find_module(assignment, "checks"), "honest", None)
        name = f"{assignment}/{grade_id}"
        return fallen(name, check.judge, check.max_points, seed, honest, error)
    if result.max_points != check.max_points:
        raise GraderFault(
            f"the criteria of {grade_id!r} add up to {result.max_points} points, "
            f"not to the {check.max_points} of its check: make them equal"
        )
    if result.points < result.max_points and asked.explained not in result.reason:
        return replace(result, advice=asked.explained)
    return result
