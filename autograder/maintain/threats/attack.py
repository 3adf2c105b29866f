"""What an attack is: a hand-in, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from nbformat import NotebookNode


def source(text: str) -> str:
    """Return the text of a code cell, without the indentation that it has here."""
    return dedent(text).strip()


@dataclass(frozen=True)
class Attack:
    """A hand-in that tries something, or an honest one that must not suffer.

    Attributes:
        name: short, for tests.
        does: what it does, for the table.
        answers: solution cell -> its source; the stub stays where there is none.
        opening: a code cell of its own below the imports; "" for none.
        closing: a code cell of its own at the end; "" for none.
        edit: changes the notebook in place before it is handed in.
        write: puts the notebook's bytes into the hand-in's folder in place of the usual way.
        earned: points that its answers are worth, out of `assignment.POINTS`.
        beside: whether the table tells how a hand-in fares that is graded after it.
        page: whether the table tells what its feedback page runs.
    """

    name: str
    does: str
    answers: Mapping[str, str] = field(default_factory=dict)
    opening: str = ""
    closing: str = ""
    edit: Callable[[NotebookNode], object] | None = None
    write: Callable[[Path, bytes], object] | None = None
    earned: float = 0.0
    beside: bool = False
    page: bool = False
