"""Writes what the calibration found: the scale with its figures, and the copy for students."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
import torch

import course_utils
from autograder.assignments.cnns import calibration
from autograder.assignments.cnns.calibration import depends_on, families
from autograder.assignments.cnns.calibration.families import FAMILIES
from autograder.assignments.cnns.calibration.measure import Trial
from autograder.assignments.cnns.calibration.rates import (
    CONFIDENCE,
    MarkErrors,
    Rate,
    early_stops,
    mark_errors,
    passed,
    thresholds,
)
from autograder.assignments.cnns.improved import training_runs
from course_utils import protocol, training
from course_utils.scale import Scale
from course_utils.training import LONG_RUN, SHORT_RUN

FOR_STUDENTS = Path(course_utils.__file__).with_name("scale.json")


def versions() -> dict[str, str]:
    """Return the versions of what the figures depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def journal_keys() -> dict[str, str]:
    """Return for each family a digest of what its trials depend on.

    The scale is not among it: `Trial.fits` tells whether a trial answers for another one.
    """
    procedure = [training_runs.run_looks, training.measure, protocol.Training, protocol.predict]
    return {
        family.name: depends_on.key([*procedure, family.build], versions()) for family in FAMILIES
    }


def summary(trials: Sequence[Trial], scale: Scale) -> dict[str, Any]:
    """Return the content of the published file."""
    return {
        "scale": asdict(scale),
        "protocols": [asdict(SHORT_RUN), asdict(LONG_RUN)],
        "versions": versions(),
        "cpu_s": round(sum(trial.cpu_s for trial in trials), 1),
        "confidence": CONFIDENCE,
        "marks": [_mark(errors) for errors in mark_errors(FAMILIES, trials, scale)],
        "early_stops": _rate(early_stops(trials, scale)),
        "families": [_family(family, trials, scale) for family in FAMILIES],
    }


def write(trials: Sequence[Trial], scale: Scale) -> None:
    """Write the published file and the scale for students."""
    found = json.dumps(summary(trials, scale), indent=1)
    calibration.PUBLISHED.write_text(found + "\n", encoding="utf-8")
    FOR_STUDENTS.write_text(json.dumps(asdict(scale), indent=1) + "\n", encoding="utf-8")


def _mark(errors: MarkErrors) -> dict[str, Any]:
    name, rate = errors.worst
    return {
        "mark": errors.name,
        "withheld_from_those_meant_to_pass": _rate(errors.withheld),
        "given_to_those_meant_not_to": _rate(errors.given),
        "worst_family": {"name": name, **_rate(rate)},
        "meant_neither_way": list(errors.unmeant),
        "kept": errors.kept,
    }


def _family(family: families.Family, trials: Sequence[Trial], scale: Scale) -> dict[str, Any]:
    own = sorted((t for t in trials if t.family == family.name), key=lambda t: t.seed)
    points = [scale.points(trial.measured(scale).counted) for trial in own]
    return {
        "name": family.name,
        "about": family.about,
        "at_least": family.at_least,
        "at_most": family.at_most,
        "learns": family.learns,
        "passed": [_rate(passed(own, threshold, scale)) for threshold in thresholds(scale)],
        "points_bottom_right": _spread([right for _, right in points]),
        "points": _spread([left + right for left, right in points]),
        "median_cpu_s": round(statistics.median(t.cpu_s for t in own), 2) if own else None,
        "trials": [_trial(trial, scale) for trial in own],
    }


def _trial(trial: Trial, scale: Scale) -> dict[str, Any]:
    measured = trial.measured(scale)
    counted = measured.counted
    return {
        "seed": trial.seed,
        "top_left": round(counted.top_left, 4),
        "bottom_right": round(counted.bottom_right, 4),
        "points": list(scale.points(counted)),
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
