"""Are the made classes of the bench what they claim to be?"""

from __future__ import annotations

import ast
from pathlib import Path
from random import Random

import nbformat
import pytest

from autograder import GraderFault
from autograder.assignments.cnns import made_class
from autograder.maintain.bench.page import page
from autograder.maintain.bench.report import written_anew
from autograder.maintain.bench.runs import Took, mean, run, took
from autograder.maintain.bench.setting import Figure
from autograder.maintain.bench.variants import variant
from autograder.report._similarity import near_identical
from tests.conftest import ROOT

ANSWERS = sorted({text for student in made_class.HAND_INS for text in student.answers.values()})

# A child that nobody waits for works: all that shows of it is the machine's busy time.
_WORKS = """
import os, sys, time
reader, writer = os.pipe()
if os.fork() == 0:
    while time.process_time() < float(os.environ["SECONDS"]):
        pass
    os.write(writer, str(time.process_time()).encode())
    os._exit(0)
print(os.read(reader, 99).decode())
"""


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("import sys; print('no disk'); sys.exit(3)")
    with pytest.raises(GraderFault, match=r"fails now failed:\nno disk") as fault:
        run(tmp_path, "fails", "now")
    whole = Path(str(fault.value).partition("All it said: ")[2])
    assert whole.read_text() == "no disk\n"
    whole.unlink()
    assert run(tmp_path, "fails", ok=(3,))[1] == "no disk\n"


def test_what_a_command_takes_is_the_clock_and_the_work_of_all_its_processes(
    tmp_path: Path,
) -> None:
    (tmp_path / "rests.py").write_text("import time; time.sleep(0.5)")
    (tmp_path / "works.py").write_text(_WORKS)
    rests, _ = run(tmp_path, "rests")
    works, printed = run(tmp_path, "works", environment={"SECONDS": "1"})
    assert rests.wall_s >= 0.5
    assert works.cpu_s >= 0.9 * float(printed) >= 0.9  # the machine counts by hundredths


def test_what_idles_was_not_wanted_and_so_not_stolen() -> None:
    times = {"user": 1.5, "nice": 0.5, "system": 0.5, "irq": 0.25, "softirq": 0.25}
    times |= {"idle": 100.0, "iowait": 10.0, "steal": 1.0}
    one = took(57.0, times)
    assert (one.cpu_s, one.stolen_s, one.idle_s, one.stolen) == (3.0, 1.0, 110.0, 0.25)
    assert took(57.0, dict.fromkeys(times, 0.0)).stolen == 0
    assert mean([one, Took(43.0, 5.0, 0.0, 90.0)]) == Took(50.0, 4.0, 0.5, 100.0)


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
