"""The grade cells of a network that is trained, with what the author says of mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.checking.check_result import CheckResult
from autograder.checking.kit.catalogue import Saying, said
from autograder.checking.kit.mutant import Mutant
from autograder.checking.student import StudentSide
from autograder.checking.trained import verdicts
from autograder.checking.trained.exercise import TrainedExercise, snake_case


@dataclass(eq=False)
class Training:
    """An exercise whose networks are trained, as a lab has it.

    Attributes:
        exercise: what is asked.
        sayings: what the author says of mistakes.
        rights: other right answers, which must score full.
    """

    exercise: TrainedExercise
    sayings: list[Saying] = field(default_factory=list)
    rights: list[Any] = field(default_factory=list)

    def grade_id(self, test: str) -> str:
        """Return the grade cell of a test set."""
        return f"{snake_case(self.exercise.name)}_{test}"

    def lessons(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each mistake that can be found, and what to teach about it."""
        for name in verdicts.mistakes(self.exercise):
            made = self._said(name, "")
            yield made.name, made.about

    def accuracy(self, test: str, student: StudentSide, seed: int) -> CheckResult:
        """Return the verdict on the accuracy on one test set."""
        result = verdicts.accuracy(self.exercise, test, student, seed)
        if not result.mistakes:
            return result
        made = self._said(result.mistakes[0], result.advice)
        return replace(result, advice=made.words, mistakes=(made.name,))

    def _said(self, name: str, words: str) -> Mutant:
        return said(Mutant(name, words, name), self.sayings)
