"""Are the made classes of the bench what they claim to be?"""

from __future__ import annotations

import ast
from random import Random
from types import SimpleNamespace

import nbformat
import pytest

from autograder import demo
from autograder.bench.report import written_anew
from autograder.bench.setting import stolen
from autograder.bench.variants import variant
from autograder.report.similarity import near_identical
from tests.conftest import ROOT

ANSWERS = sorted({text for student in demo.STUDENTS for text in student.answers.values()})


def test_what_idles_was_not_wanted_and_so_not_stolen() -> None:
    def times(**seconds: float) -> SimpleNamespace:
        return SimpleNamespace(**dict.fromkeys(("nice", "system", "idle"), 0.0) | seconds)

    before, after = times(user=1.0, steal=1.0), times(user=4.0, steal=2.0, idle=100.0)
    assert stolen(before, after) == 0.25
    assert stolen(before, before) == 0


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
