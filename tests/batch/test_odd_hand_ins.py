"""Odd folders of honest students, from the folder to the gradebook, by both commands."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from autograder.batch import task as task_module
from autograder.batch.task import Fault, Graded, grade_hand_in
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.course.assignment import Assignment, read_assignment
from autograder.course.course import open_course
from autograder.feedback.formgrader import FormgraderExporter
from autograder.intake.read_folder import collect
from autograder.judging.score_table import read_scores
from autograder.report import _collect
from tests.batch.cheap import rows
from tests.conftest import ROOT, run_nbgrader

FULL = {"mlp_shape": 5.0, "mlp_function": 20.0, "training_step": 20.0}
ZERO = dict.fromkeys(FULL, 0.0)
NO_VERDICT: dict[str, float | None] = dict.fromkeys(FULL)
NOT_UTF8 = "m\udcfcller"
WIDE = "WIDTH = 32\n"


def cell(notebook: NotebookNode, cell_id: str) -> NotebookNode:
    return next(found for found in notebook.cells if found.id == cell_id)


class Class:
    """A course on `mlp` whose release brings a module and a folder of data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copy(ROOT / "nbgrader_config.py", root)
        source = Path(shutil.copytree(ROOT / "source" / "mlp", root / "source" / "mlp"))
        for name, text in (("lab/__init__.py", WIDE), ("data/deep/table.csv", "1,2\n")):
            (source / name).parent.mkdir(parents=True)
            (source / name).write_text(text)
        run_nbgrader(root, "generate_assignment", "mlp")
        (source / "solution.py").write_text("the instructor's own")
        (root / ".autograder").mkdir()
        (root / ".autograder" / "secret").write_text("the same secret")
        self.release = nbformat.read(root / "release" / "mlp" / "mlp.ipynb", 4)
        self.source = nbformat.read(source / "mlp.ipynb", 4)

    def right(self, answer: str = "Because.") -> NotebookNode:
        """Return a right hand-in; its question is answered unless the answer is ""."""
        notebook = copy.deepcopy(self.release)
        for name in ("mlp-solution", "training-step-solution"):
            cell(notebook, name).source = cell(self.source, name).source
        if answer:
            cell(notebook, "what-it-knows").source = answer
        return notebook

    def put(self, student: str, name: str, content: NotebookNode | bytes) -> Path:
        path = self.root / "submitted" / student / "mlp" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else nbformat.writes(content).encode()
        path.write_bytes(data)
        return path


def elsewhere(made: Class, student: str) -> None:
    notebook = made.right("")
    notebook.cells.append(new_markdown_cell("It has learned nothing there.", id="mine"))
    made.put(student, "mlp.ipynb", notebook)


def package(made: Class, student: str) -> None:
    notebook = made.right()
    model = cell(notebook, "mlp-solution").source
    cell(notebook, "mlp-solution").source = (
        "import lab\nfrom mynet.model import MLP\nassert lab.WIDTH == 32\n"
        "assert open('data/deep/table.csv').read() == '1,2\\n'"
    )
    made.put(student, "mlp.ipynb", notebook)
    imports = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
    made.put(student, "mynet/model.py", (imports + model).encode())
    made.put(student, "lab/__init__.py", b"WIDTH = 1\n")


def copies(made: Class, student: str) -> None:
    made.put(student, "mlp.ipynb", made.release)
    made.put(student, "mlp-Copy1.ipynb", made.right())


def hard_link(made: Class, student: str) -> None:
    os.link(made.put(student, "mlp.ipynb", made.right()), made.root / f"backup of {student}")


def environment(made: Class, student: str) -> None:
    made.put(student, "work/mlp.ipynb", made.right())
    for number in range(1_200):
        made.put(student, f"work/env/lib/python3/f{number}.py", b"")
    made.put(student, "work/env/pyvenv.cfg", b"")


def untitled(made: Class, student: str) -> None:
    for name in ("Untitled.ipynb", "Untitled1.ipynb"):
        made.put(student, name, new_notebook(cells=[new_code_cell("1 + 1")]))


Make = Callable[[Class, str], object]
STUDENTS: dict[str, tuple[Make, dict[str, float] | dict[str, float | None], str]] = {
    "right": (lambda m, s: m.put(s, "mlp.ipynb", m.right()), FULL, ""),
    "release": (lambda m, s: m.put(s, "mlp.ipynb", m.release), ZERO, ""),
    "elsewhere": (elsewhere, FULL, "for a person to read"),
    "package": (package, FULL, "lab/__init__.py is the assignment's own"),
    "copies": (copies, FULL, "also handed in, and not graded: mlp.ipynb"),
    "joiner": (lambda m, s: m.put(s, "mlp\u200c.ipynb", m.right()), FULL, "was taken for"),
    "environment": (environment, FULL, "was taken for"),
    "hard link": (hard_link, NO_VERDICT, "a hard link"),
    "zip": (lambda m, s: m.put(s, "work.zip", b"PK"), ZERO, "only work.zip"),
    "untitled": (untitled, ZERO, "only Untitled.ipynb, Untitled1.ipynb"),
    "cut": (
        lambda m, s: m.put(s, "mlp.ipynb", nbformat.writes(m.right()).encode()[:3_000]),
        ZERO,
        "mlp.ipynb is cut off",
    ),
    "[x] y": (lambda m, s: m.put(s, "mlp.ipynb", m.right()), FULL, ""),
    NOT_UTF8: (lambda m, s: m.put(s, "mlp.ipynb", m.right()), {}, "rename"),
}
WAIT = {s for s, (_, points, _) in STUDENTS.items() if points == FULL} | {"hard link"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Class:
    made = Class(tmp_path_factory.mktemp("odd"))
    for student, (make, _, _) in STUDENTS.items():
        make(made, student)
    return made


@pytest.fixture(scope="module")
def by_nbgrader(made: Class, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("serial") / "course"
    shutil.copytree(made.root, root)
    (root / "backup").write_bytes(b"")
    link = root / "submitted" / "hard link" / "mlp" / "mlp.ipynb"
    os.link(link, root / "another name")
    said = run_nbgrader(root, "autograde", "mlp", ok=False)
    assert "for student 'hard link'" in said
    return root


@pytest.fixture(scope="module")
def by_us(made: Class, by_nbgrader: Path) -> tuple[Path, str]:
    done = CliRunner().invoke(app, ["grade", "mlp", "--course", str(made.root)])
    assert done.exit_code == GRADERS_FAULT, done.output
    return made.root, done.output


def scores(course: Path, student: str) -> dict[str, float | None]:
    return {row[2]: row[3] for row in rows(course)["grades"] if row[0] == student}


@pytest.mark.slow
@pytest.mark.parametrize("student", STUDENTS, ids=ascii)
def test_each_gets_the_points_of_the_work_or_no_verdict_and_the_reason(
    student: str, by_us: tuple[Path, str]
) -> None:
    course, said = by_us
    _, points, reason = STUDENTS[student]
    found = scores(course, student)
    question = {"what_it_knows": None if student in WAIT else 0.0}
    assert found == ({**points, **question} if points in (FULL, ZERO) else {})
    path = course / "autograded" / student / "mlp" / "mlp.ipynb"
    assert reason in (path.read_text(encoding="utf-8") if points in (FULL, ZERO) else said)
    for verdict in read_scores(path) if points == ZERO and reason else []:
        assert reason in verdict.reason, "the first thing that the student reads"


@pytest.mark.slow
def test_who_marks_reads_the_answer_from_the_other_cell_in_the_answers_place(
    by_us: tuple[Path, str],
) -> None:
    graded = by_us[0] / "autograded" / "elsewhere" / "mlp" / "mlp.ipynb"
    names = ("assignment_id", "notebook_id", "submission_id", "base_url", "student")
    names += ("first_name", "last_name", "notebook_path")
    resources = {**dict.fromkeys(names, ""), "index": 0, "total": 1}
    page, _ = FormgraderExporter().from_notebook_node(nbformat.read(graded, 4), resources)
    question = page.index("What does it know about the bottom right?")
    assert "It has learned nothing there." in page[question : page.index("Before you hand in")]


@pytest.mark.slow
def test_an_id_with_brackets_is_printed_whole(by_us: tuple[Path, str]) -> None:
    assert "[x] y: 45 points" in by_us[1]
    assert r"m\udcfcller: not graded" in by_us[1]


@pytest.mark.slow
def test_nbgraders_own_command_agrees(by_us: tuple[Path, str], by_nbgrader: Path) -> None:
    for student in STUDENTS:
        ours, serial = scores(by_us[0], student), scores(by_nbgrader, student)
        assert serial == (ours or dict.fromkeys(serial)), student
        files = [
            sorted(p.relative_to(c) for p in (c / "autograded" / student).rglob("*"))
            for c in (by_us[0], by_nbgrader)
        ]
        assert files[0] == files[1], student
    comments = [row for row in rows(by_us[0])["comments"] if row[0] != "hard link"]
    assert comments == [row for row in rows(by_nbgrader)["comments"] if row[0] != "hard link"]
    assert not list(by_nbgrader.rglob("autograded/*/*/solution.py"))


@pytest.mark.slow
def test_one_hand_in_alone_agrees_too(by_us: tuple[Path, str], by_nbgrader: Path) -> None:
    """As formgrader's button asks for it."""
    for student in ("zip", "[x] y"):
        run_nbgrader(by_nbgrader, "autograde", "mlp", f"--student={student}", "--force")
        assert scores(by_nbgrader, student) == scores(by_us[0], student)


@pytest.mark.slow
def test_the_report_names_the_reasons_and_every_folder(by_us: tuple[Path, str]) -> None:
    found = _collect.collect(by_us[0], "mlp")
    assert "a hard link" in found.ungraded["hard link"]
    assert "rename" in found.ungraded[r"m\udcfcller"]
    repaired = {s.student: " ".join(s.repairs) for s in found.submissions}
    for student, (_, points, reason) in STUDENTS.items():
        assert points in (NO_VERDICT, {}) or reason in repaired[student]
    done = CliRunner().invoke(app, ["report", "mlp", "--course", str(by_us[0])])
    assert done.exit_code == 0, done.output


# ------------------------------------------------------------------------------- without a kernel


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Class, Assignment]:
    made = Class(tmp_path_factory.mktemp("small"))
    return made, read_assignment(open_course(made.root), "mlp", sandboxed=True)


def outcome(small: tuple[Class, Assignment], student: str) -> Graded | Fault:
    made, assignment = small
    STUDENTS[student][0](made, student)
    folder = made.root / "submitted" / student / "mlp"
    return grade_hand_in(student, collect(folder, ["mlp"], releases=assignment.release), assignment)


@pytest.mark.parametrize("student", ["zip", "untitled", "cut"])
def test_what_holds_no_notebook_needs_no_kernel_and_is_no_written_answer(
    student: str, small: tuple[Class, Assignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.judging.judge.open_kernel", None)
    graded = outcome(small, student)
    assert isinstance(graded, Graded)
    assert set(graded.marks.scores.values()) == {0.0}
    assert set(graded.marks.comments.values()) == {"No response."}
    notebook = graded.files["mlp.ipynb"].decode()
    assert notebook.count(STUDENTS[student][2]) > len(FULL)
    assert "This cell was missing" not in notebook


def test_what_is_refused_is_no_verdict_and_not_tried_again(
    small: tuple[Class, Assignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_module, "_autograde", None)
    refused = outcome(small, "hard link")
    assert isinstance(refused, Fault)
    assert "a hard link" in refused.message
    assert not refused.neighbours
    assert not refused.everybodys
