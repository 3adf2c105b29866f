"""The graded scale of `ImprovedNet`: what accuracies are worth, and when to train once more.

The numbers are not chosen here: `scale.json` beside this file is a copy of the scale that the
grader's calibration measured (`autograder calibrate` writes both).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from statistics import mean
from typing import Any

MAX_RUNS = 3  # short ones, of one network
_STEP = 0.5  # points: what they are rounded to


@dataclass(frozen=True)
class Accuracies:
    """What a network did at one checkpoint of the protocol, on 1,000 test images in each corner.

    Attributes:
        top_left: accuracy in [0, 1] where it was trained.
        bottom_right: accuracy in [0, 1] where it was not.
        steps: after how many optimiser steps.
    """

    top_left: float
    bottom_right: float
    steps: int


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
        top_left: the marks of the top-left accuracy, rising; the first is worth nothing.
        bottom_right: the marks of the bottom-right accuracy.
        margin: a checkpoint ends a run when both accuracies are this far above the highest marks.
            0.03 is 2.4 standard errors of an accuracy of 0.8 on 1,000 images.
        spread: how far one run may come out from another of the same network.
        follows: the share of its top-left accuracy that a network reaches bottom right if what it
            learns carries over.
        learns: the top-left accuracy of a network that has begun to learn.
    """

    top_left: tuple[Mark, ...]
    bottom_right: tuple[Mark, ...]
    margin: float
    spread: float
    follows: float
    learns: float

    def points(self, counted: Accuracies) -> tuple[float, float]:
        """Return the points for the top-left and for the bottom-right accuracy."""
        left, right = self._between(counted.top_left, counted.bottom_right)
        return _rounded(left), _rounded(right)

    def _between(self, top_left: float, bottom_right: float) -> tuple[float, float]:
        """Return the points before rounding.

        What a network cannot do top left it cannot carry over: where it misses points there, it
        gets the same share of those for the bottom right.
        """
        left = _between(self.top_left, top_left)
        share = left / self.top_left[-1].points
        return left, share * _between(self.bottom_right, bottom_right)

    def reached(self, counted: Accuracies) -> int:
        """Return how many of the bottom-right marks an accuracy reaches."""
        return sum(counted.bottom_right >= mark.accuracy for mark in self.bottom_right)

    def settled(self, look: Accuracies) -> bool:
        """Return whether more training cannot change the run's worth, but for a known error."""
        return (
            look.top_left >= self.top_left[-1].accuracy + self.margin
            and look.bottom_right >= self.bottom_right[-1].accuracy + self.margin
        )

    def carries_over(self, counted: Accuracies) -> bool:
        """Return whether what a network learned top left holds bottom right, too."""
        return counted.top_left >= self.learns and (
            counted.bottom_right >= self.follows * counted.top_left
        )

    def earns_long_run(self, counted: Accuracies) -> bool:
        """Return whether a network understands, and is only not ready: more steps may earn more."""
        most = self.top_left[-1].points + self.bottom_right[-1].points
        return self.carries_over(counted) and sum(self.points(counted)) < most

    def wants_another(self, runs: Sequence[Accuracies]) -> bool:
        """Return whether one more short run could still move the points by more than one.

        Training has an element of luck. One more run, `spread` away from the mean of those before,
        moves the mean by a share of it; on a steep part of the scale that is more than a point. And
        a network that has not begun to learn may have had an unlucky start.
        """
        if not runs or len(runs) >= MAX_RUNS:
            return not runs
        if len(runs) == 1 and runs[0].top_left < self.learns:
            return True
        now, shift = average(runs), self.spread / (len(runs) + 1)
        here = sum(self._between(now.top_left, now.bottom_right))
        moved = [
            sum(self._between(now.top_left + left, now.bottom_right + right)) - here
            for left, right in ((shift, 0), (-shift, 0), (0, shift), (0, -shift))
        ]
        return max(map(abs, moved)) > 1

    def describe(self, counted: Accuracies) -> str:
        """Return where on the scale a network stands, a line a corner and a line a mark."""
        left, right = self.points(counted)
        most_left, most_right = self.top_left[-1].points, self.bottom_right[-1].points
        rows = [
            f"top left      {counted.top_left:6.1%}   {left:g} of {most_left:g} points",
            f"bottom right  {counted.bottom_right:6.1%}   {right:g} of {most_right:g} points",
        ]
        for mark in self.bottom_right[1:]:
            reached = "reached" if counted.bottom_right >= mark.accuracy else "not yet"
            rows.append(f"  {mark.accuracy:4.0%} {mark.name}: {mark.points:g} points, {reached}")
        return "\n".join(rows)


def average(runs: Sequence[Accuracies]) -> Accuracies:
    """Return what counts of short runs: the mean accuracies, and the steps of all."""
    return Accuracies(
        mean(run.top_left for run in runs),
        mean(run.bottom_right for run in runs),
        sum(run.steps for run in runs),
    )


def _rounded(points: float) -> float:
    return round(points / _STEP) * _STEP


def _between(marks: Sequence[Mark], accuracy: float) -> float:
    """Return the points of an accuracy: 0 up to the first mark."""
    points = marks[0].points
    for low, high in pairwise(marks):
        share = (accuracy - low.accuracy) / (high.accuracy - low.accuracy)
        points += min(max(share, 0.0), 1.0) * (high.points - low.points)
    return points


def scale_from(fields: Mapping[str, Any]) -> Scale:
    """Return the scale that `dataclasses.asdict` turned into these fields."""
    marks = {
        corner: tuple(Mark(**mark) for mark in fields[corner])
        for corner in ("top_left", "bottom_right")
    }
    return Scale(**{**fields, **marks})


@cache
def published_scale() -> Scale:
    """Return the scale that this package ships."""
    return scale_from(
        json.loads((resources.files(__package__) / "scale.json").read_text(encoding="utf-8"))
    )
