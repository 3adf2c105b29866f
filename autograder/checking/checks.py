"""Finds and runs the check of a grade cell: a plain function in the assignment's `checks.py`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from autograder import CheckFault, GraderFault, StudentFault
from autograder.checking.assignments import find_module, where
from autograder.checking.check_result import CheckResult, nothing
from autograder.checking.falls import Asked, Honest, fallen, what_and_where
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
        CheckFault: the assignment's checks cannot be imported.
    """
    try:
        module = find_module(assignment, "checks")
    except GraderFault:
        raise
    except Exception as error:
        raise CheckFault(
            f"the checks of {assignment} cannot be imported: {what_and_where(error)}"
        ) from error
    check = getattr(module, grade_id, None)
    if not isinstance(check, Check):
        check = getattr(getattr(module, "lab", None), "checks", {}).get(grade_id)
    if not isinstance(check, Check):
        raise GraderFault(
            f"no check for the grade cell {grade_id!r}: write a function of that name, decorated "
            f"with `scored`, in {where(assignment)}/checks.py, or points for it to its lab"
        )
    return check


def run(assignment: str, grade_id: str, student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on one grade cell; a student's fault scores 0 with its reason.

    Raises:
        GraderFault: the check is missing or has a bug, or gives points that it has not.
        Exception: the machine failed, with a note that names the check and its line.
    """
    check, asked = find(assignment, grade_id), Asked(student)
    name = f"{assignment}/{grade_id}"
    try:
        result = check.judge(asked, seed)
    except StudentFault as fault:
        return nothing(check.max_points, str(fault))
    except GraderFault:
        raise
    except SystemExit as error:  # else it would end the worker, and take a hand-in for the culprit
        raise CheckFault(f"the check {name} raised {what_and_where(error)}: mend it") from error
    except Exception as error:
        if asked.failed is error or isinstance(error, OSError | MemoryError):
            error.add_note(f"the check {name} raised {what_and_where(error)}")
            raise
        return fallen(name, check.judge, check.max_points, seed, honest_of(assignment), error)
    wrong = _what_is_wrong(result, check.max_points)
    if wrong:
        raise CheckFault(f"the check {name} ({_place(check.judge)}) {wrong}")
    if result.points < result.max_points and asked.explained not in result.reason:
        return replace(result, advice=asked.explained)
    return result


def honest_of(assignment: str) -> Honest | None:
    """Return what gives the variables of a student who has everything right; None: nobody knows."""
    module = find_module(assignment, "checks")
    own: Honest | None = getattr(module, "honest", None)
    return own or getattr(getattr(module, "lab", None), "honest", None)


def _what_is_wrong(result: object, max_points: float) -> str:
    """Return why what a check returned is no verdict; "" if it is one."""
    if not isinstance(result, CheckResult):
        return f"returned {type(result).__name__}: return a CheckResult"
    if result.max_points != max_points:
        return (
            f"has criteria that add up to {result.max_points:g} points, not to the {max_points:g} "
            "of its decorator: make them equal"
        )
    try:
        json.dumps(dict(result.figures), allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"has figures that are no JSON ({error}): keep numbers, texts and lists of these"
    odd = [c for c in result.criteria if not 0 <= c.earned <= c.points]  # NaN is in no range
    return f"gave {odd[0].earned:g} of {odd[0].points:g} points: mend it" if odd else ""


def _place(judge: CheckFunction) -> str:
    plain = judge.func if isinstance(judge, partial) else judge
    code = inspect.unwrap(plain).__code__
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}"
