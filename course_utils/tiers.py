"""The graded scale of the bottom-right protocol: its tiers, when a run is settled, what counts.

The numbers are not chosen here: `tiers.json` beside this file is a copy of the scale that the
grader's calibration measured (`autograder calibrate` writes both).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import median_low
from typing import Any

MAX_RUNS = 3  # of one network, while a tier is in doubt


@dataclass(frozen=True)
class Accuracies:
    """What a network did at one checkpoint of the protocol, on the 1,000 test digits.

    Attributes:
        top_left: accuracy in [0, 1] where it was trained.
        bottom_right: accuracy in [0, 1] where it was not.
        steps: after how many optimiser steps.
    """

    top_left: float
    bottom_right: float
    steps: int


@dataclass(frozen=True)
class Tier:
    """A step of the graded scale.

    Attributes:
        name: what reaching it means.
        accuracy: the least accuracy in [0, 1].
        doubt_from: a first run with at least this accuracy ...
        doubt_to: ... and less than this one does not decide alone.
        points: what reaching it is worth in all, lower tiers included.
    """

    name: str
    accuracy: float
    doubt_from: float
    doubt_to: float
    points: float

    def in_doubt(self, accuracy: float) -> bool:
        """Return whether a run with this accuracy is too near the threshold to decide alone."""
        return self.doubt_from <= accuracy < self.doubt_to


@dataclass(frozen=True)
class Scale:
    """The tiers, and the rules by which runs are stopped and repeated.

    Attributes:
        top_left: what the top-left accuracy is asked for.
        bottom_right: the tiers of the bottom-right accuracy, rising.
        margin: a checkpoint ends a run early when both accuracies are this far above the highest
            tier. 0.03 is 2.4 standard errors of an accuracy of 0.8 on 1,000 digits: one look is
            wrong about the network in 1 case of 100.
    """

    top_left: Tier
    bottom_right: tuple[Tier, ...]
    margin: float

    def learned(self, runs: Sequence[Accuracies]) -> bool:
        """Return whether these runs reach the top-left tier."""
        return middle([run.top_left for run in runs]) >= self.top_left.accuracy

    def reached(self, runs: Sequence[Accuracies]) -> int:
        """Return how many of the bottom-right tiers these runs reach."""
        accuracy = middle([run.bottom_right for run in runs])
        return sum(accuracy >= tier.accuracy for tier in self.bottom_right)

    def settled(self, look: Accuracies) -> bool:
        """Return whether more training cannot change the run's worth, but for a known error."""
        return (
            look.bottom_right >= self.bottom_right[-1].accuracy + self.margin
            and look.top_left >= self.top_left.accuracy + self.margin
        )

    def wants_another(self, runs: Sequence[Accuracies]) -> bool:
        """Return whether a network that these runs were measured of is to be trained once more.

        Training has an element of luck. Near a threshold one run would be wrong too often, either
        way; the middle one of three is wrong far more seldom. Where two agree, the third cannot
        change what the middle one reaches.
        """
        if len(runs) < 2:
            return not runs or self._in_doubt(runs[0])
        levels = {(self.learned([run]), self.reached([run])) for run in runs}
        return len(levels) > 1 and len(runs) < MAX_RUNS

    def _in_doubt(self, run: Accuracies) -> bool:
        return self.top_left.in_doubt(run.top_left) or any(
            tier.in_doubt(run.bottom_right) for tier in self.bottom_right
        )

    def describe(self, look: Accuracies) -> str:
        """Return the accuracies of one run and what they are worth, a line a tier."""
        rows = [f"top-left      {look.top_left:6.1%}   bottom-right  {look.bottom_right:6.1%}"]
        for tier in self.bottom_right:
            mark = "reached" if look.bottom_right >= tier.accuracy else "not yet"
            rows.append(f"  {tier.accuracy:4.0%} {tier.name}: {tier.points:g} points, {mark}")
        return "\n".join(rows)


def middle(accuracies: Sequence[float]) -> float:
    """Return the accuracy that counts of one to three runs: the middle one, of two the lower."""
    return median_low(accuracies)


def scale_from(fields: Mapping[str, Any]) -> Scale:
    """Return the scale that `dataclasses.asdict` turned into these fields."""
    return Scale(
        top_left=Tier(**fields["top_left"]),
        bottom_right=tuple(Tier(**tier) for tier in fields["bottom_right"]),
        margin=fields["margin"],
    )


@cache
def published_scale() -> Scale:
    """Return the scale that this package ships."""
    return scale_from(
        json.loads((resources.files(__package__) / "tiers.json").read_text(encoding="utf-8"))
    )
