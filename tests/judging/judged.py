"""What the attack tests share: a hand-in of the small assignment, judged in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import nbformat
from nbformat import NotebookNode

from autograder import intake
from autograder.judging import judge
from autograder.judging.graded_notebook import autograded_id
from autograder.judging.judge import grade_notebook
from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats.assignment import ASSIGNMENT, POINTS, hand_in, source_notebook
from autograder.maintain.threats.attack import Attack
from autograder.sandbox import Kernel, Limits, Usage, alive, open_kernel

SECRET = "the secret of the tests"
MIB = 2**20


def release_notebook() -> NotebookNode:
    """Return what students get: the source without solutions and hidden tests."""
    notebook = source_notebook()
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            graded = cell.metadata.nbgrader.grade
            cell.source = "# Graded." if graded else "# YOUR CODE HERE\nraise NotImplementedError()"
    return notebook


@dataclass
class Judged:
    """A graded hand-in.

    Attributes:
        notebook: with its outputs.
        points: grade_id -> points.
        usage: what its sandbox used.
        left: its processes that are left.
    """

    notebook: NotebookNode
    points: dict[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    left: list[int] = field(default_factory=list)

    @property
    def total(self) -> float:
        return sum(self.points.values())

    def shown(self) -> str:
        """Return the outputs of the student's own cells, as text."""
        cells = [c for c in self.notebook.cells if c.cell_type == "code"]
        own = [c for c in cells if autograded_id(c) is None]
        return "\n".join(str(cell.outputs) for cell in own)


def judged(attack: Attack | str, **limits: Any) -> Judged:
    """Return the hand-in of an attack, graded as the student "mallory"."""
    attack = CATALOGUE[attack] if isinstance(attack, str) else attack
    release = release_notebook()
    data = nbformat.writes(hand_in(attack, release)).encode()
    result = Judged(intake.read(data, release).notebook)
    with recorded() as kernels:
        verdicts = grade_notebook(
            result.notebook,
            ASSIGNMENT,
            SECRET,
            Limits(**({"cell_timeout_s": 60} | limits)),
        )
    result.points = {grade_id: verdict.points for grade_id, verdict in verdicts.items()}
    assert list(result.points) == list(POINTS), "each grade cell has its verdict"
    result.usage = kernels[0].usage()
    result.left = alive(kernels[0].namespace)
    return result


@contextmanager
def recorded() -> Iterator[list[Kernel]]:
    """Yield a list of the kernels that are opened meanwhile."""
    kernels: list[Kernel] = []

    @contextmanager
    def open_recorded(*arguments: Any, **options: Any) -> Iterator[Kernel]:
        with open_kernel(*arguments, **options) as kernel:
            kernels.append(kernel)
            yield kernel

    with patch.object(judge, "open_kernel", open_recorded):
        yield kernels
