"""What a hand-in asked for and the grader's machine lacks, and which points hung on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from autograder.checking.check_result import CheckResult
from autograder.inside.absent import MAX_CHARACTERS, MAX_NAMES

_KINDS = ("package", "magic", "backend", "device", "input")


def absent_names(told: Any) -> dict[str, list[str]]:
    """Return what the kernel tells of what is absent, as far as it has the right form.

    Args:
        told: anything; should be kind -> names.
    """
    found: dict[str, list[str]] = {}
    for kind in _KINDS if isinstance(told, dict) else ():
        names = told.get(kind)
        if isinstance(names, list):
            plain = [n for n in names if isinstance(n, str) and n.isprintable()]
            found[kind] = [name[:MAX_CHARACTERS] for name in plain[:MAX_NAMES]]
    return {kind: names for kind, names in found.items() if names}


def hung_on(
    absent: Mapping[str, Iterable[str]], results: Mapping[str, CheckResult]
) -> list[dict[str, Any]]:
    """Return each absent thing with the points that were lost for a reason that names it.

    Returns:
        [{"kind": "package", "name": "einops", "points": 20.0}, ...], as the notebook's metadata
        has them.
    """
    return [
        {"kind": kind, "name": name, "points": _lost(name, results.values())}
        for kind, names in absent.items()
        for name in names
    ]


def _lost(name: str, results: Iterable[CheckResult]) -> float:
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    lost = [r.max_points - r.points for r in results if word.search(r.reason)]
    return round(sum(lost), 2)
