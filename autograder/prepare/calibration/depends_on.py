"""What a trial's result depends on, found in the code itself: other edits cost no trial."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from autograder.checking import assignments

# What carries tensors from one side to the other, and back as they were, is not followed.
_FOLLOWED = (
    "course_utils",
    "autograder.assignments",
    assignments.PACKAGE_OF_A_COURSE,
    "autograder.checking.challenge",
    "autograder.checking.kit",
    "autograder.checking.trained",
)
_NOT_CODE = ("__module__", "__doc__", "__orig_bases__", "__firstlineno__", "__static_attributes__")
_PLAIN = (bool, int, float, str, bytes, type(None))


def key(roots: Iterable[Any], versions: Mapping[str, str]) -> str:
    """Return a digest of the code and the constants that functions use, and of versions.

    Comments, docstrings, formatting, and what is not used do not count.

    Args:
        roots: functions and classes to begin with.
        versions: name -> version of what else a result depends on.
    """
    used = sorted(set(_used_by(roots)))
    return hashlib.sha256(json.dumps([dict(versions), used]).encode()).hexdigest()[:16]


def _used_by(roots: Iterable[Any]) -> Iterator[str]:
    """Yield all functions and constants that are reached, as text."""
    waiting, seen = [("", root) for root in roots], set[int]()
    while waiting:
        name, thing = waiting.pop()
        if isinstance(thing, _PLAIN):
            yield f"{name} = {thing!r}"
            continue
        if isinstance(thing, tuple):
            waiting += [(name, item) for item in thing]
            continue
        if callable(thing):
            thing = inspect.unwrap(thing)
        if id(thing) in seen or not _module_of(thing).startswith(_FOLLOWED):
            continue
        seen.add(id(thing))
        if isinstance(thing, FunctionType):
            for code in _codes(thing.__code__):
                yield f"{thing.__qualname__} {_text(code)}"
                waiting += _named(code.co_names, thing.__globals__)
            cells = [cell.cell_contents for cell in thing.__closure__ or ()]
            waiting += zip(thing.__code__.co_freevars, cells, strict=True)
            waiting += [("default", value) for value in thing.__defaults__ or ()]
            waiting += (thing.__kwdefaults__ or {}).items()
        elif isinstance(thing, type):
            members = vars(thing).items()
            waiting += [(key, found) for key, found in members if key not in _NOT_CODE]
        else:  # a value: its class, and what it holds
            waiting += [(name, type(thing)), *vars(thing).items()]


def _module_of(thing: Any) -> str:
    """Return the module in which a function, a class or a value's class was written."""
    return str(getattr(thing, "__module__", None) or type(thing).__module__)


def _named(names: Iterable[str], scope: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what names stand for: of a function's module, and of modules that it imported."""
    names = list(dict.fromkeys(names))
    spaces = [scope] + [vars(scope[n]) for n in names if isinstance(scope.get(n), ModuleType)]
    for name in names:
        for space in spaces:
            if name in space and not isinstance(space[name], ModuleType):
                yield name, space[name]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code, and that of all functions in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


def _text(code: CodeType) -> str:
    """Return what code does, without its docstring, as text."""
    consts = [const for const in code.co_consts if not isinstance(const, CodeType)]
    if consts and isinstance(consts[0], str) and _may_be_docstring(code):
        consts[0] = None  # as where there is none
    return f"{code.co_code.hex()} {code.co_names} {consts}"


def _may_be_docstring(code: CodeType) -> bool:
    """Return whether a text that is code's first constant is its docstring."""
    return sys.version_info < (3, 13) or bool(code.co_flags & 0x4000000)  # CO_HAS_DOCSTRING
