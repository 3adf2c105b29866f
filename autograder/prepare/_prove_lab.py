"""Proves a lab: right answers score full, and every mistake of the catalogue is lost and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autograder import CheckFault
from autograder.checking import checks
from autograder.checking.assignments import find_module
from autograder.checking.challenge import derive_seed
from autograder.checking.check_result import CheckResult
from autograder.checking.kit import Lab
from autograder.checking.kit.answers import as_answer
from autograder.checking.kit.challenge import draw_challenge
from autograder.checking.kit.exercise import Exercise
from autograder.checking.student import InProcess
from autograder.prepare._prove_training import prove_training
from autograder.prepare.doctor import Finding

SEEDS = 5  # for each other right answer; the lab's own are asked with more


def prove(assignment: str) -> Iterator[Finding]:
    """Yield what is found of each exercise of an assignment's `lab`; nothing if it has none."""
    lab = getattr(find_module(assignment, "checks"), "lab", None)
    if not isinstance(lab, Lab):
        return
    for exercise in lab.exercises.values():
        try:
            yield catalogue(exercise)
            yield from _idle(exercise)
            yield from _blind_sizes(exercise)
            yield right_answers(assignment, exercise)
            yield wrong_answers(assignment, exercise)
        except CheckFault as fault:
            yield Finding(exercise.name, False, str(fault), "mend the right answer, or `inputs`")
    for training in lab.trainings.values():
        yield from prove_training(assignment, training)


def catalogue(exercise: Exercise) -> Finding:
    """Return what can be wrong with an exercise's right answer, as far as the machine sees it."""
    found, what = exercise.catalogue, f"{exercise.name}, mistakes"
    names = [mutant.name for mutant in found.mutants]
    says = f"{len(found.mutants)} that show: {', '.join(dict.fromkeys(names))}"
    if found.equivalent:
        says += f"; right in another form: {', '.join(m.name for m in found.equivalent)}"
    if not found.taken_apart:
        says += "; the right answer cannot be taken apart: no step of PyTorch's was seen in it"
        return Finding(what, None, says, "give mistakes by hand: lab.mistake(...)")
    return Finding(what, True, says)


def _idle(exercise: Exercise) -> Iterator[Finding]:
    idle = exercise.idle_sayings()
    if idle:
        says = f"nothing is called {', '.join(map(repr, idle))}"
        yield Finding(f"{exercise.name}, say", False, says, "take a name of those above")


def _blind_sizes(exercise: Exercise) -> Iterator[Finding]:
    """Yield a warning of sizes at which most mistakes do not show: points there come too easily."""
    mutants, reference = exercise.catalogue.mutants, exercise.reference
    if not _names_mistakes(exercise) or not mutants:
        return
    blind = []
    for at, size in enumerate(reference.sizes):
        hidden = draw_challenge(reference, mutants, size, derive_seed("sizes", at)).hidden
        if len(hidden) > len(mutants) / 2:
            inputs = reference.inputs(size, 0)
            blind.append(f"{len(hidden)} of {len(mutants)} at {exercise.label(at, inputs)}")
    if blind:
        says = f"mistakes that do not show: {'; '.join(blind)}"
        mend = "leave the size out, or make it larger: there wrong answers get points"
        yield Finding(f"{exercise.name}, sizes", None, says, mend)


def right_answers(assignment: str, exercise: Exercise) -> Finding:
    """Return whether every other right answer scores full."""
    wrong = []
    for number, answer in enumerate(exercise.rights):
        for grade_id in exercise.points:
            for tried in range(SEEDS):
                seed = derive_seed("check-assignment", grade_id, number, tried)
                result = _judged(assignment, grade_id, exercise, answer, seed)
                if result.points < result.max_points:
                    name = getattr(answer, "__name__", f"number {number + 1}")
                    wrong.append(f"{name}, {grade_id}: {result.reason}")
                    break
    says = "; ".join(wrong) or f"all {len(exercise.rights) + 1} score full"
    mend = "is it right? Then the kit does not recognise it: report that"
    return Finding(f"{exercise.name}, right answers", not wrong, says, mend if wrong else "")


def wrong_answers(assignment: str, exercise: Exercise) -> Finding:
    """Return whether every mistake loses points and gets its name."""
    wanted: list[tuple[Any, str, str]] = [
        (as_answer(exercise.reference, mutant), mutant.name, mutant.name)
        for mutant in exercise.catalogue.mutants
    ]
    wanted += [(answer, getattr(answer, "__name__", "?"), name) for answer, name in exercise.wrongs]
    wrong = []
    for number, (answer, shown, name) in enumerate(wanted):
        results = _all_judged(assignment, exercise, answer, number)
        lost = any(result.points < result.max_points for result in results.values())
        names = [found for result in results.values() for found in result.mistakes]
        if not lost:
            wrong.append(f"{shown} loses nothing")
        elif name and name not in names and _names_mistakes(exercise):
            wrong.append(f"{shown} is called {', '.join(names) or 'nothing'}")
    says = "; ".join(wrong) or f"all {len(wanted)} lose points, and are named"
    mend = "let `inputs` draw more, or more `sizes`, so that it shows; or mend the name"
    return Finding(f"{exercise.name}, wrong answers", not wrong, says, mend if wrong else "")


def _names_mistakes(exercise: Exercise) -> bool:
    """Return whether a grade cell looks at values: only then a mistake is recognised."""
    return bool({"values", "function"} & set(exercise.asks.values()))


def _all_judged(
    assignment: str, exercise: Exercise, answer: Any, number: int
) -> Mapping[str, CheckResult]:
    return {
        grade_id: _judged(
            assignment, grade_id, exercise, answer, derive_seed("wrong", grade_id, number)
        )
        for grade_id in exercise.points
    }


def _judged(
    assignment: str, grade_id: str, exercise: Exercise, answer: Any, seed: int
) -> CheckResult:
    return checks.run(assignment, grade_id, InProcess({exercise.name: answer}), seed)
