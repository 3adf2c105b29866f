"""Is anything that belongs to the grader among the files that students get?"""

from __future__ import annotations

from collections.abc import Mapping

from autograder.checking.assignments import own_files

_MARKS = (b"autograder.checking", b"autograder.assignments")


def graders_own(assignment: str, beside: Mapping[str, bytes]) -> list[str]:
    """Return the names of files that are, or import, what only the grader has.

    Args:
        assignment: whose right answers are looked for.
        beside: path -> content of the files that students get.
    """
    own = {data for data in own_files(assignment).values() if data.strip()}
    return [
        name
        for name, data in beside.items()
        if data in own or (name.endswith((".py", ".ipynb")) and any(m in data for m in _MARKS))
    ]
