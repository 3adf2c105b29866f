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
from typing import Any


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
        retry_from: the least accuracy of a run after which another one may well reach the tier.
        points: what reaching it is worth in all, lower tiers included.
    """

    name: str
    accuracy: float
    retry_from: float
    points: float

    def in_reach(self, accuracy: float) -> bool:
        """Whether it is missed, but by so little that another run may well reach it."""
        return self.retry_from <= accuracy < self.accuracy


@dataclass(frozen=True)
class Scale:
    """The tiers, and the rules by which runs are stopped and repeated.

    Attributes:
        top_left: what the top-left accuracy is asked for.
        bottom_right: the tiers of the bottom-right accuracy, rising.
        margin: a checkpoint ends a run early when both accuracies are this far above the highest
            tier. 0.03 is 2.4 standard errors of an accuracy of 0.8 on 1,000 digits: one look is
            wrong about the network in 1 case of 100.
        most_runs: how often a network is trained afresh before a tier in reach is withheld.
    """

    top_left: Tier
    bottom_right: tuple[Tier, ...]
    margin: float
    most_runs: int

    def points(self, bottom_right: float) -> float:
        """Returns what a bottom-right accuracy in [0, 1] is worth."""
        return max((t.points for t in self.bottom_right if bottom_right >= t.accuracy), default=0.0)

    def reached(self, bottom_right: float) -> int:
        """Returns how many of the tiers a bottom-right accuracy in [0, 1] reaches."""
        return sum(bottom_right >= tier.accuracy for tier in self.bottom_right)

    def settled(self, look: Accuracies) -> bool:
        """Whether more training cannot change what the run is worth, but for a known error."""
        return (
            look.bottom_right >= self.bottom_right[-1].accuracy + self.margin
            and look.top_left >= self.top_left.accuracy + self.margin
        )

    def wants_another(self, runs: Sequence[Accuracies]) -> bool:
        """Whether a network that these runs were measured of is to be trained once more.

        Before the first run it is; after it, while a tier is missed by so little that another run
        may well reach it.
        """
        if not runs:
            return True
        left, right = best(runs)
        in_reach = self.top_left.in_reach(left) or any(
            tier.in_reach(right) for tier in self.bottom_right
        )
        return in_reach and len(runs) < self.most_runs

    def describe(self, look: Accuracies) -> str:
        """Returns the accuracies and what they are worth, a line a tier."""
        rows = [f"top-left      {look.top_left:6.1%}   bottom-right  {look.bottom_right:6.1%}"]
        for tier in self.bottom_right:
            mark = "reached" if look.bottom_right >= tier.accuracy else "not yet"
            rows.append(f"  {tier.accuracy:4.0%} {tier.name}: {tier.points:g} points, {mark}")
        return "\n".join(rows)


def best(runs: Sequence[Accuracies]) -> tuple[float, float]:
    """Returns the best top-left and the best bottom-right accuracy of several runs."""
    return max(run.top_left for run in runs), max(run.bottom_right for run in runs)


def scale_from(fields: Mapping[str, Any]) -> Scale:
    """Returns the scale that `dataclasses.asdict` turned into these fields."""
    return Scale(
        top_left=Tier(**fields["top_left"]),
        bottom_right=tuple(Tier(**tier) for tier in fields["bottom_right"]),
        margin=fields["margin"],
        most_runs=fields["most_runs"],
    )


@cache
def published_scale() -> Scale:
    """Returns the scale that this package ships."""
    return scale_from(json.loads((resources.files(__package__) / "tiers.json").read_text()))
