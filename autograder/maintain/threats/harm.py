"""Attacks that break the grading of others. Their answers are right, where they get that far.

Each is bounded, so that it can be shown under stock nbgrader on a machine that is needed later.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.maintain.threats.assignment import FULL, SOLUTIONS
from autograder.maintain.threats.attack import Attack, source


def _graded(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def _twice(notebook: NotebookNode) -> None:
    cell = _graded(notebook)[1]
    notebook.cells.insert(notebook.cells.index(cell), copy.deepcopy(cell))


def _without_metadata(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata = NotebookNode()


def _flipped(notebook: NotebookNode) -> None:
    for cell in _graded(notebook):
        cell.metadata.nbgrader.update(grade=False, solution=True, locked=False, points=1000)


def _without_grade_cells(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell not in _graded(notebook)]


def _reordered(notebook: NotebookNode) -> None:
    graded = _graded(notebook)
    others = [cell for cell in notebook.cells if cell not in graded]
    notebook.cells = [*graded, *others]


def _unknown_kernel(notebook: NotebookNode) -> None:
    notebook.metadata.kernelspec = {"name": "mallory", "display_name": "M", "language": "python"}


def _renamed(folder: Path, data: bytes) -> None:
    (folder / "cnns (1).ipynb").write_bytes(data)


def _not_json(folder: Path, data: bytes) -> None:
    (folder / "cnns.ipynb").write_bytes(data[: len(data) // 2])


def _older(folder: Path, data: bytes) -> None:
    notebook = json.loads(data)
    cells: list[dict[str, Any]] = notebook.pop("cells")
    for cell in cells:
        if cell["cell_type"] == "code":
            text = cell.pop("source")
            cell |= {"input": text, "language": "python", "prompt_number": 1, "collapsed": False}
            cell.pop("execution_count")
        cell.pop("id", None)
    notebook |= {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    (folder / "cnns.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def _newer(folder: Path, data: bytes) -> None:
    notebook = json.loads(data) | {"nbformat": 9, "nbformat_minor": 0}
    (folder / "cnns.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def _slow_texts(notebook: NotebookNode) -> None:
    notebook.cells.append(new_code_cell("if False:\n    pass" + "\n " * 8_000))
    notebook.cells.append(new_markdown_cell("# a" + " " * 300_000 + "b"))
    notebook.cells.append(new_markdown_cell("\\\\[" * 10_000))


def _pictures_that_are_gone(notebook: NotebookNode) -> None:
    cell = new_markdown_cell("![p](attachment:p.svg) ![q](attachment:nowhere.png)")
    svg = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="
    cell.attachments = {"p.svg": {"image/svg+xml": svg}}
    notebook.cells.append(cell)


HARM = (
    Attack(
        "descriptors",
        "sends descriptors through sockets until Linux lets its user send no more",
        SOLUTIONS,
        closing=source("""
            import os, socket, time
            kept, null = [], os.open("/dev/null", os.O_RDONLY)
            try:
                while len(kept) < 100:
                    a, b = socket.socketpair()
                    kept += [a, b]
                    a.setblocking(False)
                    for _ in range(100):
                        socket.send_fds(a, [b"x"], [null] * 250)
            except OSError:
                pass
            time.sleep(3)
        """),
        earned=FULL,
        beside=True,
    ),
    Attack(
        "slow-texts",
        "has texts and code for which renderers and highlighters take hours (here: a minute)",
        SOLUTIONS,
        edit=_slow_texts,
        earned=FULL,
        page=True,
    ),
    Attack(
        "pictures-that-are-gone",
        "shows attached pictures that are not there",
        SOLUTIONS,
        edit=_pictures_that_are_gone,
        earned=FULL,
        page=True,
    ),
    Attack(
        "answer-without-entries",
        "gives answers over which a check may fall: a layer of no inputs, an output of no entries",
        {
            "conv_pool_conv": "def conv_pool_conv(image, kernel):\n    return image[:0]",
            "net": SOLUTIONS["net"].replace("nn.Linear(2 * c * 11 * 11,", "nn.Linear(0,"),
        },
        earned=6.4,
        beside=True,
    ),
    Attack(
        "infinite-loop",
        "loops for ever in its last cell",
        SOLUTIONS,
        closing="while True:\n    pass",
        earned=FULL,
        beside=True,
    ),
    Attack(
        "ignores-interrupts",
        "loops for ever in its last cell, and ignores the interrupt",
        SOLUTIONS,
        closing=source("""
            import time
            while True:
                try:
                    time.sleep(1)
                except KeyboardInterrupt:
                    pass
        """),
        earned=FULL,
        beside=True,
    ),
    Attack(
        "exit",
        "calls `os._exit` in its last cell",
        SOLUTIONS,
        closing="import os\nos._exit(0)",
        earned=FULL,
        beside=True,
    ),
    Attack(
        "crash",
        "crashes the interpreter in its last cell",
        SOLUTIONS,
        closing="import ctypes\nctypes.string_at(0)",
        earned=FULL,
        beside=True,
    ),
    Attack(
        "memory",
        "takes memory without end (here: 6 GiB, by several processes)",
        SOLUTIONS,
        closing=source("""
            import os, time
            for _ in range(8):
                if os.fork() == 0:
                    held = bytearray(3 * 2**28)
                    held[::4096] = b"x" * len(held[::4096])
                    time.sleep(20)
                    os._exit(0)
            for _ in range(8):
                os.wait()
        """),
        earned=FULL,
        beside=True,
    ),
    Attack(
        "disk",
        "fills the disk (here: 1 GB in its folder)",
        SOLUTIONS,
        closing=source("""
            import os
            for number in range(10):
                with open(f"rubbish-{number}", "wb") as file:
                    file.write(bytes(100_000_000))
        """),
        earned=FULL,
        beside=True,
    ),
    Attack(
        "fork-bomb",
        "forks without end (here: 600 processes)",
        SOLUTIONS,
        closing=source("""
            import os, time
            for _ in range(600):
                if os.fork() == 0:
                    time.sleep(8)
                    os._exit(0)
            time.sleep(2)
        """),
        earned=FULL,
        beside=True,
    ),
    Attack(
        "left-over-process",
        "leaves a process behind that outlives the grading",
        SOLUTIONS,
        closing=source("""
            import subprocess, sys
            program = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(120)"
            subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
        """),
        earned=FULL,
    ),
    Attack(
        "long-line",
        "prints 90 MB on one line",
        SOLUTIONS,
        closing="print('x' * 90_000_000)",
        earned=FULL,
    ),
    Attack(
        "many-messages",
        "sends very many short messages (here: 20,000)",
        SOLUTIONS,
        closing=source("""
            from IPython.display import display
            for number in range(20_000):
                display({"text/plain": str(number)}, raw=True)
        """),
        earned=FULL,
    ),
    Attack(
        "duplicated-cell",
        "has a grade cell twice, with one id",
        SOLUTIONS,
        edit=_twice,
        earned=FULL,
        beside=True,
    ),
    Attack(
        "lost-metadata", "lost all cell metadata", SOLUTIONS, edit=_without_metadata, earned=FULL
    ),
    Attack(
        "flipped-flags",
        "flipped the flags of its grade cells, and set 1,000 points for each",
        SOLUTIONS,
        edit=_flipped,
        earned=FULL,
    ),
    Attack(
        "deleted-grade-cells",
        "deleted its grade cells",
        SOLUTIONS,
        edit=_without_grade_cells,
        earned=FULL,
    ),
    Attack(
        "reordered-cells",
        "moved its grade cells to the top",
        SOLUTIONS,
        edit=_reordered,
        earned=FULL,
    ),
    Attack(
        "renamed-notebook",
        "renamed its notebook `cnns (1).ipynb`",
        SOLUTIONS,
        write=_renamed,
        earned=FULL,
    ),
    Attack("not-json", "is cut off, and so not JSON", SOLUTIONS, write=_not_json, beside=True),
    Attack("older-nbformat", "is a notebook of nbformat 3", SOLUTIONS, write=_older, earned=FULL),
    Attack("newer-nbformat", "claims to be of nbformat 9", SOLUTIONS, write=_newer),
    Attack(
        "unknown-kernel",
        "names a kernel that does not exist",
        SOLUTIONS,
        edit=_unknown_kernel,
        earned=FULL,
    ),
)
