"""Writes what the calibration found: the scale with its figures, and the copy for students."""

from __future__ import annotations

import ast
import hashlib
import inspect
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
from autograder.assignments.cnns.calibration import families
from autograder.assignments.cnns.calibration.families import FAMILIES
from autograder.assignments.cnns.calibration.measure import Trial
from autograder.assignments.cnns.calibration.rates import (
    CONFIDENCE,
    Rate,
    TierErrors,
    early_stops,
    passed,
    thresholds,
    tier_errors,
)
from autograder.assignments.cnns.improved import prior_knowledge, training_runs
from autograder.assignments.cnns.improved import reference as improved_reference
from autograder.checking import challenge
from course_utils import data, protocol, training, transforms
from course_utils.tiers import Scale, middle
from course_utils.training import GRADING

FOR_STUDENTS = Path(course_utils.__file__).with_name("tiers.json")
_CODE = (
    *(challenge, families, improved_reference, training_runs, prior_knowledge),
    *(data, protocol, training, transforms),
)


def versions() -> dict[str, str]:
    """Return the versions of what the figures depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def journal_key() -> str:
    """Return a hash of what a trial depends on: code, apart from its comments, and versions.

    The scale is not among it: `Trial.fits` tells whether a trial answers for another one.
    """
    trees = [ast.parse(inspect.getsource(module)) for module in _CODE]
    code = "".join(ast.dump(without_docstrings(tree)) for tree in trees)
    return hashlib.sha256((json.dumps(versions()) + code).encode()).hexdigest()[:16]


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Return the tree without its docstrings; it is changed in place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            del node.body[0]
    return tree


def summary(trials: Sequence[Trial], scale: Scale) -> dict[str, Any]:
    """Return the content of the published file."""
    return {
        "scale": asdict(scale),
        "protocol": asdict(GRADING),
        "versions": versions(),
        "cpu_s": round(sum(trial.cpu_s for trial in trials), 1),
        "confidence": CONFIDENCE,
        "tiers": [_tier(errors) for errors in tier_errors(FAMILIES, trials, scale)],
        "early_stops": _rate(early_stops(trials, scale)),
        "families": [_family(family, trials, scale) for family in FAMILIES],
    }


def write(trials: Sequence[Trial], scale: Scale) -> None:
    """Write the published file and the scale for students."""
    found = json.dumps(summary(trials, scale), indent=1)
    calibration.PUBLISHED.write_text(found + "\n", encoding="utf-8")
    FOR_STUDENTS.write_text(json.dumps(asdict(scale), indent=1) + "\n", encoding="utf-8")


def _tier(errors: TierErrors) -> dict[str, Any]:
    name, rate = errors.worst
    return {
        "tier": errors.name,
        "withheld_from_those_meant_to_pass": _rate(errors.withheld),
        "given_to_those_meant_not_to": _rate(errors.given),
        "worst_family": {"name": name, **_rate(rate)},
        "meant_neither_way": list(errors.unmeant),
        "kept": errors.kept,
    }


def _family(family: families.Family, trials: Sequence[Trial], scale: Scale) -> dict[str, Any]:
    own = sorted((t for t in trials if t.family == family.name), key=lambda t: t.seed)
    return {
        "name": family.name,
        "about": family.about,
        "at_least": family.at_least,
        "at_most": family.at_most,
        "learns": family.learns,
        "passed": [_rate(passed(own, threshold, scale)) for threshold in thresholds(scale)],
        "median_cpu_s": round(statistics.median(t.cpu_s for t in own), 2) if own else None,
        "trials": [_trial(trial, scale) for trial in own],
    }


def _trial(trial: Trial, scale: Scale) -> dict[str, Any]:
    outcomes = trial.outcomes(scale)
    return {
        "seed": trial.seed,
        "top_left": round(middle([run.top_left for run in outcomes]), 4),
        "bottom_right": round(middle([run.bottom_right for run in outcomes]), 4),
        "runs": len(outcomes),
        "steps": sum(look.steps for look in outcomes),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {"count": rate.count, "of": rate.of, "interval": [round(low, 4), round(high, 4)]}
