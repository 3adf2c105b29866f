"""`Lab`: what an author writes, and the grade cells that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain
from typing import Any, TypeVar

from torch import nn

from autograder.checking.checks import Check
from autograder.checking.kit.catalogue import Saying
from autograder.checking.kit.cells import FUNCTION, MODULE, Sizes, cells, sizes_of
from autograder.checking.kit.exercise import Exercise, Points
from autograder.checking.kit.marks import Marks, scale_of
from autograder.checking.kit.mutant import Mutant
from autograder.checking.kit.reference import Inputs, Reference
from autograder.checking.kit.run_data import Draws, RunData
from autograder.checking.kit.trained_checks import Training
from autograder.checking.trained.exercise import Family, TrainedExercise
from course_utils.procedure import Budget
from course_utils.protocol import Protocol

Answer = TypeVar("Answer", bound=Callable[..., Any])


class Lab:
    """An assignment of exercises whose right answers are ordinary PyTorch code.

    A module `checks.py` holds one under the name `lab`.

    Args:
        name: of the assignment.

    Attributes:
        name: of the assignment.
        exercises: by the name of the student's function or class.
        trainings: those whose networks are trained, by the name of the student's class.
        checks: what judges each grade cell, by its `grade_id`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.exercises: dict[str, Exercise] = {}
        self.trainings: dict[str, Training] = {}
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
            made = Reference(answer.__name__, answer, inputs, sizes_of(sizes))
            given = points if isinstance(points, Mapping) else {"": points}
            self._add(Exercise(made, *cells(made, given, FUNCTION, "values")))
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
            made = Reference(answer.__name__, answer, inputs, sizes_of(sizes), training)
            given = points if isinstance(points, Mapping) else {"": points}
            self._add(Exercise(made, *cells(made, given, MODULE, "function"), by_layer))
            return answer

        return decorate

    def trained(
        self,
        *,
        data: Draws,
        classes: int,
        marks: Mapping[str, Marks],
        steps: Sequence[int] = (150, 300),
        long_steps: Sequence[int] = (500, 750, 1000, 1500),
        batch_size: int = 32,
        max_lr: float = 1e-2,
        **rules: float,
    ) -> Callable[[Answer], Answer]:
        """Return a decorator that makes a class of networks the right answer to an exercise.

        Each hand-in's class is trained from scratch, with AdamW and a one-cycle schedule, in one
        process, and asked in another; see `course_utils.procedure`. Each test set makes a grade
        cell: `Parity` with the marks `{"short": ..., "long": ...}` makes `parity_short` and
        `parity_long`.

        Args:
            data: from a `Draw` to a dict with "train" and each test set: inputs (N, ...) and labels
                (N,) int64. It is called anew for each run: what it draws there, nobody has seen.
            classes: how many there are; the network gives as many logits.
            marks: test set -> accuracy -> points, rising, from what is worth nothing (a little more
                than chance reaches); between two marks points rise evenly. The first test set has
                inputs like those trained on.
            steps: after how many optimiser steps a short run is looked at; the last ends it.
            long_steps: the same of the run that a network earns which is only slow; () for none.
            batch_size: inputs a step.
            max_lr: peak learning rate.
            rules: of the procedure. `learns`: the accuracy on the first test set of a network that
                has begun to learn; a ninth of the way from chance to 1 where not given.
                `follows=0.85`: the share of that accuracy which a network reaches elsewhere if what
                it learned carries over. `margin=0.03`: a run ends early when it is so far above all
                marks. `spread=0.12`: how far one run may come out from another.
        """

        def decorate(answer: Answer) -> Answer:
            scale = scale_of(marks, classes, **rules)
            for at in (steps, long_steps):
                if isinstance(at, int) or sorted(set(at)) != list(at) or (at is steps and not at):
                    raise ValueError(
                        f"expected rising numbers of steps such as (150, 300), got {at}"
                    )
            short = Protocol(tuple(steps), batch_size, max_lr)
            long = Protocol(tuple(long_steps), batch_size, max_lr) if long_steps else None
            run_data = RunData(data, tuple(marks), classes)
            made = TrainedExercise(
                answer.__name__, answer, run_data, classes, scale, Budget(short, long)
            )
            training = self.trainings[made.name] = Training(made)
            for test in marks:
                judge = partial(training.accuracy, test)
                self.checks[training.grade_id(test)] = Check(judge, scale.highest(test).points)
            return answer

        return decorate

    def family(
        self,
        exercise: str,
        build: Callable[[], nn.Module],
        *,
        name: str,
        about: str = "",
        **meant: int | tuple[int, int],
    ) -> None:
        """Give a kind of answer that `autograder calibrate` measures.

        Args:
            exercise: the name of a class that is trained.
            build: makes a network of the kind.
            name: short, unique.
            about: its architecture, for the page.
            meant: test set -> how many marks above nothing it is meant to reach, or at least and at
                most how many: `short=1, long=(0, 1)`.
        """
        if exercise not in self.trainings:
            raise ValueError(f"no exercise {exercise!r} whose networks are trained")
        made = self.trainings[exercise].exercise
        unknown = set(meant) - set(made.scale.marks)
        if unknown:
            raise ValueError(f"no test set {', '.join(sorted(unknown))} in {exercise!r}")
        if name in {family.name for family in made.families}:
            raise ValueError(f"there is a family {name!r} already")
        ranges = {t: (m, m) if isinstance(m, int) else m for t, m in meant.items()}
        for test, (least, most) in ranges.items():
            if not 0 <= least <= most < len(made.scale.marks[test]):
                above = len(made.scale.marks[test]) - 1
                raise ValueError(
                    f"{name!r} is meant to reach {least} to {most} marks of {test!r}, which has "
                    f"{above} above nothing"
                )
        made.families.append(Family(name, about, build, ranges))

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
                "unknown" are what is found without a mutant; of a network that is trained,
                "not-finite", "learns-too-little" and "no-carry-over-(.*)" with a test set.
            name: what the mistake is called in reports; may use the pattern's groups.
            words: what completes "your function behaves as if ...", without giving the answer away.
            lesson: what to read to understand it.
            credit: share of the points that an answer with this mistake alone still gets.
        """
        of = self.trainings.get(exercise) or self._of(exercise)
        of.sayings.append(Saying(pattern, name, words, lesson, credit))

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
        of = self.trainings.get(exercise) or self._of(exercise)
        of.rights.append(answer)

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
        answers = {name: exercise.reference.make for name, exercise in self.exercises.items()}
        return answers | {name: made.exercise.right for name, made in self.trainings.items()}

    @cached_property
    def lessons(self) -> dict[str, str]:
        """Return what to teach about each mistake that can be found, by its name."""
        found: dict[str, str] = {}
        asked: list[Exercise | Training] = [*self.exercises.values(), *self.trainings.values()]
        for name, words in chain.from_iterable(one.lessons() for one in asked):
            found.setdefault(name, words)
        return found

    def _of(self, exercise: str) -> Exercise:
        if exercise in self.trainings:
            raise ValueError(
                f"the networks of {exercise!r} are trained: give kinds of answers with lab.family"
            )
        if exercise not in self.exercises:
            known = ", ".join([*self.exercises, *self.trainings]) or "none yet"
            raise ValueError(
                f"no exercise {exercise!r} in the lab {self.name!r}; there are: {known}"
            )
        return self.exercises[exercise]

    def _add(self, exercise: Exercise) -> None:
        looks = MODULE if exercise.reference.is_module else FUNCTION
        self.exercises[exercise.name] = exercise
        for grade_id, points in exercise.points.items():
            judge = partial(looks[exercise.asks[grade_id]], exercise, points)
            self.checks[grade_id] = Check(judge, round(sum(points), 2))
