"""Does a notebook get the points that it should, in the sandbox and by the checks?"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from autograder import CheckFault
from autograder.checking.check_result import FELL_OVER
from autograder.judging.judge import grade_notebook
from autograder.prepare.doctor import Finding
from autograder.sandbox import Limits

_LIMITS = Limits()
_MAX_FRAMES = 8


def scores(
    what: str,
    notebook: NotebookNode,
    assignment: str,
    max_points: float,
    wanted: float,
    *,
    fork_kernels: bool,
    files: Mapping[str, bytes] | None = None,
    limits: Limits = _LIMITS,
) -> Finding:
    """Return whether a notebook gets the points it should, in the sandbox and by the checks."""
    try:
        results = grade_notebook(
            notebook,
            assignment,
            "check-assignment",
            "no secret",
            limits,
            fork_kernels=fork_kernels,
            files=files,
        )
    except CheckFault as fault:
        return Finding(what, False, f"{fault}{_traceback(fault)}", "mend the check")
    except (OSError, MemoryError) as error:
        if not hasattr(error, "__notes__"):  # no check was at work
            raise
        return Finding(what, False, "; ".join(error.__notes__), "give the check what it needs")
    got = round(sum(result.points for result in results.values()), 2)
    odd = [
        name
        for name, result in results.items()
        if result.points != (result.max_points if wanted else 0)
    ]
    says = f"{got:g} of {max_points:g}" + (f", see {', '.join(odd)}" if odd else "")
    falls = {name: r.figures[FELL_OVER] for name, r in results.items() if FELL_OVER in r.figures}
    if falls:
        says += "".join(f"; the check {name} raised {where}" for name, where in falls.items())
        return Finding(what, False, says, "have the check give a verdict on this notebook too")
    mend = "a solution or a check is wrong" if wanted else "a check gives points for nothing"
    return Finding(what, got == wanted, says, mend)


def _traceback(fault: CheckFault) -> str:
    """Return what led to a check's fault, line by line; "" if nothing was raised."""
    if fault.__cause__ is None:
        return ""
    frames = traceback.extract_tb(fault.__cause__.__traceback__)
    lines = [f"{Path(f.filename).name}:{f.lineno} in {f.name}: {f.line}" for f in frames]
    return "".join(f"\n      {line}" for line in lines[-_MAX_FRAMES:])
