"""Pure: what stands at the top of a feedback page, from a graded notebook's cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.checking.check_result import CheckResult
from autograder.checking.lessons import lesson
from autograder.judging.graded_notebook import GradeCell, grade_cells

MAX_TODOS = 4  # to look at first: more would not be first
MAX_LESSONS = 2  # in one hint
_END_OF_SENTENCE = re.compile(r"(?<=[.?!]) (?=[`A-Z])")


@dataclass(frozen=True)
class Scored:
    """A grade cell with the points that the gradebook holds for it.

    Attributes:
        cell: the cell.
        points: given so far.
        waiting: whether a person has yet to give the points.
    """

    cell: GradeCell
    points: float
    waiting: bool

    @property
    def lost(self) -> float:
        """Return the points lost; 0 while a person has yet to look."""
        return 0.0 if self.waiting else max(0.0, self.cell.max_points - self.points)


@dataclass(frozen=True)
class Exercise:
    """The grade cells under one heading."""

    title: str
    cells: tuple[Scored, ...]

    @property
    def points(self) -> float:
        """Return the points given so far."""
        return round(sum(scored.points for scored in self.cells), 2)

    @property
    def max_points(self) -> float:
        """Return what the exercise is worth."""
        return round(sum(scored.cell.max_points for scored in self.cells), 2)

    @property
    def waiting(self) -> bool:
        """Return whether a person has yet to give points for some of it."""
        return any(scored.waiting for scored in self.cells)


@dataclass(frozen=True)
class Todo:
    """Something to look at first: a grade cell that lost points, and why."""

    title: str
    grade_id: str
    lost: float
    advice: str


@dataclass(frozen=True)
class FeedbackSummary:
    """The top of a feedback page."""

    exercises: tuple[Exercise, ...]
    first: tuple[Todo, ...]

    @property
    def points(self) -> float:
        """Return the points given so far."""
        return round(sum(exercise.points for exercise in self.exercises), 2)

    @property
    def max_points(self) -> float:
        """Return what there was to earn."""
        return round(sum(exercise.max_points for exercise in self.exercises), 2)

    @property
    def waiting(self) -> float:
        """Return how many points a person has yet to decide on."""
        cells = [scored for exercise in self.exercises for scored in exercise.cells]
        return sum(scored.cell.max_points for scored in cells if scored.waiting)


def summarise(cells: Sequence[Mapping[str, Any]]) -> FeedbackSummary:
    """Return the summary of a graded notebook.

    Args:
        cells: the notebook's; those with points have "score" and "waiting" in their nbgrader
            metadata, as `exporter.Grades` leaves them there.
    """
    marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    given = {m["grade_id"]: m for m in marks if m.get("grade")}
    exercises: dict[str, list[Scored]] = {}
    for cell in grade_cells(cells):
        mark = given[cell.grade_id]
        scored = Scored(cell, float(mark.get("score") or 0), bool(mark.get("waiting")))
        exercises.setdefault(cell.exercise, []).append(scored)
    made = tuple(Exercise(title, tuple(scored)) for title, scored in exercises.items())
    return FeedbackSummary(made, _first(made))


def _first(exercises: Sequence[Exercise]) -> tuple[Todo, ...]:
    """Return of each exercise the cell that tells most about its lost points.

    The cell whose mistake has a name tells most, then the one that lost most. What lost points for
    one and the same reason is listed once.
    """
    todos: dict[str, Todo] = {}
    for exercise in exercises:
        lost = [s for s in exercise.cells if s.lost and s.cell.result is not None]
        if not lost:
            continue
        best = max(lost, key=lambda s: (bool(s.cell.result and s.cell.result.mistakes), s.lost))
        assert best.cell.result is not None
        total = round(sum(scored.lost for scored in lost), 2)
        todo = Todo(exercise.title, best.cell.grade_id, total, advice(best.cell.result))
        todos.setdefault(todo.advice, todo)
    return tuple(todos.values())[:MAX_TODOS]


def advice(result: CheckResult) -> str:
    """Return what to read first about a verdict that lost points, as a sentence."""
    return _sentence(result.reason)


def hint(result: CheckResult, assignment: str) -> str:
    """Return what to teach about the verdict's mistakes; "" if nothing was lost or named."""
    if result.points >= result.max_points:
        return ""
    lessons = dict.fromkeys(lesson(assignment, mistake) for mistake in result.mistakes)
    return " ".join(list(filter(None, lessons))[:MAX_LESSONS])


def hints(cells: Sequence[Mapping[str, Any]], assignment: str) -> dict[str, str]:
    """Return by `grade_id` what to teach; what an earlier cell says is not said again.

    Args:
        cells: a graded notebook's.
        assignment: whose lessons these are.
    """
    told: dict[str, str] = {}  # sentence -> where it stands
    taught = {}
    for cell in grade_cells(cells):
        words = "" if cell.result is None else hint(cell.result, assignment)
        sentences = dict.fromkeys(_END_OF_SENTENCE.split(words)) if words else {}
        new = [sentence for sentence in sentences if sentence not in told]
        taught[cell.grade_id] = " ".join(new)
        if words and not new:
            taught[cell.grade_id] = f"See the hint at `{told[next(iter(sentences))]}`."
        told |= dict.fromkeys(new, cell.grade_id)
    return taught


def _sentence(text: str) -> str:
    """Return text that begins with a capital letter, unless with a name in code, and ends."""
    first = text.split(" ", 1)[0]
    text = text if "_" in first or not first.isalpha() else text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".?!)" else f"{text}."
