"""What sandbox and judge cost: `python -m autograder.maintain.overhead` writes docs/overhead.md.

The source notebook is graded twice, by turns: in one ordinary kernel with the checks in-process, as
stock nbgrader does it, and by the judge with the kernel in its sandbox. Run it on an idle machine.
"""

from __future__ import annotations

import copy
import os
import platform
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import nbformat
import torch
from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.judging.judge import METADATA, grade_notebook
from autograder.judging.timing import Phase, cells_together
from autograder.sandbox import Limits

RUNS = 3
TRAINING_CELLS = ("train-net", "train-improved")
SOURCE = Path("source") / "cnns" / "cnns.ipynb"
PAGE = Path("docs") / "overhead.md"
_NAMES = {
    "start": "start of the sandbox, the probe's import of torch",
    "cells": "student's cells that train nothing",
    "training cells": "student's cells that train networks",
    "end": "end of the sandbox, proof that nothing is left",
}


def in_process(notebook: NotebookNode) -> Phase:
    """Return what grading in an ordinary kernel takes; its CPU time counts as the kernel's."""
    before = _cpu_s(resource.RUSAGE_CHILDREN)
    started, own = time.monotonic(), time.process_time()
    NotebookClient(copy.deepcopy(notebook), timeout=None, kernel_name="python3").execute(
        env={**os.environ, "NBGRADER_EXECUTION": "autograde"}
    )
    wall_s, judge_cpu_s = time.monotonic() - started, time.process_time() - own
    return Phase(wall_s, judge_cpu_s, _cpu_s(resource.RUSAGE_CHILDREN) - before)


@dataclass(frozen=True)
class Judged:
    """What grading from outside takes.

    Attributes:
        phases: by name.
        training_cpu_s: of the kernel, in seconds: what the judge's requests to train took.
    """

    phases: dict[str, Phase]
    training_cpu_s: float

    @property
    def checks_cpu_s(self) -> float:
        """Return the processor time of all checks, in seconds, on both sides."""
        checks = [phase for name, phase in self.phases.items() if name not in _NAMES]
        return sum(map(_all_cpu, checks))


def judged(notebook: NotebookNode) -> Judged:
    """Return what grading from outside takes."""
    graded = copy.deepcopy(notebook)
    grade_notebook(graded, "cnns", "overhead", "secret", Limits())
    about = graded.metadata[METADATA]
    phases = {name: Phase(**phase) for name, phase in about["phases"].items()}
    return Judged(cells_together(phases, TRAINING_CELLS), about["asked_cpu_s"]["train"])


def table(plain: list[Phase], phases: list[dict[str, Phase]]) -> str:
    """Return the medians as Markdown, and the ratio of the totals run by run."""
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


_PAGE = """\
# What sandbox and judge cost

Written by `python -m autograder.maintain.overhead`. The source notebook, a hand-in that
scores full, is graded {runs} times in each way, by turns: in one ordinary kernel with the checks
in-process, as stock nbgrader does it, and by the judge with the kernel in its sandbox.
Figures are medians. In-process all CPU time is the kernel's.

{table}

All checks together take {checks:.1f} core-seconds, imports and the student's own cells apart;
{training:.0%} of that is the training of `ImprovedNet`.

The judge's side computes the references and compares; the kernel's side trains. Starting the
sandbox costs little beside importing PyTorch in it; what a kernel of stock nbgrader imports in its
first cells is imported here before them, by the probe.

Measured with {cores} cores, Python {python}, torch {torch}.
"""


def main() -> None:
    """Measure the course in the present folder and write the page."""
    notebook = nbformat.read(SOURCE, as_version=4)
    plain, outside = [], []
    for _ in range(RUNS):
        plain.append(in_process(notebook))
        outside.append(judged(notebook))
    found = table(plain, [run.phases for run in outside])
    checks_cpu_s = median(run.checks_cpu_s for run in outside)
    PAGE.write_text(
        _PAGE.format(
            runs=RUNS,
            table=found,
            checks=checks_cpu_s,
            training=median(run.training_cpu_s for run in outside) / checks_cpu_s,
            cores=os.cpu_count(),
            python=platform.python_version(),
            torch=torch.__version__,
        ),
        encoding="utf-8",
    )
    print(found)


if __name__ == "__main__":
    main()
