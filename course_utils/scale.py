"""The graded scale of a network that is trained: what accuracies are worth, when to train again.

A network is asked about one or more test sets. The first has inputs like those that it was trained
on; what it learned has to hold on the others, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

MAX_RUNS = 5  # short ones, of one network
_STEP = 0.5  # points: what they are rounded to


@dataclass(frozen=True)
class Accuracies:
    """What a network did at one checkpoint of a training run.

    Attributes:
        values: test set -> accuracy in [0, 1].
        steps: after how many optimiser steps.
    """

    values: Mapping[str, float]
    steps: int

    def __getitem__(self, test: str) -> float:
        """Return the accuracy on one test set."""
        return self.values[test]


@dataclass(frozen=True)
class Mark:
    """A point of the graded scale; between two of them points rise evenly.

    Attributes:
        name: what reaching it means.
        accuracy: in [0, 1].
        points: what it is worth in all.
    """

    name: str
    accuracy: float
    points: float


@dataclass(frozen=True)
class Scale:
    """The marks, and the rules by which runs are stopped, repeated and lengthened.

    Attributes:
        marks: test set -> its marks, rising; the first is worth nothing. The first test set has
            inputs like those trained on.
        learns: the accuracy there of a network that has begun to learn.
        margin: a checkpoint ends a run when all accuracies are this far above the highest marks.
            0.03 is 2.4 standard errors of an accuracy of 0.8 on 1,000 inputs.
        spread: how far one run may come out from another of the same network.
        follows: the share of its first accuracy that a network reaches on the other test sets if
            what it learned carries over.
    """

    marks: Mapping[str, tuple[Mark, ...]]
    learns: float
    margin: float = 0.03
    spread: float = 0.12
    follows: float = 0.85

    @property
    def first(self) -> str:
        """Return the test set with inputs like those trained on."""
        return next(iter(self.marks))

    def highest(self, test: str) -> Mark:
        """Return the mark of a test set that is worth all its points."""
        return self.marks[test][-1]

    def points(self, counted: Accuracies) -> dict[str, float]:
        """Return the points for each test set."""
        return {test: round(worth / _STEP) * _STEP for test, worth in self._worth(counted).items()}

    def _worth(self, counted: Accuracies) -> dict[str, float]:
        """Return the points before rounding.

        What a network has not learned it cannot carry over: where it misses points on the first
        test set, it gets the same share of those for the others.
        """
        worth = {test: _between(marks, counted[test]) for test, marks in self.marks.items()}
        share = worth[self.first] / self.highest(self.first).points
        return {t: one if t == self.first else share * one for t, one in worth.items()}

    def reached(self, counted: Accuracies, test: str) -> int:
        """Return how many of a test set's marks an accuracy reaches."""
        return sum(counted[test] >= mark.accuracy for mark in self.marks[test])

    def settled(self, look: Accuracies) -> bool:
        """Return whether more training cannot change the run's worth, but for a known error."""
        return all(look[t] >= self.highest(t).accuracy + self.margin for t in self.marks)

    def carries_over(self, counted: Accuracies) -> bool:
        """Return whether what a network learned holds on every test set."""
        first = counted[self.first]
        return first >= self.learns and all(
            counted[test] >= self.follows * first for test in self.marks
        )

    def earns_long_run(self, counted: Accuracies) -> bool:
        """Return whether a network understands, and is only not ready: more steps may earn more."""
        most = sum(self.highest(test).points for test in self.marks)
        return self.carries_over(counted) and sum(self.points(counted).values()) < most

    def wants_another(self, runs: Sequence[Accuracies]) -> bool:
        """Return whether one more short run could still move the points by more than one.

        Training has an element of luck. One more run, `spread` away from the mean of those before,
        moves the mean by a share of it; on a steep part of the scale that is more than a point. And
        a network that has not begun to learn may have had an unlucky start, one that earns points
        though what it learned does not carry over a lucky one.
        """
        if not runs or len(runs) >= MAX_RUNS:
            return not runs
        worth = self._worth(runs[0])
        lucky = sum(worth.values()) > worth[self.first] and not self.carries_over(runs[0])
        if len(runs) == 1 and (lucky or runs[0][self.first] < self.learns):
            return True
        now, shift = average(runs), self.spread / (len(runs) + 1)
        here = sum(self._worth(now).values())
        moved = [
            sum(self._worth(Accuracies({**now.values, test: now[test] + by}, 0)).values()) - here
            for test in self.marks
            for by in (shift, -shift)
        ]
        return max(map(abs, moved)) > 1

    def describe(self, counted: Accuracies) -> str:
        """Return where on the scale a network stands, a line a test set and a line a mark."""
        points, others = self.points(counted), list(self.marks)[1:]
        rows = [
            f"{named(test):<13} {counted[test]:6.1%}   "
            f"{points[test]:g} of {self.highest(test).points:g} points"
            for test in self.marks
        ]
        for test in others or self.marks:
            for mark in self.marks[test][1:]:
                reached = "reached" if counted[test] >= mark.accuracy else "not yet"
                row = f"  {mark.accuracy:4.0%} {mark.name}: {mark.points:g} points, {reached}"
                rows.append(row)
        return "\n".join(rows)


def named(test: str) -> str:
    """Return a test set's name as people read it: "top_left" -> "top left"."""
    return test.replace("_", " ")


def average(runs: Sequence[Accuracies]) -> Accuracies:
    """Return what counts of short runs: the mean accuracies, and the steps of all."""
    values = {test: mean(run[test] for run in runs) for test in runs[0].values}
    return Accuracies(values, sum(run.steps for run in runs))


def _between(marks: Sequence[Mark], accuracy: float) -> float:
    """Return the points of an accuracy: 0 up to the first mark."""
    points = marks[0].points
    for low, high in pairwise(marks):
        share = (accuracy - low.accuracy) / (high.accuracy - low.accuracy)
        points += min(max(share, 0.0), 1.0) * (high.points - low.points)
    return points
