"""The made class: each hand-in differs as it says, and the demo grades them all."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from traitlets.config import Config
from typer.testing import CliRunner

from autograder.assignments.cnns import made_class
from autograder.assignments.cnns.made_class import HAND_INS, PERFECT, hand_in
from autograder.commands.cli import app
from autograder.commands.demo import write_hand_ins
from autograder.course.course import open_course
from autograder.judging import score_table
from tests.conftest import ROOT

RELEASE = nbformat.read(ROOT / "release" / "cnns" / "cnns.ipynb", 4)


def test_the_class_is_large_and_no_two_hand_ins_are_alike() -> None:
    files = {hand_in(student, RELEASE) for student in HAND_INS}
    assert len(files) == len(HAND_INS) >= 8


def test_answers_stand_in_their_cells() -> None:
    notebook = nbformat.reads(hand_in(HAND_INS[0], RELEASE).decode(), 4)
    sources = {c.metadata.get("nbgrader", {}).get("grade_id"): c.source for c in notebook.cells}
    assert {grade_id: sources[grade_id] for grade_id in PERFECT} == PERFECT


def test_a_second_making_leaves_what_is_there(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "release", tmp_path / "release")
    course = open_course(tmp_path, Config())
    write_hand_ins(course, "cnns", made_class)
    edited = tmp_path / "submitted" / "ada" / "cnns" / "cnns.ipynb"
    edited.write_bytes(b"edited")
    assert write_hand_ins(course, "cnns", made_class) == [made.name for made in HAND_INS]
    assert edited.read_bytes() == b"edited"
    assert len(list((tmp_path / "submitted").iterdir())) == len(HAND_INS)


@pytest.mark.slow
def test_the_demo_grades_the_class_and_says_why_points_were_lost(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "source", tmp_path / "source")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    result = CliRunner().invoke(app, ["demo", f"--course={tmp_path}"], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    points = {
        path.parent.parent.name: sum(score.points for score in score_table.read_scores(path))
        for path in (tmp_path / "autograded").glob("*/cnns/cnns.ipynb")
    }
    assert (points["ada"], points["bela"], points["chen"]) == (90, 90, 90)
    assert (points["dora"], points["iris"], points["jon"]) == (82.5, 0, 0)
    assert all(70 <= points[name] < 90 for name in ("emil", "fay", "gus", "hana"))
    printed = " ".join(result.output.split())
    for reason in ("average pooling", "padding 2", "the ReLU after fc1 is missing"):
        assert reason in printed
    assert len(list((tmp_path / "feedback").glob("*/cnns/cnns.html"))) == len(HAND_INS)
