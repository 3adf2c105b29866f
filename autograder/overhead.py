"""What sandbox and judge cost: `python -m autograder.overhead` measures and prints a table.

The source notebook is graded twice, by turns: in one ordinary kernel with the checks in-process, as
stock nbgrader does it, and by the judge with the kernel in its sandbox. Run it on an idle machine.
"""

from __future__ import annotations

import copy
import os
import resource
import time
from pathlib import Path
from statistics import median

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.judging import METADATA, grade_notebook
from autograder.sandbox import Limits
from autograder.timing import Phase

RUNS = 3
SOURCE = Path("source") / "cnns" / "cnns.ipynb"
_NAMES = {"start": "start of the sandbox, the probe's import of torch", "cells": "student's cells"}
_NAMES |= {"end": "end of the sandbox, proof that nothing is left"}


def in_process(notebook: NotebookNode) -> Phase:
    """Returns what grading in an ordinary kernel takes; its CPU time counts as the kernel's."""
    before = _cpu_s(resource.RUSAGE_CHILDREN)
    started, own = time.monotonic(), time.process_time()
    NotebookClient(copy.deepcopy(notebook), timeout=None, kernel_name="python3").execute(
        env={**os.environ, "NBGRADER_EXECUTION": "autograde"}
    )
    wall_s, judge_cpu_s = time.monotonic() - started, time.process_time() - own
    return Phase(wall_s, judge_cpu_s, _cpu_s(resource.RUSAGE_CHILDREN) - before)


def judged(notebook: NotebookNode) -> dict[str, Phase]:
    """Returns what each phase of grading from outside takes."""
    graded = copy.deepcopy(notebook)
    grade_notebook(graded, "cnns", "overhead", "secret", Limits())
    phases = graded.metadata[METADATA]["phases"]
    return {name: Phase(**phase) for name, phase in phases.items()}


def table(plain: list[Phase], phases: list[dict[str, Phase]]) -> str:
    """Returns the medians as Markdown, and the ratio of the totals run by run."""
    rows = ["| phase | wall, s | CPU of the judge, s | CPU of the kernel, s |", "|---|---|---|---|"]
    for name in phases[0]:
        rows.append(_row(_NAMES.get(name, f"check `{name}`"), [run[name] for run in phases]))
    totals = [sum(run.values(), Phase()) for run in phases]
    rows.append(_row("**all of it, from outside**", totals))
    rows.append(_row("**the same hand-in, in-process**", plain))
    wall = median(a.wall_s / b.wall_s for a, b in zip(totals, plain, strict=True))
    cpu = median(_all_cpu(a) / _all_cpu(b) for a, b in zip(totals, plain, strict=True))
    return "\n".join(
        [
            *rows,
            "",
            f"From outside against in-process: {wall:.2f} times the wall "
            f"time, {cpu:.2f} times the CPU (medians of {len(plain)} pairs).",
        ]
    )


def _row(name: str, values: list[Phase]) -> str:
    wall = median(value.wall_s for value in values)
    judge = median(value.judge_cpu_s for value in values)
    kernel = median(value.kernel_cpu_s for value in values)
    return f"| {name} | {wall:.2f} | {judge:.2f} | {kernel:.2f} |"


def _all_cpu(phase: Phase) -> float:
    return phase.judge_cpu_s + phase.kernel_cpu_s


def _cpu_s(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Prints the table for the course in the present folder."""
    notebook = nbformat.read(SOURCE, as_version=4)
    plain, phases = [], []
    for _ in range(RUNS):
        plain.append(in_process(notebook))
        phases.append(judged(notebook))
    print(table(plain, phases))


if __name__ == "__main__":
    main()
