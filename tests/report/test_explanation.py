"""Can an appeal be answered: what was asked, what came back, what was expected, and when?"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autograder.assignments.mlp import checks as mlp
from autograder.batch import grade_class
from autograder.batch.grade_class import Outcome, Selection
from autograder.batch.ledger import FOLDER as LEDGER
from autograder.batch.progress import FOLDER, log_line
from autograder.batch.run_records import Change, listed
from autograder.checking import checks
from autograder.checking.check_result import CheckResult
from autograder.checking.student import StudentSide
from autograder.commands.cli import app
from autograder.commands.grade import grade_shown, leave
from autograder.commands.terminal import GRADERS_FAULT
from autograder.course.course import open_course
from autograder.course.release import generate_feedback, generate_release
from autograder.course.versions import differences, versions
from autograder.judging.graded_notebook import ASKED, METADATA, VERSIONS
from tests.batch import cheap
from tests.conftest import ROOT

NO_RELU = """
class MLP(nn.Module):
    def __init__(self, num_hidden=32, num_classes=10):
        super().__init__()
        self.first = nn.Linear(56 * 56, num_hidden)
        self.second = nn.Linear(num_hidden, num_classes)

    def forward(self, images):
        return self.second(self.first(images.flatten(1)))
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which ada forgot the ReLU, and left the other exercise as it was."""
    folder = tmp_path_factory.mktemp("appeal")
    shutil.copytree(ROOT / "source", folder / "source")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    generate_release(open_course(folder), "mlp")
    notebook = nbformat.read(folder / "release" / "mlp" / "mlp.ipynb", 4)
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution") and "class MLP" in cell.source:
            cell.source = NO_RELU
    path = folder / "submitted" / "ada" / "mlp" / "mlp.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    summary = grade_shown(folder, "mlp", Selection(["ada"]), workers=1)
    assert [outcome.fault for outcome in summary.outcomes] == [""]
    return folder


def _explained(course: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["explain", *arguments, f"--course={course}"])
    return done.exit_code, done.output


def test_a_verdict_tells_how_it_came_about(course: Path) -> None:
    status, said = _explained(course, "ada", "mlp_function")
    assert status == 0, said
    used = versions("mlp")
    for what in ("autograder", "checks", "torch", "processor"):
        assert f"{what} {used[what]}" in said
    assert re.search(r"graded at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 with", said)
    assert "in the gradebook: automatic 0, by a person none" in said
    assert "mistake: missing-relu" in said
    assert "Your network behaves as if the ReLU were missing" in said
    assert "expected as specified, got" in said
    asked = re.search(
        r"run training=False, input.0 float32 \(4, 1, 56, 56\)\n"
        r" +came back: output.0 float32 \(4, 10\) in \[(.+)\]\n"
        r" +a right answer: output.0 float32 \(4, 10\) in \[(.+)\]",
        said,
    )
    assert asked, said
    assert asked[1] != asked[2]
    assert "Asked, with the seed " in said
    assert "other versions" not in said


def test_an_exercise_that_is_not_there_is_explained_too(course: Path) -> None:
    status, said = _explained(course, "ada", "training_step")
    assert status == 0
    assert "came back: raised NotImplementedError" in said
    assert "a right answer: output.0 float32 (5, 20)" in said


def test_nothing_of_it_reaches_the_student(course: Path) -> None:
    generate_feedback(open_course(course), "mlp")
    page = (course / "feedback" / "ada" / "mlp" / "mlp.html").read_text()
    graded = json.loads((course / "autograded" / "ada" / "mlp" / "mlp.ipynb").read_text())
    for question in graded["metadata"][METADATA][ASKED]["mlp_function"]:
        assert question["asked"] not in page
    assert "came back" not in page
    assert versions("mlp")["checks"] not in page


def test_what_is_kept_is_small_and_not_in_the_log(course: Path) -> None:
    graded = json.loads((course / "autograded" / "ada" / "mlp" / "mlp.ipynb").read_text())
    assert len(json.dumps(graded["metadata"][METADATA][ASKED])) < 20_000
    assert "came back" not in (course / FOLDER / "mlp.jsonl").read_text()
    assert ASKED not in json.loads((course / FOLDER / "mlp.jsonl").read_text())["notebooks"]["mlp"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ada", "mlp_colour"), "but these: mlp_shape, mlp_function, training_step"),
        (("zoe", "mlp_shape"), "nothing of zoe is graded"),
        (("[x] y", "mlp_shape"), "nothing of [x] y is graded"),
        (("ada", "mlp_shape", "--assignment=rnns"), "no assignment rnns: the gradebook has mlp"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    course: Path, arguments: tuple[str, ...], said: str
) -> None:
    status, output = _explained(course, *arguments)
    assert status == GRADERS_FAULT
    assert said in " ".join(output.split())


def test_a_hand_in_without_a_verdict_tells_the_fault(course: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(course, tmp_path / "course")
    with (copy / FOLDER / "mlp.jsonl").open("a") as log:
        log.write(json.dumps(log_line(Outcome("bela", "the disk is full"))) + "\n")
    status, output = _explained(copy, "bela", "mlp_shape")
    assert status == GRADERS_FAULT
    assert "bela has no verdict on mlp: the disk is full" in output


def test_other_versions_and_another_gradebook_are_told(course: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(course, tmp_path / "course")
    path = copy / "autograded" / "ada" / "mlp" / "mlp.ipynb"
    path.chmod(0o644)
    graded = json.loads(path.read_text())
    graded["metadata"][METADATA][VERSIONS].update(torch="1.0", checks="other")
    path.write_text(json.dumps(graded))

    def alter(gradebook: Gradebook) -> None:
        grade = gradebook.find_grade("mlp_function", "mlp", "mlp", "ada")
        grade.auto_score, grade.manual_score = 7.0, 9.0

    cheap.change(copy, alter)
    said = _explained(copy, "ada", "mlp_function")[1]
    assert f"would use other versions: torch 1.0 -> {versions('mlp')['torch']}" in said
    assert "not known: the checks have changed" in said
    assert "a right answer:" not in said
    assert "automatic 7, by a person 9" in said
    assert "that is not this verdict: run `autograder grade` again" in said


def test_nothing_is_trained_to_explain_and_a_check_with_a_bug_is_told(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(student: StudentSide, seed: int) -> CheckResult:
        student.ask("train", {}, {})
        raise AssertionError("it was trained")

    monkeypatch.setattr(mlp, "mlp_function", checks.scored(20)(trains), raising=False)
    status, said = _explained(course, "ada", "mlp_function")
    assert (status, "a right answer:" in said) == (0, False)

    def falls(student: StudentSide, seed: int) -> CheckResult:
        raise ValueError("a bug")

    monkeypatch.setattr(mlp, "mlp_function", checks.scored(20)(falls), raising=False)
    status, said = _explained(course, "ada", "mlp_function")
    assert status == 0
    assert "not known: the check mlp/mlp_function raised ValueError at test_explanation.py" in said


def test_a_re_grade_on_other_versions_says_so(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(course, tmp_path / "course")
    path = copy / LEDGER / "mlp" / "ada.json"
    line = json.loads(path.read_text())
    assert line["versions"] == versions("mlp")
    line["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(line))
    summary = grade_class.grade(copy, "mlp", Selection(["ada"], force=True), workers=1)
    (outcome,) = summary.outcomes
    assert outcome.versions == f"torch 1.0 -> {versions('mlp')['torch']}"
    leave(summary)
    assert "1 results were formed before with other versions: torch 1.0" in capsys.readouterr().out
    assert json.loads(path.read_text())["versions"] == versions("mlp")


def test_versions_that_are_not_known_do_not_differ() -> None:
    assert differences({}, {"torch": "2.14"}) == ""
    assert differences({"checks": "a", "torch": "2"}, {"checks": "b", "torch": "2"}) == ""
    change = Change("ada", "why", 1.0, 2.0, "torch 1.0 -> 2.0")
    assert listed([change]) == ["ada: 1 -> 2 points (+1): why; torch 1.0 -> 2.0"]
