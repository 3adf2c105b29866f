"""The exercises of an assignment whose networks are trained, by the name of the student's class."""

from __future__ import annotations

from autograder.checking.assignments import find_module
from autograder.checking.kit import Lab
from autograder.checking.trained.exercise import TrainedExercise


def exercises(assignment: str) -> dict[str, TrainedExercise]:
    """Return them: those of its `lab`, and those that its `checks` list as `trained`."""
    checks = find_module(assignment, "checks")
    lab = getattr(checks, "lab", None)
    found = [made.exercise for made in lab.trainings.values()] if isinstance(lab, Lab) else []
    found += getattr(checks, "trained", ())
    return {exercise.name: exercise for exercise in found}
