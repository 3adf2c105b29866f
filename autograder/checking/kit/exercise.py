"""One exercise of a lab: a reference, its points, what the author says of mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from autograder import CheckFault
from autograder.checking.kit.catalogue import Catalogue, Saying, make_catalogue, said
from autograder.checking.kit.mutant import Mutant
from autograder.checking.kit.reference import Reference
from autograder.checking.kit.values import described

Points = float | Sequence[float]
"""Of one grade cell: a number that is shared evenly, or one for each thing that is looked at."""

_STEP = 0.25  # points are shared in multiples of this


@dataclass(eq=False)
class Exercise:
    """One exercise.

    Attributes:
        reference: what is right.
        points: grade id -> points of each thing that is looked at.
        asks: grade id -> what is looked at: "shape", "values", "parameters", "function".
        by_layer: whether a wrong module gets points for the layers that are right.
        given: mistakes that the author made.
        sayings: what the author says of mistakes.
        rights: other right answers, which must score full.
        wrongs: wrong answers, each with the name that it must get; "" for any.
    """

    reference: Reference
    points: Mapping[str, tuple[float, ...]]
    asks: Mapping[str, str]
    by_layer: bool = False
    given: list[Mutant] = field(default_factory=list)
    sayings: list[Saying] = field(default_factory=list)
    rights: list[Any] = field(default_factory=list)
    wrongs: list[tuple[Any, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the name of the student's function or class."""
        return self.reference.name

    @cached_property
    def catalogue(self) -> Catalogue:
        """Return what can be wrong with the reference.

        Raises:
            CheckFault: the reference does not run.
        """
        try:
            return make_catalogue(self.reference, self.given, self.sayings)
        except Exception as error:  # of the author's own code
            raise CheckFault(
                f"the reference {self.name} raised {type(error).__name__}: {error}"
            ) from error

    def named(self, mutant: Mutant) -> tuple[str, ...]:
        """Return the names of a mistake, or of two at once."""
        return tuple(mutant.name.split("+"))

    def special(self, name: str, words: str) -> Mutant:
        """Return a mistake that is no mutant's, as the author wants it."""
        return said(Mutant(name, words, name), self.sayings)

    def lessons(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each mistake that can be found, and what to teach about it."""
        both = [*self.catalogue.mutants, *(self.special(name, "") for name in SPECIAL)]
        for mutant in both:
            yield mutant.name, mutant.about

    def idle_sayings(self) -> list[str]:
        """Return the patterns of what the author says of no mistake."""
        plain = make_catalogue(self.reference, self.given)  # under the machine's own names
        found = (*plain.mutants, *(mutant for mutant, _ in plain.twins), *plain.equivalent)
        names = [*(mutant.name for mutant in found), *SPECIAL]
        return [
            s.pattern for s in self.sayings if not any(re.fullmatch(s.pattern, n) for n in names)
        ]

    def label(self, at: int, inputs: Sequence[Any]) -> str:
        """Return what one size is called in a verdict."""
        size = self.reference.sizes[at]
        if size.label:
            return size.label
        names = self.reference.names(len(inputs))
        shown = [f"{name} {described(value)}" for name, value in zip(names, inputs, strict=True)]
        return ", ".join(shown)


SPECIAL = ("in-place", "layers", "unknown")


def shared(points: Points, count: int, what: str) -> tuple[float, ...]:
    """Return the points of each thing that is looked at.

    Args:
        points: a number to share, or one for each.
        count: of the things.
        what: they are, for the message.

    Raises:
        ValueError: there are more numbers than things.
    """
    if isinstance(points, int | float):
        steps, rest = divmod(round(points / _STEP), count)
        parts = [steps * _STEP + (_STEP if at < rest else 0) for at in range(count)]
        parts[0] += points - sum(parts)
        return tuple(parts)
    if not 0 < len(points) <= count:
        raise ValueError(f"expected at most {count} numbers of points for {what}, got {points}")
    return tuple(float(part) for part in points)


def sentence(words: str, subject: str) -> str:
    """Return a mistake's words as a sentence: "Your function behaves as if ..."."""
    ended = words if words.endswith((".", "?", "!")) else f"{words}."
    return f"Your {subject} behaves as if {ended}"
