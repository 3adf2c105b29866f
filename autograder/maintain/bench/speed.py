"""Real hand-ins: against stock nbgrader, against one worker, and where the time of one goes."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.batch.progress import FOLDER
from autograder.course.secret import VARIABLE
from autograder.judging.graded_notebook import autograded_id
from autograder.judging.timing import Phase, cells_together
from autograder.maintain.bench import machine
from autograder.maintain.bench.runs import Took, mean, run
from autograder.maintain.bench.setting import ASSIGNMENT, Figure, course, hand_in_class

TRAINING_CELLS = ("train-net", "train-improved")  # of the notebook `cnns`
# The student's own training, and the checks that train networks.
# The first of the cells that ask about the trained network is the one that trains it.
TRAINING = ("training cells", "improved_parameters", "improved_top_left", "improved_bottom_right")
_ASSERTIONS = """
assert len(train_top_left) == 60_000
assert evaluate(net, DataLoader(test_top_left, batch_size=250), DEVICE)[0] > 0.9
assert evaluate(improved_net, DataLoader(test_bottom_right, batch_size=250), DEVICE)[0] > 0.9
"""


def classes(root: Path, count: int, workers: int) -> tuple[list[Figure], list[str], float]:
    """Return the figures of a class, tables in Markdown, and the CPU seconds of a hand-in."""
    secret = {VARIABLE: token_hex()}  # the same challenges, so the same work
    many, one, stock = f"{workers} workers", "one worker", "stock nbgrader"
    runs: dict[str, list[Took]] = {}
    lines: list[str] = []
    with course(root) as folder:  # not counted: what it reads from disk, the others find in memory
        hand_in_class(folder, 1)
        run(folder, "autograder", "grade", ASSIGNMENT)
    there = (many, one, one, many)
    for name in (*there, stock, *there):  # a machine that grows slower does so for all
        with course(root, stock=name == stock) as folder:
            hand_in_class(folder, count)
            if name == stock:
                took, _ = run(folder, "nbgrader", "autograde", ASSIGNMENT)
            else:
                number = f"--workers={workers if name == many else 1}"
                took, _ = run(folder, "autograder", "grade", ASSIGNMENT, number, environment=secret)
            if name == one:  # not of many workers: processes on all cores slow each other down
                lines += (
                    (folder / FOLDER / f"{ASSIGNMENT}.jsonl")
                    .read_text(encoding="utf-8")
                    .splitlines()
                )
            runs.setdefault(name, []).append(took)
    taken = {name: mean(each) for name, each in runs.items()}
    phases = [_phases(json.loads(line)) for line in lines]
    beyond = [sum(p.values()) - sum(p.get(name, 0.0) for name in TRAINING) for p in phases]
    figures = [
        Figure(
            f"{count} hand-ins, {workers} workers against stock serial nbgrader",
            "at least 2.5 times faster",
            _faster(taken[many], taken[stock]),
        ),
        Figure(
            f"{workers} workers against one",
            "at least 1.8 times",
            _faster(taken[many], taken[one]),
        ),
        Figure(
            f"the same of {workers} processes that only train: what the machine allows",
            "to compare",
            f"{machine.scaling(workers):.2f} times",
        ),
        Figure(
            "CPU a submission beyond its training, median",
            "at most 4 core-seconds",
            f"{median(beyond):.1f} core-seconds",
        ),
    ]
    return figures, [*_table_of_runs(runs), *_table_of_phases(phases)], taken[one].cpu_s / count


def _faster(fast: Took, slow: Took) -> str:
    return (
        f"{slow.wall_s / fast.wall_s:.2f} times: {fast.wall_s:.0f} s against {slow.wall_s:.0f} s "
        f"(a hypervisor stole {fast.stolen:.0%} and {slow.stolen:.0%} of the processors' time)"
    )


def usual_way(root: Path, mnist: Path, cpu_s: float) -> list[Figure]:
    """Return how much less CPU a hand-in takes than the way such labs are usually graded.

    That is: the notebook's own training cells in full, both networks, 5 epochs on all of MNIST, and
    accuracy asserted in the kernel.

    Args:
        root: the course that holds `source/`.
        mnist: a folder that holds MNIST/raw.
        cpu_s: what a hand-in takes here, in seconds.
    """
    notebook = nbformat.read(root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", 4)
    with TemporaryDirectory(prefix="autograder-bench-") as folder:
        shutil.copytree(mnist, Path(folder) / "data", dirs_exist_ok=True)
        before = _children_s()
        NotebookClient(
            as_usual(notebook),
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        ).execute()
        usual_s = _children_s() - before
    return [
        Figure(
            "CPU a hand-in against the usual way (own training in full, asserted in the kernel)",
            "at least 40 times less",
            f"{usual_s / cpu_s:.1f} times: {cpu_s:.1f} against {usual_s:.0f} core-seconds",
        )
    ]


def as_usual(notebook: NotebookNode) -> NotebookNode:
    """Return the source notebook with assertions on accuracy in place of our grade cells."""
    usual = copy.deepcopy(notebook)
    usual.cells = [
        cell for cell in usual.cells if autograded_id(cell) is None and cell.id != "rehearse"
    ]
    usual.cells.append(nbformat.v4.new_code_cell(_ASSERTIONS))
    return usual


def _table_of_runs(runs: Mapping[str, Sequence[Took]]) -> list[str]:
    """Return where the time of all cores goes while a class is graded."""
    rows = [
        "## Where the cores' time goes while a class is graded",
        "",
        "In the order: many workers, one, one, many, stock, many, one, one, many; each alone on",
        "the machine from the command's start to its end. Means are compared, so a machine whose",
        "speed drifts meanwhile favours none. A worker is confined to one core; if it were not,",
        "the single worker would use part of a second core and be faster.",
        "",
        "| run | wall, s | busy, core-s | stolen by a hypervisor, core-s | idle, core-s |",
        "|---|---|---|---|---|",
    ]
    for name, each in runs.items():
        for took in each:
            times = (took.wall_s, took.cpu_s, took.stolen_s, took.idle_s)
            rows.append(" | ".join([f"| {name}", *(f"{seconds:.0f}" for seconds in times)]) + " |")
    return [*rows, ""]


def _table_of_phases(phases: Iterable[Mapping[str, float]]) -> list[str]:
    """Return where the CPU time of a hand-in goes: medians by phase."""
    phases = list(phases)
    names = dict.fromkeys(name for one in phases for name in one)
    rows = [
        "## Where the CPU time of a hand-in goes",
        "",
        "| phase | CPU, s, median |",
        "|---|---|",
    ]
    for name in names:
        rows.append(f"| `{name}` | {median(one.get(name, 0.0) for one in phases):.2f} |")
    rows.append(f"| all | {median(sum(one.values()) for one in phases):.2f} |")
    return [*rows, ""]


def _phases(line: Mapping[str, Any]) -> dict[str, float]:
    """Return CPU seconds of a hand-in by phase, judge's and kernel's together."""
    found: dict[str, Phase] = {}
    for notebook in line["notebooks"].values():
        for name, phase in notebook["phases"].items():
            found[name] = found.get(name, Phase()) + Phase(**phase)
    judge_s = sum(phase.judge_cpu_s for phase in found.values())
    by_name = {
        name: phase.judge_cpu_s + phase.kernel_cpu_s
        for name, phase in cells_together(found, TRAINING_CELLS).items()
    }
    return by_name | {"nbgrader's steps": line["cpu_s"] - judge_s}


def _children_s() -> float:
    """Return the processor time of all processes that ended and were waited for, in seconds."""
    times = os.times()
    return times.children_user + times.children_system
