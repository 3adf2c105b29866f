"""Finds what an assignment brings: the one place that goes from a name to its modules."""

from __future__ import annotations

import importlib
from types import ModuleType

from autograder import GraderFault

_PACKAGE = "autograder.assignments"


def module_name(assignment: str, part: str) -> str:
    """Return the full name of one of an assignment's modules, for instance its `checks`.

    Raises:
        GraderFault: no assignment can have this name.
    """
    if not assignment.isidentifier():
        raise GraderFault(f"{assignment!r} cannot be the name of an assignment")
    return f"{_PACKAGE}.{assignment}.{part}"


def find_module(assignment: str, part: str) -> ModuleType:
    """Return one of an assignment's modules.

    Raises:
        GraderFault: there is none.
    """
    name = module_name(assignment, part)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise  # it is there, and misses a module itself
        raise GraderFault(
            f"no {part} for the assignment {assignment!r}: write {name.replace('.', '/')}.py"
        ) from error
