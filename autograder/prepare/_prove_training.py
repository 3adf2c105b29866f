"""Proves an exercise whose networks are trained: its right answers score full, once trained."""

from __future__ import annotations

from collections.abc import Iterator

from autograder import CheckFault
from autograder.checking import checks
from autograder.checking.challenge import derive_seed
from autograder.checking.kit.trained_checks import Training
from autograder.checking.student import InProcess
from autograder.checking.trained.exercise import TrainedExercise
from autograder.prepare.doctor import Finding

TIMES = 2  # that each right answer is trained


def prove_training(assignment: str, training: Training) -> Iterator[Finding]:
    """Yield what is found of one exercise."""
    name = training.exercise.name
    try:
        yield _right_answers(assignment, training)
    except CheckFault as fault:
        yield Finding(name, False, str(fault), "mend the right answer, or `data`")
    yield _families(training.exercise)


def _right_answers(assignment: str, training: Training) -> Finding:
    """Return whether right answers score full once they are trained."""
    exercise, wrong = training.exercise, []
    answers = [exercise.right, *training.rights]
    for number, answer in enumerate(answers):
        for tried in range(TIMES):
            student = InProcess({exercise.name: answer})
            seed = derive_seed("check-assignment", exercise.name, number, tried)
            for grade_id in map(training.grade_id, exercise.scale.marks):
                result = checks.run(assignment, grade_id, student, seed)
                if result.points < result.max_points:
                    name = getattr(answer, "__name__", f"number {number + 1}")
                    got = ", ".join(criterion.got for criterion in result.criteria)
                    wrong.append(f"{name}, {grade_id}: {got}")
    says = "; ".join(wrong) or f"all {len(answers)} score full, {TIMES} times each"
    mend = "lower the marks, or give more steps" if wrong else ""
    return Finding(f"{exercise.name}, right answers", not wrong, says, mend)


def _families(exercise: TrainedExercise) -> Finding:
    """Return whether there are families on both sides of the marks; a calibration measures them."""
    what = f"{exercise.name}, families"
    sides = {
        test: {family.meant[test] for family in exercise.families if test in family.meant}
        for test in exercise.scale.marks
    }
    one_sided = [test for test, meant in sides.items() if len(meant) < 2]
    if one_sided:
        says = f"no two families are meant to differ in {', '.join(one_sided)}"
        mend = "give families that should reach a mark and others that should not: lab.family(...)"
        return Finding(what, None, says, mend)
    return Finding(what, True, f"{len(exercise.families)} kinds of answers to calibrate with")
