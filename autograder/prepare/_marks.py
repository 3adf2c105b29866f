"""nbgrader's marks in a source notebook: is one misspelt?

nbgrader takes a misspelt mark for a comment: what it should hide is then in the release.
"""

from __future__ import annotations

import difflib
import re

from nbformat import NotebookNode
from traitlets.config import Config

from autograder.prepare.doctor import Finding

_MARKS = (  # the class that has the setting, the setting, nbgrader's own value
    ("ClearSolutions", "begin_solution_delimeter", "BEGIN SOLUTION"),
    ("ClearSolutions", "end_solution_delimeter", "END SOLUTION"),
    ("ClearHiddenTests", "begin_test_delimeter", "BEGIN HIDDEN TESTS"),
    ("ClearHiddenTests", "end_test_delimeter", "END HIDDEN TESTS"),
    ("ClearMarkScheme", "begin_mark_scheme_delimeter", "BEGIN MARK SCHEME"),
    ("ClearMarkScheme", "end_mark_scheme_delimeter", "END MARK SCHEME"),
)
_ALIKE = 0.75  # share of the characters: "BEGIN SOLUTON" has 0.96, "BEGIN TRAINING" 0.67


def misspelt_marks(source: NotebookNode, config: Config | None = None) -> Finding:
    """Return whether a comment looks like one of nbgrader's marks, and is none.

    Args:
        source: the notebook with solutions.
        config: the course's, which may have other marks.
    """
    marks = [str((config or Config())[name].get(key, own)) for name, key, own in _MARKS]
    found = [
        f"{line.strip()!r} in the cell {cell.id}: {near[0]!r}?"
        for cell in source.cells
        for line in cell.source.splitlines()
        if (near := _meant(line, marks))
    ]
    says = "; ".join(found) or "each is one of nbgrader's"
    mend = "spell it as nbgrader does, else it and what it hides are in the release"
    return Finding("marks", not found, says, mend if found else "")


def _meant(line: str, marks: list[str]) -> list[str]:
    """Return the mark that a line is meant to be; nothing if it is one, or no such comment."""
    comment = re.fullmatch(r"\s*#+\s*(.*?)\s*", line)
    if comment is None or any(mark in line for mark in marks):
        return []
    return difflib.get_close_matches(comment[1].upper(), marks, n=1, cutoff=_ALIKE)
