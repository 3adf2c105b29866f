"""No hand-in breaks the grading of others, and each ends with a verdict of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from autograder.intake.read_folder import collect
from autograder.judging import _conversation as conversation_module
from autograder.judging.graded_notebook import autograded_id
from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats.assignment import (
    ASSIGNMENT,
    FULL,
    POINTS,
    SOLUTIONS,
    submit,
)
from autograder.maintain.threats.attack import Attack, source
from autograder.maintain.threats.run import gradebook_points, make_course
from autograder.nbgrader_step import read_notebook
from tests.judging.judged import MIB, judged, release_notebook

# Wall time of a cell, in seconds, for hand-ins that use it up. The honest cells beside them must
# get by with it on a busy machine: they take a tenth of it on an idle one.
SHORT_S = 10


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_module, "GRACE_S", 1.0)


def test_an_infinite_loop_ends_with_its_cell() -> None:
    result = judged("infinite-loop", cell_timeout_s=SHORT_S)
    assert result.total == FULL
    assert f"longer than the limit of {SHORT_S} seconds" in result.shown()
    assert result.left == []


def test_a_loop_that_ignores_interrupts_is_killed_and_the_rest_is_marked() -> None:
    stubborn = CATALOGUE["ignores-interrupts"]
    attack = Attack("early", "", SOLUTIONS, opening=stubborn.closing, closing="print('late')")
    result = judged(attack, cell_timeout_s=SHORT_S)
    assert result.points == dict.fromkeys(POINTS, 0.0)
    assert "ignored the interrupt" in result.shown()
    assert "This cell was not run" in result.shown()
    assert result.left == []


def test_a_submission_has_a_limit_of_its_own() -> None:
    loops = "import time\nwhile True:\n    time.sleep(0.1)"
    attack = Attack("slow", "", {"conv_pool_conv": loops, "net": loops}, closing=loops)
    result = judged(attack, cell_timeout_s=SHORT_S, submission_timeout_s=12)
    assert result.total == 0
    assert "the whole notebook took longer than the limit of 12 seconds" in result.shown().lower()


@pytest.mark.slow
def test_a_loop_in_an_answer_costs_its_own_points_alone() -> None:
    loops = "def conv_pool_conv(image, kernel):\n    while True:\n        pass"
    result = judged(
        Attack("loops", "", {**SOLUTIONS, "conv_pool_conv": loops}),
        cell_timeout_s=SHORT_S / 2,
        submission_timeout_s=600,
    )
    wrong = ("conv_pool_conv_shape", "conv_pool_conv_values")
    assert result.points == {g: 0.0 if g in wrong else p for g, p in POINTS.items()}


@pytest.mark.parametrize("name", ["exit", "crash"])
def test_a_kernel_that_dies_leaves_a_verdict(name: str) -> None:
    result = judged(name)
    assert result.total == FULL
    assert "kernel died" in result.shown()
    assert result.left == []


def test_dying_inside_an_answer_scores_nothing_and_says_why() -> None:
    dies = "def conv_pool_conv(image, kernel):\n    import os\n    os._exit(0)"
    result = judged(Attack("dies", "", {**SOLUTIONS, "conv_pool_conv": dies}))
    assert result.total == 0
    graded = [cell for cell in result.notebook.cells if autograded_id(cell)]
    assert all("kernel died" in str(cell.outputs[0].data) for cell in graded)


def test_memory_is_limited_and_returned() -> None:
    before = psutil.Process().memory_info().rss
    result = judged("memory", memory_bytes=2_000 * MIB, cell_timeout_s=300)
    assert result.total == FULL
    assert result.usage.cause == "memory"
    assert "more memory than the limit of 2000 MiB" in result.shown()
    assert result.left == []
    # What the hand-in had was its processes' (none is left) or its folders' (gone with them).
    assert psutil.Process().memory_info().rss < before + 200 * MIB


def test_a_full_disk_is_the_cells_own(tmp_path: Path) -> None:
    result = judged("disk", disk_bytes=150 * MIB)
    assert result.total == FULL
    assert "No space left on device" in result.shown()
    assert result.usage.peak_disk_bytes <= 160 * MIB


def test_a_fork_bomb_is_stopped() -> None:
    result = judged("fork-bomb", processes=100)
    assert result.total == FULL
    assert result.usage.peak_processes < 250
    assert result.left == []


def test_no_process_outlives_the_grading() -> None:
    result = judged("left-over-process")
    assert result.total == FULL
    assert result.usage.peak_processes > 1
    assert result.left == []


def test_90_mb_on_one_line_are_cut() -> None:
    result = judged("long-line", cell_timeout_s=300)
    assert result.total == FULL
    assert "too long" in result.shown()
    assert len(nbformat.writes(result.notebook)) < 2 * MIB


def test_a_million_messages_end_the_kernel_and_not_the_grading() -> None:
    flood = source("""
        from IPython.display import display
        while True:
            display({"text/plain": "x"}, raw=True)
    """)
    attack = Attack("flood", "", SOLUTIONS, closing=flood)
    result = judged(attack, traffic_bytes=3 * MIB, cell_timeout_s=300)
    assert result.total == FULL
    assert "more output than the limit" in result.shown()
    assert len(nbformat.writes(result.notebook)) < 2 * MIB


# --------------------------------------------------------------------------- odd notebook files

ODD_FILES = (
    "duplicated-cell",
    "lost-metadata",
    "flipped-flags",
    "deleted-grade-cells",
    "reordered-cells",
    "renamed-notebook",
    "older-nbformat",
    "unknown-kernel",
    "dots",
    "shadows",
    "colab",
    "vs-code",
)


def taken_in(name: str, folder: Path) -> nbformat.NotebookNode:
    """Return the notebook that is graded of what an attack hands in."""
    release = release_notebook()
    place = folder / "release" / ASSIGNMENT
    place.mkdir(parents=True)
    nbformat.write(release, place / f"{ASSIGNMENT}.ipynb")
    return read_notebook(
        collect(submit(folder, "mallory", CATALOGUE[name]), [ASSIGNMENT]), ASSIGNMENT, release
    )


def graded_parts(notebook: nbformat.NotebookNode) -> list[tuple[str, Any, str]]:
    """Return what decides the points: the cells that nbgrader knows, and the imports."""
    marks = [(cell, cell.metadata.get("nbgrader", {})) for cell in notebook.cells]
    return [
        (cell.source, meta.get("grade_id"), str(meta.get("points")))
        for cell, meta in marks
        if meta or "import torch" in cell.source
    ]


@pytest.mark.parametrize("name", ODD_FILES)
def test_an_odd_notebook_is_graded_like_the_honest_one(name: str, tmp_path: Path) -> None:
    """What is graded is the same as of the honest hand-in; that scores full, see above."""
    odd = graded_parts(taken_in(name, tmp_path / "odd"))
    honest = graded_parts(taken_in("honest", tmp_path / "honest"))
    assert sorted(odd, key=str) == sorted(honest, key=str)
    graded = [grade_id for _, grade_id, _ in odd]
    for grade_id in POINTS:
        solution = next(s for s in SOLUTIONS if grade_id.startswith(s))
        assert graded.index(grade_id) > graded.index(solution)


@pytest.mark.parametrize("name", ["not-json", "newer-nbformat"])
def test_a_file_that_is_no_notebook_scores_nothing_with_the_reason(
    name: str, tmp_path: Path
) -> None:
    notebook = taken_in(name, tmp_path)
    assert {cell.metadata.nbgrader.grade_id for cell in notebook.cells if autograded_id(cell)} == {
        *POINTS
    }
    assert "Nothing of it could be graded" in notebook.cells[0].source
    assert not any(text in cell.source for cell in notebook.cells for text in SOLUTIONS.values())


# ----------------------------------------------------------------------------------- a class

POISON = Attack(
    "poison",
    "all at once",
    opening=source("""
        import os, pathlib, sqlite3, subprocess, sys, threading
        for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]:
            for name in ("gradebook.db", "nbgrader_config.py", "source/cnns/cnns.ipynb"):
                try:
                    (folder / name).write_text("poison")
                except OSError:
                    pass
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"],
                         start_new_session=True)
        print("x" * 2_000_000)
        for _ in range(500):
            try:
                threading.Thread(target=threading.Event().wait, daemon=True).start()
            except RuntimeError:
                break
        os.kill(-1, 9)
        os._exit(1)
    """),
    edit=CATALOGUE["duplicated-cell"].edit,
)
CLASS = (
    *("honest", "another-style", "not-json", "torch-comparisons", "colab"),
    *("early-failure", "lost-metadata", "bare-expressions"),
)


def two_notebooks(folder: Path, data: bytes) -> None:
    (folder / "cnns.ipynb").write_bytes(data)
    (folder / "notes.ipynb").write_text("not a notebook")
    (folder / "below").mkdir()
    (folder / "below" / "cnns.ipynb").write_bytes(data)


def grade_class(course: Path) -> int:
    """Return the exit status of `autograder grade cnns --force`."""
    command = [sys.executable, "-m", "autograder", "grade", ASSIGNMENT, "--force"]
    return subprocess.run(command, cwd=course, check=False, capture_output=True).returncode


@pytest.mark.slow
def test_one_poisoned_hand_in_among_ten_changes_nothing_for_the_nine(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course", stock=False, graded_before=False)
    for name in CLASS:
        submit(course, name, CATALOGUE[name])
    submit(course, "two", Attack("two", "", SOLUTIONS, write=two_notebooks))
    expected = {name: CATALOGUE[name].earned for name in CLASS} | {"two": FULL}
    assert grade_class(course) == 0
    assert {name: gradebook_points(course, name) for name in expected} == expected
    kept = [p for part in ("source", "submitted") for p in (course / part).rglob("*.ipynb")]
    before = {path: path.read_bytes() for path in [*kept, course / "nbgrader_config.py"]}

    submit(course, "in-the-middle", POISON)
    assert grade_class(course) == 0
    assert {name: gradebook_points(course, name) for name in expected} == expected
    assert gradebook_points(course, "in-the-middle") == 0
    assert {path: path.read_bytes() for path in before} == before


def test_a_message_of_millions_of_lists_does_not_hold_the_judge() -> None:
    closing = source("""
        kernel = get_ipython().kernel
        content = b'{"data": {"text/plain": [' + b"[]," * 35_000_000 + b'[]]}, "metadata": {}}'
        parent = kernel.get_parent()
        kernel.session.send(kernel.iopub_socket, "display_data", content, parent=parent)
        del content
        print("sent")
    """)
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = judged(Attack("lists", "", SOLUTIONS, closing=closing))
    assert result.total == FULL
    assert "sent" in result.shown()
    assert time.process_time() - began < 30
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert peak_kib < 2**20, "a message is held a few times, its lists are not"
