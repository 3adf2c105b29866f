"""Pure: what there is to measure, so that each mark's error rates can be shown to be small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from autograder.checking.trained.exercise import Family, TrainedExercise
from autograder.prepare.calibration.measure import Job
from autograder.prepare.calibration.rates import MAX_POSSIBLE_ERRORS, Rate, thresholds

LEAST = 20  # networks of each family


def jobs(
    exercise: TrainedExercise, seeds: int | None, audited: int, names: Sequence[str] = ()
) -> list[Job]:
    """Return what there is to measure, all families of one seed before those of the next.

    Args:
        exercise: with its marks and families.
        seeds: how many networks of each family; None: so many that errors can be shown to be rare.
        audited: how many of these are trained to the end.
        names: only these families; all where empty.
    """
    chosen = [family for family in exercise.families if not names or family.name in names]
    counts = {family.name: seeds or max(LEAST, _needed(family, exercise)) for family in chosen}
    return [
        Job(name, seed, seed < audited)
        for seed in range(max(counts.values()))
        for name, count in counts.items()
        if seed < count
    ]


def _needed(family: Family, exercise: TrainedExercise) -> int:
    """Return how many networks each family on its side of a mark needs, if none of them errs.

    Where few families are meant to reach a mark, or few are meant not to, these need more.
    """
    needed = 0
    for threshold in thresholds(exercise.scale):
        side = threshold.meant(family)
        if side is not None:
            peers = sum(threshold.meant(other) is side for other in exercise.families)
            needed = max(needed, math.ceil(runs_without_error() / peers))
    return needed


@cache
def runs_without_error() -> int:
    """Return how many runs without an error show that errors are as rare as they are to be."""
    runs = 1
    while Rate(0, runs).interval[1] > MAX_POSSIBLE_ERRORS:
        runs += 1
    return runs
