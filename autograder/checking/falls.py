"""A check that raises: whose fault is it, the answer's, the check's, or the machine's?

What a check raises while it asks the student's side is the machine's, and so is what the system
refuses it (a file, memory). What it raises besides is the answer's if the same check, with the same
seed, gives a verdict on the assignment's right answers; else it is a bug of the check's. So neither
costs a student points for a bug, nor leaves a class without a verdict because of an answer that
nobody has thought of.
"""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from autograder import CheckFault
from autograder.checking.check_result import FELL_OVER, CheckResult, nothing
from autograder.checking.student import InProcess, StudentSide, error_text
from autograder.inside.probe import Answer

_CHECKING = Path(__file__).parent
_LIBRARIES = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]

Honest = Callable[[], Mapping[str, Any]]


class Asked:
    """A student that remembers what was raised while it was asked.

    Attributes:
        memo: the student's own.
        failed: the last exception that came of asking.
        explained: why an answer failed, in a sentence, where the judge knows what brought it about;
            "" where not.
    """

    def __init__(self, student: StudentSide) -> None:
        self.memo = student.memo
        self.failed: Exception | None = None
        self.explained = ""
        self._student = student

    def version(self, name: str) -> Hashable:
        """Return what the student does."""
        return self._student.version(name)

    def cpu_s(self) -> float:
        """Return what the student does."""
        return self._student.cpu_s()

    @contextmanager
    def afresh(self) -> Iterator[Asked]:
        """Yield the student's side once more; what comes of asking it is remembered here, too."""
        with self._student.afresh() as fresh:
            apart = Asked(fresh)
            try:
                yield apart
            finally:
                self.failed = apart.failed or self.failed
                self.explained = apart.explained or self.explained

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the student's answer; what is raised is remembered."""
        try:
            fields, answer = self._student.ask(verb, arguments, tensors)
        except Exception as error:
            self.failed = error
            raise
        told = fields.get("error")
        if isinstance(told, dict) and told.get("because"):
            self.explained = error_text(told, str(arguments.get("name", "")))
        return fields, answer


def fallen(
    name: str,
    judge: Callable[[StudentSide, int], CheckResult],
    max_points: float,
    seed: int,
    honest: Honest | None,
    error: Exception,
) -> CheckResult:
    """Return the verdict on an answer over which a check fell: no points, and a sentence.

    Args:
        name: of the check, for the message.
        judge: the check.
        max_points: what it gives.
        seed: with which it fell.
        honest: returns the variables of a student who has everything right.
        error: what it raised.

    Raises:
        CheckFault: it falls over right answers too, or nobody knows.
    """
    where = what_and_where(error)
    if honest is None:
        raise CheckFault(
            f"the check {name} raised {where}. Is it a bug of the check's, or did an answer bring "
            "it about? Give its module a function `honest` that returns right answers, by which "
            "the grader can tell"
        ) from error
    also = _fall_over_right_answers(judge, seed, honest)
    if also:
        raise CheckFault(
            f"the check {name} raised {where}, and over right answers {also}: mend the check"
        ) from error
    reason = (
        f"your answer could not be judged: it has a form that nobody expected "
        f"({type(error).__name__}). Look at the shape and the dtype of what you return"
    )
    verdict = nothing(max_points, reason)
    return CheckResult(verdict.criteria, verdict.advice, figures={FELL_OVER: where})


@cache
def _fall_over_right_answers(
    judge: Callable[[StudentSide, int], CheckResult], seed: int, honest: Honest
) -> str:
    """Return what a check raises over right answers, and where; "" if it gives a verdict."""
    try:
        judge(InProcess(honest()), seed)
    except Exception as error:  # whatever a check with a bug raises
        return what_and_where(error)
    return ""


def what_and_where(error: BaseException) -> str:
    """Return what was raised, and the line of the assignment's own that it came by, if it has one.

    A bug shows where a check calls one of our functions with something odd, not inside of that.
    """
    frames = traceback.extract_tb(error.__traceback__)
    last = ([frame for frame in frames if _is_own(frame.filename)] or frames)[-1]
    place = f"{Path(last.filename).name}:{last.lineno} in {last.name}"
    return f"{type(error).__name__} at {place}: {str(error)[:200]}"


def _is_own(filename: str) -> bool:
    """Return whether a file is neither a library's nor the kit's, so that it may be a check's."""
    path = Path(filename)
    if path.is_relative_to(_CHECKING) or filename.startswith("<frozen "):
        return False
    return path.is_relative_to(_CHECKING.parent) or not any(map(path.is_relative_to, _LIBRARIES))
