"""Are the made classes of the bench what they claim to be?"""

from __future__ import annotations

import ast
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import nbformat
import psutil
import pytest

from autograder import demo
from autograder.bench.page import page
from autograder.bench.report import written_anew
from autograder.bench.setting import Figure
from autograder.bench.turns import Command, in_turns, run, took
from autograder.bench.variants import variant
from autograder.faults import GraderFault
from autograder.report.similarity import near_identical
from tests.conftest import ROOT

ANSWERS = sorted({text for student in demo.STUDENTS for text in student.answers.values()})


_STAMPS = """
import subprocess, sys, time
def stamps(name):
    with open(name, "w") as file:
        for _ in range(60):
            time.sleep(0.01)
            print(time.monotonic(), file=file, flush=True)
if len(sys.argv) == 1:
    child = subprocess.Popen([sys.executable, __file__, "child"])
    stamps("parent")
    sys.exit(child.wait())
stamps("child")
"""


def test_by_turns_one_command_runs_at_a_time_with_all_its_processes(tmp_path: Path) -> None:
    commands = []
    for name in "abc":
        folder = tmp_path / name
        folder.mkdir()
        (folder / "stamps.py").write_text(_STAMPS)
        commands.append(Command(folder, "stamps", ()))
    started = time.monotonic()
    runs = in_turns(commands, first_s=0.2, turn_s=0.2)
    assert sum(one.wall_s for one in runs) <= time.monotonic() - started
    assert all(one.wall_s > 0 and one.cpu_s > 0 for one in runs)
    stamps = sorted(
        (float(line), name)
        for name in "abc"
        for each in ("parent", "child")
        for line in (tmp_path / name / each).read_text().splitlines()
    )
    assert len(stamps) == 3 * 2 * 60
    # A process that is just being stopped may write once more.
    turns = sum(one[1] != next_one[1] for one, next_one in pairwise(stamps))
    assert 3 <= turns < 60


def test_a_command_that_fails_says_why_and_takes_the_others_with_it(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("import sys; print('no disk'); sys.exit(3)")
    (tmp_path / "waits.py").write_text("import time; time.sleep(600)")
    with pytest.raises(GraderFault, match=r"fails now failed:\nno disk") as fault:
        in_turns([Command(tmp_path, "waits", ()), Command(tmp_path, "fails", ("now",))], 0.5, 0.5)
    whole = Path(str(fault.value).partition("All it said: ")[2])
    assert whole.read_text() == "no disk\n"
    whole.unlink()
    assert not [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(tmp_path)]
    assert run(tmp_path, "fails", ok=(3,)).printed == "no disk\n"


def test_what_idles_was_not_wanted_and_so_not_stolen() -> None:
    times = {"user": 1.5, "nice": 0.5, "system": 0.5, "irq": 0.25, "softirq": 0.25}
    times |= {"idle": 100.0, "iowait": 10.0, "steal": 1.0}
    one = took(57.0, times, "")
    assert (one.cpu_s, one.stolen_s, one.idle_s, one.stolen) == (3.0, 1.0, 110.0, 0.25)
    assert took(57.0, dict.fromkeys(times, 0.0), "").stolen == 0


def test_what_a_command_said_on_two_lines_is_one_row_of_the_page() -> None:
    made = page("make it", [Figure("what", "wanted", "the first line\nand another")], ["a table"])
    assert "| what | wanted | the first line and another |\n" in made
    assert "Measured by `make it` on" in made
    assert "a table" in made


@pytest.mark.parametrize("source", ANSWERS)
def test_a_variant_is_valid_code_of_the_same_shape(source: str) -> None:
    made = variant(source, Random(1))
    assert made != source
    kinds = [type(node) for node in ast.parse(source).body]
    assert [type(node) for node in ast.parse(made).body][: len(kinds)] == kinds


def test_hand_ins_that_are_written_anew_are_told_apart() -> None:
    release = nbformat.read(ROOT / "release" / "cnns" / "cnns.ipynb", 4)
    chance = Random(0)
    codes = {
        str(number): [cell["source"] for cell in written_anew(release, chance)["cells"]]
        for number in range(20)
    }
    given = [cell.source for cell in release.cells]
    assert near_identical(codes, given) == ()
    codes["copy"] = codes["7"]
    assert near_identical(codes, given) == (("7", "copy"),)
