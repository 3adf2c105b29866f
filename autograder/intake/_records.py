"""The records that the intake passes from step to step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

MISSING = "# This cell was missing from the hand-in."
# Not ast: an unfinished answer or a %magic does not parse, and a hostile text can crash the parser.
DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
ASSIGNMENT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Repair:
    """What was put right in a hand-in.

    Attributes:
        grade_id: the release's cell that it is about; None for the notebook as a whole.
        sentence: for student and grader; holds nothing of the hand-in's text but plain names.
    """

    grade_id: str | None
    sentence: str


@dataclass(frozen=True)
class Intake:
    """A hand-in that can be graded.

    Attributes:
        notebook: a valid nbformat 4.5 notebook without outputs, which holds every cell of the
            release that nbgrader knows, each once and with the release's flags; each autograded
            cell comes after the solution that it grades.
        repairs: in the order of the release; empty for an untouched hand-in.
        fatal: why nothing of the hand-in could be read; `notebook` then has empty solutions,
            which score 0.
        refused: whether it is our limits that keep it from being read: then there is no verdict.
    """

    notebook: NotebookNode
    repairs: tuple[Repair, ...]
    fatal: str | None
    refused: bool = False


class UnreadableError(Exception):
    """The hand-in cannot be read; its text is the reason."""


class TooMuchError(UnreadableError):
    """The hand-in is more than we read: that is our limit, and no fault of the student's."""


@dataclass(frozen=True, eq=False)
class HandedCell:
    """One cell of the hand-in, as plain values of known types."""

    kind: str
    source: str
    cell_id: str | None = None
    nbgrader: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def grade_id(self) -> str | None:
        grade_id = self.nbgrader.get("grade_id")
        return grade_id if isinstance(grade_id, str) else None


@dataclass(frozen=True, eq=False)
class Known:
    """One cell of the release; `role` is None where nbgrader does not know it."""

    node: NotebookNode
    role: str | None  # "grade", "answer" (graded by a person), "solution", "task", "locked"
    grade_id: str | None
    names: frozenset[str]  # what a solution's stub defines
    plain: str
    fixed: bool  # the student may not change its text


@dataclass(frozen=True, eq=False)
class PlacedCell:
    """A cell of the result, and the index of the release's cell that it is."""

    known: int | None
    node: NotebookNode
