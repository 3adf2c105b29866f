"""What the calibration found, as data: the marks, their error rates, every network."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy
import torch

from autograder.checking.trained import runs
from autograder.checking.trained.exercise import Family, TrainedExercise
from autograder.prepare.calibration import depends_on
from autograder.prepare.calibration.measure import Trial
from autograder.prepare.calibration.rates import (
    CONFIDENCE,
    MarkErrors,
    Rate,
    early_stops,
    mark_errors,
    passed,
    proposal,
    thresholds,
)
from course_utils import procedure, protocol


def versions() -> dict[str, str]:
    """Return the versions of what the figures depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def journal_keys(exercise: TrainedExercise) -> dict[str, str]:
    """Return for each family a digest of what its trials depend on.

    The scale is not among it: `Trial.fits` tells whether a trial answers for another one.
    """
    how = [runs.run_looks, procedure.measure, protocol.Training, protocol.predict]
    what = [exercise.data, exercise.classes, exercise.budget]
    return {
        family.name: depends_on.key([*how, *what, family.build], versions())
        for family in exercise.families
    }


def summary(exercise: TrainedExercise, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the content of the published file."""
    long = exercise.budget.long
    return {
        "exercise": exercise.name,
        "scale": asdict(exercise.scale),
        "protocols": [asdict(exercise.budget.short), *([asdict(long)] if long else [])],
        "versions": versions(),
        "cpu_s": round(sum(trial.cpu_s for trial in trials), 1),
        "confidence": CONFIDENCE,
        "marks": [_mark(errors) for errors in mark_errors(exercise, trials)],
        "early_stops": _rate(early_stops(trials, exercise.scale)),
        "families": [_family(family, exercise, trials) for family in exercise.families],
    }


def _mark(errors: MarkErrors) -> dict[str, Any]:
    name, rate = errors.worst
    return {
        "mark": errors.mark.title,
        "means": errors.mark.name,
        "withheld_from_those_meant_to_pass": _rate(errors.withheld),
        "given_to_those_meant_not_to": _rate(errors.given),
        "worst_family": {"name": name, **_rate(rate)},
        "meant_neither_way": list(errors.unmeant),
        "proposal": proposal(errors),
        "kept": errors.kept,
    }


def _family(family: Family, exercise: TrainedExercise, trials: Sequence[Trial]) -> dict[str, Any]:
    own = sorted((t for t in trials if t.family == family.name), key=lambda t: t.seed)
    points = [exercise.scale.points(trial.measured(exercise).counted) for trial in own]
    return {
        "name": family.name,
        "about": family.about,
        "meant": {test: list(marks) for test, marks in family.meant.items()},
        "passed": [_rate(passed(own, mark, exercise)) for mark in thresholds(exercise.scale)],
        "points": {test: _spread([one[test] for one in points]) for test in exercise.scale.marks},
        "points_in_all": _spread([sum(one.values()) for one in points]),
        "median_cpu_s": round(statistics.median(t.cpu_s for t in own), 2) if own else None,
        "trials": [_trial(trial, exercise) for trial in own],
    }


def _trial(trial: Trial, exercise: TrainedExercise) -> dict[str, Any]:
    measured = trial.measured(exercise)
    counted = measured.counted
    return {
        "seed": trial.seed,
        "accuracies": {test: round(value, 4) for test, value in counted.values.items()},
        "points": exercise.scale.points(counted),
        "short_runs": len(measured.short),
        "long_run": measured.long is not None,
        "steps": measured.steps,
    }


def _spread(points: Sequence[float]) -> dict[str, float] | None:
    """Return mean and standard deviation; None of fewer than two."""
    if len(points) < 2:
        return None
    return {
        "mean": round(statistics.mean(points), 2),
        "deviation": round(statistics.stdev(points), 2),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {"count": rate.count, "of": rate.of, "interval": [round(low, 4), round(high, 4)]}
