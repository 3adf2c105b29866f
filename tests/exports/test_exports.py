"""Do the exported files have the documented formats, and is nothing sent that is not final?"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema
import nbformat
import pytest
from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine
from traitlets.config import Config

from autograder import GraderFault
from autograder.exports import CanvasExporter, GradescopeExporter, MoodleExporter
from autograder.exports._gradescope import VISIBILITIES, as_results
from tests.judging.graded_notebooks import RIGHT, WRONG, graded_cell, graded_notebook


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


_VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
_FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
_OBJECT = {"type": "object"}
GRADESCOPE = {  # https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
    "type": "object",
    "additionalProperties": False,
    "anyOf": [
        {"required": ["score"]},
        {"required": ["tests"], "properties": {"tests": {"items": {"required": ["score"]}}}},
    ],
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": _FORMAT,
        "test_output_format": _FORMAT,
        "test_name_format": _FORMAT,
        "visibility": _VISIBILITY,
        "stdout_visibility": _VISIBILITY,
        "extra_data": _OBJECT,
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": _FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": _FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": _VISIBILITY,
                    "extra_data": _OBJECT,
                },
            },
        },
        "leaderboard": {"type": "array", "items": {"required": ["name", "value"]}},
    },
}


@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_gradescopes_results_are_as_documented(visibility: str):
    verdicts = {"a": RIGHT, "b": WRONG}
    grades = [("a", 5.0, 5.0), ("b", 3.0, 15.0), ("by a person", 2.5, 5.0)]
    results = as_results(8.0, grades, verdicts, visibility)
    jsonschema.validate(json.loads(json.dumps(results, allow_nan=False)), GRADESCOPE)
    assert [test["status"] for test in results["tests"]] == ["passed", "failed", "failed"]
    assert results["stdout_visibility"] == "hidden", "what the grader prints is not for students"


@pytest.mark.parametrize(
    "wrong", [{}, {"score": "8"}, {"score": 8, "visibility": "always"}, {"score": 8, "points": 8}]
)
def test_the_documented_format_refuses_what_is_not(wrong: dict[str, object]):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, GRADESCOPE)


def test_canvas_finds_what_its_import_asks_for(gradebook: Gradebook):
    """The guide "How do I import grades in the Gradebook?" of Canvas: Student, ID and Section are
    compulsory columns, SIS ones may stand between; an assignment's points stand in the second row.
    """
    CanvasExporter().export(gradebook)
    heading, possible, *students = rows("canvas.csv")
    assert heading[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert possible[0].strip() == "Points Possible"
    assert {len(row) for row in (possible, *students)} == {len(heading)}
    for points, *given in zip(*(row[5:] for row in (possible, *students)), strict=True):
        assert float(points) > 0
        assert all(not cell or 0 <= float(cell) <= float(points) for cell in given)
    assert all(any(row[1:4]) for row in students), "each is known by one of the three ids"


def test_moodle_finds_what_its_import_asks_for(gradebook: Gradebook):
    """https://docs.moodle.org/en/Grade_import: headings in the first row, one column that tells who
    it is (ID number or Email address), no grade that is no number, comma-separated UTF-8.
    """
    MoodleExporter().export(gradebook)
    heading, *students = rows("moodle.csv")
    assert len(set(heading)) == len(heading), "columns are mapped by their headings"
    identity = [heading.index(name) for name in ("ID number", "Email address")]
    assert all(any(row[column] for column in identity) for row in students)
    assert {len(row) for row in students} == {len(heading)}
    grades = [row[heading.index("Assignment: cnns (Real)")] for row in students]
    assert [float(grade) for grade in grades if grade] == [18]
    Path("moodle.csv").read_bytes().decode("utf-8")


def test_who_is_left_out_is_said(gradebook: Gradebook, caplog: pytest.LogCaptureFixture):
    exporter = CanvasExporter()
    exporter.log.addHandler(caplog.handler)
    exporter.export(gradebook)
    assert "left out 1" in caplog.text
    assert "bela" in caplog.text


@pytest.mark.parametrize("exporter", [CanvasExporter, MoodleExporter, GradescopeExporter])
@pytest.mark.parametrize("student_id", ["=1+1", "a\x1b[31m", "<img src=x>", "-1+cmd|' /C calc'!A0"])
def test_a_dangerous_id_is_refused_and_nothing_is_written(
    gradebook: Gradebook, tmp_path: Path, exporter: type, student_id: str
):
    gradebook.add_student(student_id)
    with pytest.raises(GraderFault, match=r"^Nothing was exported: the student's id .* has"):
        exporter().export(gradebook)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".csv" or path.is_dir()]


def test_names_are_no_formulas_and_an_id_with_a_minus_stays(gradebook: Gradebook):
    gradebook.add_student("-kim", first_name="@SUM(1)", last_name="=1+1\x1b[31m", email="-k@x.org")
    MoodleExporter(to="out.csv", student=["-kim"]).export(gradebook)
    assert rows("out.csv")[1][:4] == ["'@SUM(1)", "'=1+1\\x1b[31m", "-kim", "-k@x.org"]
    CanvasExporter(student=["-kim"]).export(gradebook)
    assert rows("canvas.csv")[2][:4] == ["'=1+1\\x1b[31m, @SUM(1)", "", "", "-kim"]


def test_an_address_that_is_a_formula_is_refused(gradebook: Gradebook):
    gradebook.add_student("kim", email="=1+1@x.org")
    with pytest.raises(GraderFault, match="the email address of kim has a beginning"):
        MoodleExporter().export(gradebook)


def test_who_has_an_old_late_penalty_is_left_out_and_told(
    gradebook: Gradebook, caplog: pytest.LogCaptureFixture
):
    config = Config({"LateSubmissionPlugin": {"penalty_method": "zero"}})
    gradebook.update_or_create_assignment("cnns", duedate="2030-01-01 12:00:00 UTC")
    for time, penalty, exported in (
        ("2030-01-01 13:00:00 UTC", 20.0, "0"),  # late, and so it says
        ("2030-01-01 11:00:00 UTC", 20.0, ""),  # the due date was moved since
        ("2030-01-01 11:00:00 UTC", None, "20"),
    ):
        gradebook.update_or_create_submission("cnns", "ada", timestamp=time)
        notebook = gradebook.find_submission_notebook("cnns", "cnns", "ada")
        notebook.late_submission_penalty = penalty
        gradebook.db.commit()
        caplog.clear()
        exporter = CanvasExporter(config=config)
        exporter.log.propagate = True
        exporter.export(gradebook)
        assert rows("canvas.csv")[2][-1] == exported
        assert ("Run `autograder grade cnns`" in caplog.text) == (exported == "")
