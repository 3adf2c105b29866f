"""Which cells that failed before explain that a name is missing, and where else it is defined.

Cells are read as text, line by line: what a hand-in may write is too odd for a parser to trust.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.checking.student import STUB, is_stub

_MAX_CELLS = 4  # to name in one sentence
_MAX_FIRST_LINE, _MAX_ERROR, _MAX_LINE = 60, 200, 400
_MARK = "# YOUR CODE HERE"  # nbgrader's, above the stub
_IMPORT = re.compile(r"(?m)^\s*(?:import|from)\s")
_NAME_ERROR = re.compile(r"NameError: name '(\w+)' is not defined")


@dataclass(frozen=True)
class FailedCell:
    """A cell of the hand-in's that failed.

    Attributes:
        source: its code.
        error: what it raised, or why it was stopped, in one line.
    """

    source: str
    error: str

    def __str__(self) -> str:
        """Return what the student recognises it by."""
        return f"{named(self.source)} failed ({self.error})"


def named(source: str) -> str:
    """Return a cell's name for people: by its first line of code."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    code = [line for line in lines if not line.startswith("#")]
    first = _plain((code or lines or ["(an empty cell)"])[0].replace("`", "'"), _MAX_FIRST_LINE)
    return f"the cell that begins with `{first}`"


def error_of(outputs: Sequence[NotebookNode]) -> str | None:
    """Return what a cell raised last, None if it did not fail."""
    errors = [output for output in outputs if output.output_type == "error"]
    if not errors:
        return None
    name, value = str(errors[-1].get("ename", "")), str(errors[-1].get("evalue", ""))
    if name == "SyntaxError":  # which may be none in the student's own, newer Python
        value = f"{value}; it ran with Python {sys.version_info.major}.{sys.version_info.minor}"
    return _plain(f"{name}: {value}" if value else name, _MAX_ERROR)


def because(
    error: Mapping[str, Any], asked: str, failed: Sequence[FailedCell], sources: Sequence[str]
) -> str:
    """Return what explains that an answer failed, a sentence or two; "" if nothing does.

    Args:
        error: what the probe says of the exception.
        asked: the student's name for what was asked.
        failed: the cells that failed before, in their order.
        sources: of all code cells of the notebook.
    """
    kind, message = str(error.get("type", "")), str(error.get("message", ""))
    if is_stub(error, asked):
        return _beside_stub(asked, sources)
    if kind not in ("Missing", "NameError"):
        return ""
    found = re.match(r"(?:free variable|name|global name) '(\w+)'", message)
    name = asked if kind == "Missing" else found[1] if found else ""
    causes = _chain(name, failed) if name else []
    if causes:
        return f"Likely cause: {', and '.join(map(str, causes[:_MAX_CELLS]))}"
    below = [source for source in sources if _defines(source, name)] if kind == "Missing" else []
    if below:
        return f"It is defined only in {named(below[0])}, below this check: move that cell up"
    return ""


def _chain(name: str, failed: Sequence[FailedCell]) -> list[FailedCell]:
    """Return the cells by whose failure a name is missing, the first cause first."""
    at = max((i for i, cell in enumerate(failed) if _defines(cell.source, name)), default=None)
    if at is None:  # it may come by `import *`
        return [cell for cell in failed if _IMPORT.search(cell.source)]
    missing = _NAME_ERROR.match(failed[at].error)
    before = _chain(missing[1], failed[:at]) if missing else []
    return [*before, failed[at]]


def _beside_stub(asked: str, sources: Sequence[str]) -> str:
    """Return where the student's own code stands, while the stub is what runs; "" if nowhere."""
    for source in sources:
        if asked and _defines(source, asked) and STUB in source:
            lines = source.splitlines()
            at = next(i for i, line in enumerate(lines) if line.strip() == STUB)
            if where := _code_beside(lines, at):
                return f"The line `{STUB}` still stands {where} your own code: remove it"
    others = [s for s in sources if asked and _defines(s, asked) and STUB not in s]
    if not others:
        return ""
    return (
        f"{asked} is defined in {named(others[-1])}, too, but the stub is what counts here: put "
        f"your code in the place of `{STUB}`"
    )


def _code_beside(lines: Sequence[str], at: int) -> str:
    """Return on which side of the stub there is code of the same block, "" for none."""
    indent = _indent(lines[at])
    for line in lines[at + 1 :]:
        if line.strip() and not line.strip().startswith("#"):
            if _indent(line) >= indent:
                return "above"
            break
    marked = [i for i, line in enumerate(lines[:at]) if line.strip() == _MARK]
    between = lines[marked[-1] + 1 : at] if marked else []
    return "below" if any(line.strip() for line in between) else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _defines(source: str, name: str) -> bool:
    """Return whether a line of a cell looks as if it gave `name` a value."""
    name = re.escape(name)
    pattern = re.compile(
        rf"\s*(?:(?:async )?def|class)\s+{name}\b"
        rf"|\s*(?:from\s+\S+\s+)?import\b.*\b{name}\b"
        rf"|\s*{name}\s*(?::[^=]*)?=(?!=)"
        rf"|\s*{name}\s*,?\s*\)?\s*$"  # in a list of imports, over several lines
    )
    return any(pattern.match(line[:_MAX_LINE]) for line in source.splitlines())


def _plain(text: str, max_characters: int) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= max_characters else f"{text[:max_characters]}..."
