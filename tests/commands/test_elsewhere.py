"""A Mac and Windows, as far as Linux can pretend: does all work that runs no hand-in?"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.batch import grade_class
from autograder.course.course import open_course
from autograder.course.release import generate_release
from tests.commands.elsewhere import NAMES
from tests.conftest import ROOT

NEEDS_LINUX = "running hand-ins needs Linux, and this is {}: use WSL2 on Windows, a server, or a"
IMPORT_ALL = """
import importlib, pkgutil, autograder, course_utils
for package in (autograder, course_utils):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith(NOT_ELSEWHERE) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
NOT_ELSEWHERE = (
    "autograder.inside",  # runs in the sandbox
    "autograder.batch.forkserver_preload",  # what workers are forked of imports it
    "autograder.maintain",  # for maintainers
)
PRETENCE = """
import os, platform, select, signal, socket, sys
from pathlib import Path

def tried(*attempts):
    for attempt in attempts:
        try:
            attempt()
        except (OSError, ImportError, AttributeError, EncodingWarning) as error:
            yield type(error).__name__

path = Path("empty.txt")
path.touch()
opened = path.open("rb")
print(sys.platform, platform.system(), sys.stdout.encoding)
print(*tried(path.read_text, lambda: os.sched_getaffinity(0), lambda: socket.AF_NETLINK))
print(*tried(lambda: __import__("fcntl", globals()), lambda: os.getuid(), path.unlink))
"""
READ_RESULTS = """
from pathlib import Path
from autograder.batch.progress import last_faults
from autograder.judging.score_table import lost_points, read_scores
rows = read_scores(Path("autograded") / "ada" / "mlp" / "mlp.ipynb")
print(sum(row.points for row in rows), last_faults(Path(".autograder/log/mlp.jsonl")))
print(list(lost_points(read_scores(Path("autograded") / "bela" / "mlp" / "mlp.ipynb"))))
"""
USE_COURSE_UTILS = """
import multiprocessing, torch
from torchvision.transforms import Compose, ToTensor
from course_utils.transforms import RandomQuadrantPad
from course_utils import checks, data, environment, packages, plots, training
packages.install_missing()
environment.describe()
print(environment.data_path(), bool(training.SCALE))
print(len(data.mnist(environment.data_path(), train=True, download=False)))
checks.check_conv_pool_conv(lambda image, kernel: torch.zeros(1))
to_canvas = Compose([ToTensor(), RandomQuadrantPad("top_left")])
digits = data.SubsetMNIST(train=False, transform=to_canvas)
worker = multiprocessing.Process(target=digits.__getitem__, args=(3,))  # as a loader's do it
worker.start()
worker.join()
print(multiprocessing.get_start_method(), worker.exitcode)
"""
COMMANDS = {
    "pretence": ["python", PRETENCE],
    "help": ["autograder", "--help"],
    "imports": ["python", IMPORT_ALL.replace("NOT_ELSEWHERE", repr(NOT_ELSEWHERE))],
    "release": ["nbgrader", "generate_assignment", "mlp", "--force"],
    "proof": ["autograder", "check-assignment", "mlp"],
    "bundle": ["autograder", "publish", "mlp", "bundle", "--github=org/course/main"],
    "doctor": ["autograder", "doctor"],
    "results": ["python", READ_RESULTS],
    "report": ["autograder", "report", "mlp"],
    "feedback": ["nbgrader", "generate_feedback", "mlp", "--force"],
    "csv": ["nbgrader", "export", "--to=grades.csv"],
    "Canvas": ["nbgrader", "export", "--exporter=autograder.exports.CanvasExporter"],
    "Moodle": ["nbgrader", "export", "--exporter=autograder.exports.MoodleExporter"],
    "Gradescope": ["nbgrader", "export", "--exporter=autograder.exports.GradescopeExporter"],
    "course_utils": ["python", USE_COURSE_UTILS],
    "grade": ["autograder", "grade", "mlp"],
    "preview": ["autograder", "grade", "mlp", "--dry-run"],
    "demo": ["autograder", "demo"],
    "autograde": ["nbgrader", "autograde", "mlp", "--force"],
    "results again": ["python", READ_RESULTS],
}


@dataclass(frozen=True)
class Elsewhere:
    """A course on another system, after all `COMMANDS`.

    Attributes:
        name: of the system, as people write it.
        course: the folder.
        done: name of a command -> its exit status, and what it printed.
    """

    name: str
    course: Path
    done: dict[str, tuple[int, str]]

    def printed(self, command: str, status: int = 0) -> str:
        """Return what a command printed, in one line, without a traceback."""
        found, text = self.done[command]
        assert found == status, text
        assert "Traceback" not in text
        return " ".join(text.split())


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with two hand-ins that were graded on Linux: the solutions, and the release."""
    course = tmp_path_factory.mktemp("graded")
    shutil.copytree(ROOT / "source" / "mlp", course / "source" / "mlp")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    generate_release(open_course(course), "mlp")
    for student, folder in (("ada", "source"), ("bela", "release")):
        shutil.copytree(course / folder / "mlp", course / "submitted" / student / "mlp")
    summary = grade_class.grade(course, "mlp", grade_class.Selection(["ada", "bela"]), workers=1)
    assert [outcome.fault for outcome in summary.outcomes] == ["", ""]
    return course


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def elsewhere(
    request: pytest.FixtureRequest, graded: Path, tmp_path_factory: pytest.TempPathFactory
) -> Elsewhere:
    course = tmp_path_factory.mktemp(request.param) / "course"
    shutil.copytree(graded, course)
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "warn_default_encoding",
            "-m",
            "tests.commands.elsewhere",
            request.param,
        ],
        cwd=course,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=json.dumps(list(COMMANDS.values())),
        capture_output=True,
        text=True,
        check=True,
    )
    results = (tuple(result) for result in json.loads(done.stdout))
    return Elsewhere(NAMES[request.param], course, dict(zip(COMMANDS, results, strict=True)))


def test_the_pretence_holds(elsewhere: Elsewhere) -> None:
    linux = "EncodingWarning AttributeError AttributeError"
    expected = {
        "Darwin": f"darwin Darwin cp1252 {linux}",
        "Windows": f"win32 Windows cp1252 {linux} "
        "ModuleNotFoundError AttributeError PermissionError",
    }
    assert elsewhere.printed("pretence") == expected[elsewhere.name]


def test_every_command_is_there(elsewhere: Elsewhere) -> None:
    text = elsewhere.printed("help")
    assert all(word in text for word in ("grade", "report", "publish", "doctor", "calibrate"))


def test_every_module_imports_that_does_not_run_hand_ins(elsewhere: Elsewhere) -> None:
    assert elsewhere.printed("imports") == ""


def test_the_release_is_made(elsewhere: Elsewhere) -> None:
    elsewhere.printed("release")
    released = elsewhere.course / "release" / "mlp" / "mlp.ipynb"
    assert json.loads(released.read_text()) == json.loads(
        (ROOT / "release" / "mlp" / "mlp.ipynb").read_text()
    )


def test_the_release_is_proved_as_far_as_no_hand_in_has_to_run(elsewhere: Elsewhere) -> None:
    text = elsewhere.printed("proof")
    assert "+ leaks: nothing of the solutions + release: up to date + many seeds: right" in text
    assert "+ training_step, wrong answers: all" in text
    assert "! scores: not tried" in text
    assert NEEDS_LINUX.format(elsewhere.name) in text


def test_a_bundle_is_published(elsewhere: Elsewhere) -> None:
    elsewhere.printed("bundle")
    names = sorted(path.suffix for path in (elsewhere.course / "bundle").iterdir())
    assert names == [".ipynb", ".md", ".txt", ".whl"]


def test_the_doctor_says_what_cannot_be_done_here(elsewhere: Elsewhere) -> None:
    text = elsewhere.printed("doctor", status=1)
    assert f"x sandbox: hand-ins cannot be locked up {NEEDS_LINUX.format(elsewhere.name)}" in text
    assert "+ digits: 5,000" in text
    assert "+ gradebook" in text


def test_results_are_read(elsewhere: Elsewhere) -> None:
    assert elsewhere.printed("results").startswith("45.0 {}")
    assert "not implemented" in elsewhere.printed("results")


def test_the_report_is_written(elsewhere: Elsewhere) -> None:
    elsewhere.printed("report")
    page = (elsewhere.course / "report" / "mlp.html").read_text(encoding="utf-8")
    assert "ada" in page
    assert "\\" not in json.dumps([s for s in page.split('"') if s.startswith("../")])


def test_feedback_is_written(elsewhere: Elsewhere) -> None:
    elsewhere.printed("feedback")
    for student in ("ada", "bela"):
        page = elsewhere.course / "feedback" / student / "mlp" / "mlp.html"
        assert "Exercise 1" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ("csv", "grades.csv"),
        ("Canvas", "canvas.csv"),
        ("Moodle", "moodle.csv"),
        ("Gradescope", "gradescope"),
    ],
)
def test_grades_are_exported(elsewhere: Elsewhere, command: str, made: str) -> None:
    elsewhere.printed(command)
    assert (elsewhere.course / made).exists()


def test_what_the_notebooks_import_works_in_a_plain_terminal(elsewhere: Elsewhere) -> None:
    text = elsewhere.printed("course_utils")
    assert f"{elsewhere.name}, Python" in text
    assert "4000" in text
    assert "spawn 0" in text


@pytest.mark.parametrize("command", ["grade", "preview", "demo"])
def test_what_runs_hand_ins_refuses_in_one_sentence(elsewhere: Elsewhere, command: str) -> None:
    text = elsewhere.printed(command, status=3)
    assert text == (f"Nothing was graded: {NEEDS_LINUX.format(elsewhere.name)} container")


def test_nbgraders_own_command_refuses_and_no_score_changes(elsewhere: Elsewhere) -> None:
    text = elsewhere.printed("autograde", status=1)
    assert text.endswith(f"{NEEDS_LINUX.format(elsewhere.name)} container")
    assert elsewhere.printed("results again") == elsewhere.printed("results")


def without_encoding(path: Path) -> list[int]:
    """Return the lines on which a Python file opens a text file in the system's own encoding."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        opener = getattr(getattr(node.func, "value", None), "id", "")
        given = {keyword.arg for keyword in node.keywords}
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        modes = {
            v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)
        }
        text = name in ("read_text", "write_text") or (
            name in ("open", "fdopen", "NamedTemporaryFile")
            and not modes & {"rb", "wb", "ab", "xb", "r+b", "w+b"}
            and (opener, name) not in (("os", "open"), ("Image", "open"))
        )
        process = name in ("run", "Popen", "check_output") and "text" in given
        if (text or process) and "encoding" not in given:
            lines.append(node.lineno)
    return lines


def test_text_files_are_utf_8_on_every_system() -> None:
    paths = [*ROOT.glob("autograder/**/*.py"), *ROOT.glob("course_utils/*.py")]
    on_linux = {"sandbox", "inside"}
    there = [path for path in paths if not on_linux & set(path.parts)]
    assert {path.name: lines for path in there if (lines := without_encoding(path))} == {}


def test_a_text_file_without_an_encoding_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "open('a')\nopen('a', 'rb')\npath.read_text()\nrun(['a'], text=True)\nos.open('a', 0)\n"
        "open('a', encoding='utf-8')\n"
    )
    assert without_encoding(path) == [1, 3, 4]
