"""What to teach about a named mistake: an assignment's own lessons, or those of its lab."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from autograder.checking.assignments import find_module, module_name

Lesson = tuple[str, str]  # a pattern of mistakes' names, and the words


def lesson(assignment: str, mistake: str) -> str:
    """Return a few sentences on a mistake of an assignment's catalogue; "" if it has none.

    Args:
        assignment: whose mistake it is.
        mistake: its name, such as "conv2-padding".
    """
    found = (words for pattern, words in _lessons(assignment) if re.fullmatch(pattern, mistake))
    return next(found, "") or _of_lab(assignment, mistake)


@cache
def _lessons(assignment: str) -> tuple[Lesson, ...]:
    """Return the `LESSONS` of the assignment's module `lessons`; none where it has no such file."""
    name = module_name(assignment, "lessons")
    lessons: tuple[Lesson, ...] = import_module(name).LESSONS if find_spec(name) else ()
    return lessons


def _of_lab(assignment: str, mistake: str) -> str:
    """Return what the `lab` of the assignment's checks says; "" if there is none."""
    lab = None if _lessons(assignment) else getattr(find_module(assignment, "checks"), "lab", None)
    words: str = getattr(lab, "lessons", {}).get(mistake, "")
    return words
