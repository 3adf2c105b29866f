"""Accuracies as verdicts: what was expected, what was got, what it is worth."""

from __future__ import annotations

from typing import Any

from autograder.checking.check_result import CheckResult, Criterion
from autograder.checking.student import StudentSide
from autograder.checking.trained.exercise import TrainedExercise
from autograder.checking.trained.runs import Look, finite, measured
from course_utils.procedure import Measured
from course_utils.scale import named

NOT_FINITE = (
    "Once trained, it answers with numbers that are infinite or no numbers (NaN). Look for a "
    "division by something that may be zero, for the log or a root of zero or of a negative "
    "number, and for exp of a large one."
)
_NAN, _LITTLE, _ELSEWHERE = "not-finite", "learns-too-little", "no-carry-over-{}"


def mistakes(exercise: TrainedExercise) -> list[str]:
    """Return the names of the mistakes that can be found."""
    others = [test for test in exercise.scale.marks if test != exercise.scale.first]
    return [_NAN, _LITTLE, *map(_ELSEWHERE.format, others)]


def accuracy(exercise: TrainedExercise, test: str, student: StudentSide, seed: int) -> CheckResult:
    """Return the verdict on the accuracy on one test set."""
    found, last = measured(exercise, student, seed), list(exercise.scale.marks)[-1]
    one = criterion(exercise, test, found, f"accuracy, {named(test)}")
    shown = figures(exercise, found) if test == last else {}
    if one.earned == one.points:
        return CheckResult((one,), figures=shown)
    if not finite(found):
        return CheckResult((one,), NOT_FINITE, (_NAN,), shown)
    scale, counted = exercise.scale, found.counted
    first = scale.first
    begun = counted[first] >= scale.learns
    if not begun or test == first or counted[test] >= scale.follows * counted[first]:
        words, name = _too_little(exercise, found), _LITTLE
    else:
        words = f"What it learned does not carry over: {counted[first]:.1%} are right for "
        words += f"{named(first)}, {counted[test]:.1%} for {named(test)}. What does it look at "
        words += "that differs between the two?"
        name = _ELSEWHERE.format(test)
    return CheckResult((one,), words, (name,), shown)


def criterion(exercise: TrainedExercise, test: str, found: Measured[Look], name: str) -> Criterion:
    """Return what is said of the accuracy on one test set, under this name."""
    highest = exercise.scale.highest(test)
    expected = f"{highest.accuracy:.0%} for all {highest.points:g} points"
    earned = exercise.scale.points(found.counted)[test]
    return Criterion(name, expected, _shown(test, found), earned, highest.points)


def figures(exercise: TrainedExercise, found: Measured[Look]) -> dict[str, Any]:
    """Return what was measured, for pictures and reports."""
    accuracies: list[dict[str, Any]] = [
        {"name": named(test), "value": value} for test, value in found.counted.values.items()
    ]
    marks = exercise.scale.marks[list(found.counted.values)[-1]]
    accuracies[-1]["marks"] = [{"accuracy": m.accuracy, "points": m.points} for m in marks]
    return {
        "accuracies": accuracies,
        "short_runs": len(found.short),
        "long_run": found.long is not None,
        "steps": found.steps,
    }


def _too_little(exercise: TrainedExercise, found: Measured[Look]) -> str:
    steps = found.counted.steps // (len(found.short) if found.counted is not found.long else 1)
    words = f"It learns too little in {steps:,} steps."
    if found.counted[exercise.scale.first] < exercise.scale.learns:
        return f"{words} It answers hardly better than by chance: does a gradient reach its layers?"
    return (
        f"{words} How does its loss fall when you train it? A fit that is slow at first may "
        "need inputs of another scale, or a layer that normalises."
    )


def _shown(test: str, found: Measured[Look]) -> str:
    """Return an accuracy, and of which runs it is."""
    accuracy = found.counted[test]
    if found.long is not None and found.counted is found.long:
        return f"{accuracy:.1%}, after {found.long.steps:,} steps"
    runs = len(found.short)
    return f"{accuracy:.1%}" + (f", the mean of {runs} runs" if runs > 1 else "")
