"""Measures all families, and publishes what was found: what `autograder calibrate cnns` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from autograder import GraderFault
from autograder.assignments.cnns import calibration
from autograder.assignments.cnns.calibration import measure, page, plan, write
from autograder.assignments.cnns.calibration.families import FAMILIES

# Kept with the code: what took hours once is not measured again, on whatever machine one goes on.
JOURNAL = Path(__file__).with_name("journal.jsonl")


def run(
    course_root: Path,
    seeds: int,
    audited: int,
    workers: int,
    families: Sequence[str],
    so_far: bool,
    on_progress: Callable[[int, int], None],
) -> list[str]:
    """Measure how often each family of answers reaches each mark, and publish it.

    Args:
        course_root: gets `docs/`.
        seeds: networks of each family, at least.
        audited: how many of these to train on after an early stop.
        workers: processes.
        families: only these; a part of them tells no error rate, so that nothing is published.
        so_far: whether to publish what has been measured, and measure nothing.
        on_progress: told how many networks are measured, and of how many.

    Returns:
        A line for each mark: are its error rates as small as they are meant to be?

    Raises:
        GraderFault: there is no such family.
    """
    unknown = set(families) - {known.name for known in FAMILIES}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise GraderFault(f"no family {names}: see {plan.__package__}.families")
    scale = calibration.scale()
    keys = write.journal_keys()
    if so_far:
        trials = measure.recorded(scale, JOURNAL, keys)
    else:
        todo = plan.jobs(scale, seeds, audited, families)
        trials = measure.measure_all(
            todo, scale, JOURNAL, keys, workers=workers, on_progress=on_progress
        )
    if families:
        return []
    write.write(trials, scale)
    found = write.summary(trials, scale)
    docs = course_root / "docs"
    docs.mkdir(exist_ok=True)
    (docs / "calibration.md").write_text(page.page(found), encoding="utf-8")
    page.plot(found, docs / "calibration.png")
    return [
        f"{mark['mark']}: error rates {'kept' if mark['kept'] else 'NOT KEPT'}"
        for mark in found["marks"]
    ]
