"""`Lab`: what an author writes, and the grade cells that follow from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

from autograder.checking.checks import Check
from autograder.checking.kit import function_checks, module_checks
from autograder.checking.kit.catalogue import Saying
from autograder.checking.kit.exercise import Exercise, Points, shared
from autograder.checking.kit.mutant import Mutant
from autograder.checking.kit.reference import Inputs, Reference, Size

Answer = TypeVar("Answer", bound=Callable[..., Any])
Sizes = Sequence[Any] | Mapping[str, Any]
"""Each a tuple or a dict for the author's `inputs`; in a dict, by what a verdict calls it."""

_FUNCTION = {"shape": function_checks.shape, "values": function_checks.values}
_MODULE = {
    "shape": module_checks.shape,
    "parameters": module_checks.parameters,
    "function": module_checks.function,
}


class Lab:
    """An assignment of exercises whose right answers are ordinary PyTorch code.

    A module `checks.py` holds one under the name `lab`.

    Args:
        name: of the assignment.

    Attributes:
        name: of the assignment.
        exercises: by the name of the student's function or class.
        checks: what judges each grade cell, by its `grade_id`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.exercises: dict[str, Exercise] = {}
        self.checks: dict[str, Check] = {}

    def function(
        self,
        *,
        inputs: Inputs,
        sizes: Sizes,
        points: Points | Mapping[str, Points],
    ) -> Callable[[Answer], Answer]:
        """Return a decorator that makes a function the right answer to an exercise.

        Args:
            inputs: from a `Draw` and a size to the function's arguments: tensors of any kind,
                numbers, or tuples of these. It draws all that is random from the `Draw`.
            sizes: at which sizes the function is looked at: a list of tuples or of dicts, which
                `inputs` gets as positional or as named arguments; or a dict from what a verdict
                calls a size to such a tuple or dict.
            points: of each grade cell: `{"shape": 5, "values": 20}` makes the cells `<name>_shape`
                and `<name>_values`; a number alone makes one cell `<name>` for the values. In place
                of a number may stand one for each size, for `values` also one more for arguments
                that stay as they were.
        """

        def decorate(answer: Answer) -> Answer:
            made = Reference(answer.__name__, answer, inputs, _sizes(sizes))
            given = points if isinstance(points, Mapping) else {"": points}
            self._add(Exercise(made, *_cells(made, given, _FUNCTION, "values")))
            return answer

        return decorate

    def module(
        self,
        *,
        inputs: Inputs,
        sizes: Sizes,
        points: Points | Mapping[str, Points],
        training: bool = False,
        by_layer: bool = False,
    ) -> Callable[[Answer], Answer]:
        """Return a decorator that makes a class of modules the right answer to an exercise.

        Args:
            inputs: from a `Draw` and a size to the arguments of `forward`, also for lazy layers.
            sizes: as for a function; of a dict, the constructor gets what it has parameters for.
            points: of each grade cell: `{"shape": 5, "parameters": 10, "function": 20}`; a number
                alone makes one cell for the function. In place of a number may stand one for each
                size.
            training: whether the module is looked at in training mode.
            by_layer: whether a network with named mistakes gets points for the layers that are
                right.
        """

        def decorate(answer: Answer) -> Answer:
            made = Reference(answer.__name__, answer, inputs, _sizes(sizes), training)
            given = points if isinstance(points, Mapping) else {"": points}
            self._add(Exercise(made, *_cells(made, given, _MODULE, "function"), by_layer))
            return answer

        return decorate

    def say(
        self,
        exercise: str,
        pattern: str,
        *,
        name: str = "",
        words: str = "",
        lesson: str = "",
        credit: float = 0.0,
    ) -> None:
        """Say something of the author's about mistakes that were made by machine.

        Args:
            exercise: the name of the function or class.
            pattern: a regular expression for the machine's names, such as "without-div" or
                "relu-as-(.*)"; `autograder check-assignment` lists them. "in-place", "layers" and
                "unknown" are what is found without a mutant.
            name: what the mistake is called in reports; may use the pattern's groups.
            words: what completes "your function behaves as if ...", without giving the answer away.
            lesson: what to read to understand it.
            credit: share of the points that an answer with this mistake alone still gets.
        """
        self._of(exercise).sayings.append(Saying(pattern, name, words, lesson, credit))

    def mistake(
        self,
        exercise: str,
        answer: Callable[..., Any],
        *,
        name: str,
        words: str,
        lesson: str = "",
        credit: float = 0.0,
    ) -> None:
        """Give a mistake that no operator makes: a function or a class as a student may write it.

        Args:
            exercise: the name of the function or class.
            answer: with the mistake.
            name: what it is called in reports.
            words: what completes "your function behaves as if ...".
            lesson: what to read to understand it.
            credit: share of the points that an answer with this mistake alone still gets.
        """
        made = Mutant(name, words, "unknown", instead=answer, lesson=lesson, credit=credit)
        self._of(exercise).given.append(made)

    def right(self, exercise: str, answer: Callable[..., Any]) -> None:
        """Give another right answer: `autograder check-assignment` sees that it scores full."""
        self._of(exercise).rights.append(answer)

    def wrong(self, exercise: str, answer: Callable[..., Any], *, name: str = "") -> None:
        """Give a wrong answer: `check-assignment` sees that it loses points.

        Args:
            exercise: the name of the function or class.
            answer: the wrong one.
            name: of the mistake that must be found; "" for any, or none.
        """
        self._of(exercise).wrongs.append((answer, name))

    def honest(self) -> Mapping[str, Any]:
        """Return the variables of a student who has everything right."""
        return {name: exercise.reference.make for name, exercise in self.exercises.items()}

    @cached_property
    def lessons(self) -> dict[str, str]:
        """Return what to teach about each mistake that can be found, by its name."""
        found: dict[str, str] = {}
        for exercise in self.exercises.values():
            for name, words in exercise.lessons():
                found.setdefault(name, words)
        return found

    def _of(self, exercise: str) -> Exercise:
        if exercise not in self.exercises:
            known = ", ".join(self.exercises) or "none yet"
            raise ValueError(
                f"no exercise {exercise!r} in the lab {self.name!r}; there are: {known}"
            )
        return self.exercises[exercise]

    def _add(self, exercise: Exercise) -> None:
        looks = _MODULE if exercise.reference.is_module else _FUNCTION
        self.exercises[exercise.name] = exercise
        for grade_id, points in exercise.points.items():
            judge = partial(looks[exercise.asks[grade_id]], exercise, points)
            self.checks[grade_id] = Check(judge, round(sum(points), 2))


def _cells(
    reference: Reference,
    points: Mapping[str, Points],
    looks: Mapping[str, Any],
    alone: str,
) -> tuple[dict[str, tuple[float, ...]], dict[str, str]]:
    """Return the points and what is looked at, by grade id."""
    shares, asks = {}, {}
    for what, part in points.items():
        look = what or alone
        if look not in looks:
            raise ValueError(f"points for {what!r}; there are: {', '.join(looks)}")
        grade_id = snake_case(reference.name) + (f"_{what}" if what else "")
        asks[grade_id] = look
        shares[grade_id] = shared(part, _count(reference, look), f"{reference.name}, {look}")
    return shares, asks


def _count(reference: Reference, look: str) -> int:
    """Return how many things a grade cell looks at."""
    if look == "parameters":
        return module_checks.parameter_parts(Exercise(reference, {}, {}))
    return len(reference.sizes) + (look == "values")


def _sizes(sizes: Sizes) -> tuple[Size, ...]:
    labelled = sizes.items() if isinstance(sizes, Mapping) else [("", size) for size in sizes]
    return tuple(
        Size(label, (), dict(size)) if isinstance(size, Mapping) else Size(label, tuple(size))
        for label, size in labelled
    )


def snake_case(name: str) -> str:
    """Return a class's or a function's name as grade ids have it: "CharRNN" -> "char_rnn"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return apart.lower()
