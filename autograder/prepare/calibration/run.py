"""Measures the families of an exercise, and publishes what was found: `autograder calibrate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder import GraderFault
from autograder.checking.assignments import find_module, where
from autograder.checking.trained.exercise import TrainedExercise, snake_case
from autograder.prepare.calibration import measure, page, plan
from autograder.prepare.calibration.exercises import exercises
from autograder.prepare.calibration.summary import journal_keys, summary

FOLDER = Path("docs") / "calibration"


def run(
    course_root: Path,
    assignment: str,
    seeds: int | None,
    audited: int,
    workers: int,
    families: Sequence[str],
    so_far: bool,
    on_progress: Callable[[int, int], None],
) -> list[str]:
    """Measure how often each family of answers reaches each mark, and publish it.

    Args:
        course_root: gets a page, a plot and a file of figures, in `FOLDER`.
        assignment: whose exercises.
        seeds: networks of each family; None: so many that errors can be shown to be rare.
        audited: how many of these to train on after an early stop.
        workers: processes.
        families: only these; a part of them tells no error rate, so that nothing is published.
        so_far: whether to publish what has been measured, and measure nothing.
        on_progress: told how many networks are measured, and of how many.

    Returns:
        A line for each mark: are its error rates as small as they are meant to be, and where do
        families leave a gap?

    Raises:
        GraderFault: there is no such family, or nothing to calibrate.
    """
    found = exercises(assignment).values()
    known = {family.name for exercise in found for family in exercise.families}
    if not known:
        raise GraderFault(
            f"the assignment {assignment!r} has nothing to calibrate: give an exercise whose "
            f"networks are trained families of answers, in {where(assignment)}/checks.py"
        )
    unknown = set(families) - known
    if unknown:
        names = ", ".join(sorted(unknown))
        raise GraderFault(f"no family {names}; there are: {', '.join(sorted(known))}")
    lines: list[str] = []
    for exercise in found:
        journal, keys = journal_of(assignment, exercise), journal_keys(exercise)
        if so_far:
            trials = measure.recorded(exercise, journal, keys)
            missing = {family.name for family in exercise.families} - {t.family for t in trials}
            if missing:
                raise GraderFault(
                    f"of {', '.join(sorted(missing))} nothing has been measured, or by other code "
                    "than today's: run it without --so-far"
                )
        else:
            todo = plan.jobs(exercise, seeds, audited, families)
            trials = measure.measure_all(
                assignment, exercise, todo, journal, keys, workers=workers, on_progress=on_progress
            )
        if not families:
            lines += _publish(course_root / FOLDER, exercise, trials)
    return lines


def journal_of(assignment: str, exercise: TrainedExercise) -> Path:
    """Return where trials are kept: with the code, so that whoever goes on has them."""
    checks = find_module(assignment, "checks").__file__
    assert checks is not None, "it is a file"
    return Path(checks).parent / "calibration" / f"{snake_case(exercise.name)}.jsonl"


def _publish(
    folder: Path, exercise: TrainedExercise, trials: Sequence[measure.Trial]
) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    found, name = summary(exercise, trials), snake_case(exercise.name)
    (folder / f"{name}.json").write_text(_lines(found), encoding="utf-8")
    (folder / f"{name}.md").write_text(page.page(found, name), encoding="utf-8")
    page.plot(found, folder / f"{name}.png")
    for mark in found["marks"]:
        kept = "kept" if mark["kept"] else "NOT KEPT"
        yield f"{exercise.name}, {mark['mark']}: error rates {kept}; {mark['proposal']}"


def _lines(found: Mapping[str, Any]) -> str:
    """Return JSON with a line for each entry, and for each family."""
    families = ",\n  ".join(map(json.dumps, found["families"]))
    entries = [
        f'"families": [\n  {families}\n ]' if key == "families" else f'"{key}": {json.dumps(value)}'
        for key, value in found.items()
    ]
    return "{\n " + ",\n ".join(entries) + "\n}\n"
