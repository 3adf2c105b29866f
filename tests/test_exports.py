"""Do the exported files have the documented formats, and is nothing sent that is not final?"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine
from traitlets.config import Config

from autograder.exports import CanvasExporter, GradescopeExporter, MoodleExporter
from autograder.exports.gradescope import VISIBILITIES, as_results
from tests.graded_notebooks import RIGHT, WRONG, graded_cell, graded_notebook


@pytest.fixture
def gradebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Cells of 5 and 15 points: ada has 20 less 2, bela waits, zoe handed in nothing."""
    monkeypatch.chdir(tmp_path)
    Base.metadata.create_all(create_engine("sqlite:///gradebook.db"))
    with Gradebook("sqlite:///gradebook.db") as made:
        made.add_assignment("cnns")
        made.add_notebook("cnns", "cnns")
        made.add_grade_cell("shape", "cnns", "cnns", max_score=5, cell_type="code")
        made.add_grade_cell("values", "cnns", "cnns", max_score=15, cell_type="code")
        made.add_student("ada", first_name="Ada", last_name='Love, "Countess"', email="ada@a.org")
        made.add_student("bela")
        made.add_student("zoe")
        for student in ("ada", "bela"):
            notebook = made.add_submission("cnns", student).notebooks[0]
            for grade in notebook.grades:
                grade.auto_score = grade.max_score
                grade.needs_manual_grade = student == "bela"
        made.db.commit()
        made.update_or_create_submission("cnns", "ada")
        made.find_submission_notebook("cnns", "cnns", "ada").late_submission_penalty = 2.0
        made.db.commit()
        yield made


def rows(path: str) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_canvas_gets_its_columns_and_the_points_possible(gradebook: Gradebook):
    CanvasExporter().export(gradebook)
    assert rows("canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "cnns"],
        ["    Points Possible", "", "", "", "", "20"],
        ['Love, "Countess", Ada', "", "", "ada", "", "18"],
        ["bela", "", "", "bela", "", ""],
        ["zoe", "", "", "zoe", "", ""],
    ]


def test_canvas_can_know_students_by_another_id(gradebook: Gradebook):
    config = Config({"CanvasExporter": {"identity": "SIS User ID", "section": "A"}})
    CanvasExporter(config=config).export(gradebook)
    assert rows("canvas.csv")[2] == ['Love, "Countess", Ada', "", "ada", "", "A", "18"]


def test_moodle_gets_the_headings_of_its_own_export(gradebook: Gradebook):
    exporter = MoodleExporter(to="out.csv", student=["ada"])
    exporter.export(gradebook)
    assert rows("out.csv") == [
        ["First name", "Last name", "ID number", "Email address", "Assignment: cnns (Real)"],
        ["Ada", 'Love, "Countess"', "ada", "ada@a.org", "18"],
    ]


def test_gradescope_gets_a_file_for_each_final_hand_in(gradebook: Gradebook, tmp_path: Path):
    graded = tmp_path / "autograded" / "ada" / "cnns" / "cnns.ipynb"
    graded.parent.mkdir(parents=True)
    nbformat.write(
        graded_notebook(graded_cell("shape", RIGHT), graded_cell("values", WRONG)), graded
    )
    GradescopeExporter().export(gradebook)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("results.json"))
    assert files == [Path("gradescope/cnns/ada/results.json")]
    results = json.loads((tmp_path / files[0]).read_text())
    assert results["score"] == 18
    assert [test["name"] for test in results["tests"]] == ["shape", "values"]
    assert "✗ values" in results["tests"][1]["output"]


def test_gradescopes_results_have_the_documented_fields():
    results = as_results(8.0, [("a", 5.0, 5.0), ("b", 3.0, 15.0)], {"b": WRONG})
    assert results.keys() <= {
        "score", "execution_time", "output", "output_format", "test_output_format",
        "test_name_format", "visibility", "stdout_visibility", "extra_data", "tests", "leaderboard",
    }  # fmt: skip
    for test in results["tests"]:
        assert test.keys() <= {
            "score", "max_score", "status", "name", "name_format", "number", "output",
            "output_format", "tags", "visibility", "extra_data",
        }  # fmt: skip
        assert test["status"] in ("passed", "failed")
        assert test["output_format"] in ("text", "html", "simple_format", "md", "ansi")
        assert {test["visibility"], results["stdout_visibility"]} <= set(VISIBILITIES)
    assert [test["status"] for test in results["tests"]] == ["passed", "failed"]


def test_who_is_left_out_is_said(gradebook: Gradebook, caplog: pytest.LogCaptureFixture):
    exporter = CanvasExporter()
    exporter.log.addHandler(caplog.handler)
    exporter.export(gradebook)
    assert "left out 1" in caplog.text
    assert "bela" in caplog.text
