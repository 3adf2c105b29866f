"""The tutorial "Add an exercise": its own blocks give, in an empty folder, what it promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from autograder.batch import grade_class
from autograder.checking import checks
from autograder.checking.assignments import find_module
from autograder.checking.student import InProcess
from autograder.commands.cli import app
from autograder.course.course import open_course
from autograder.course.release import generate_feedback, generate_release
from autograder.judging.score_table import read_scores
from autograder.prepare import check_assignment, new
from tests.checking.kit.other_forms import FORMS
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "add-an-exercise.md"
CHECKS = "assignments/sequences/checks.py"
MAX_LINES = 90
_BLOCK = re.compile(r'^```python title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)


def blocks(title: str) -> list[str]:
    """Return the page's blocks of one title."""
    found = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [text for name, text in found if name == title]


def lab_of(folder: Path) -> Path:
    """Return a course in an empty folder, with the lab that the page builds."""
    new.begin(folder, "sequences")
    (folder / CHECKS).write_text("\n\n".join(blocks(CHECKS)))
    path = folder / "source" / "sequences" / "sequences.ipynb"
    notebook = nbformat.read(path, 4)
    solution, grade = notebook.cells[3], notebook.cells[5]
    cells = notebook.cells[:2]
    cells[1].source += "\nimport torch.nn.functional as F\nfrom torch import nn"
    for name, asks in (
        ("causal_attention", {"shape": 5, "values": 20}),
        ("char_rnn", {"shape": 5, "parameters": 10, "function": 20}),
        ("parity", {"short": 5, "long": 15}),
    ):
        (source,) = blocks(f"solution cell: {name}")
        cells.append(_like(solution, name, source))
        for what, points in asks.items():
            (source,) = blocks("grade cell")
            made = _like(
                grade, f"{name}_{what}", source.replace("char_rnn_function", f"{name}_{what}")
            )
            made.metadata.nbgrader.points = points
            cells.append(made)
    notebook.cells = cells
    nbformat.write(notebook, path)
    return folder


def _like(cell: NotebookNode, grade_id: str, source: str) -> NotebookNode:
    made = nbformat.from_dict({**cell, "id": grade_id.replace("_", "-"), "source": source.strip()})
    made.metadata = nbformat.from_dict({"nbgrader": {**cell.metadata.nbgrader}})
    made.metadata.nbgrader.grade_id = grade_id
    return made


def other(name: str, *change: str) -> str:
    """Return a reference's other form, perhaps with a mistake, at the sizes of the tutorial."""
    form = next(form for form in FORMS if form.name == name)
    source = form.source.replace("hidden=16", "hidden=32").replace("12,", "hidden,")
    source = source.replace("vocab, 12)", "vocab, hidden)").replace("math.sqrt(d)", "d ** 0.5")
    assert not change or change[0] in source
    return (source.replace(change[0], change[1], 1) if change else source).strip()


ATTENTION, RNN = other("causal_attention"), other("CharRNN")
PACKED = """
class CharRNN(nn.Module):
    def __init__(self, vocab=27, hidden=32):
        super().__init__()
        self.n = hidden
        self.e = nn.Parameter(torch.randn(vocab, hidden))
        self.x, self.h = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, 3 * hidden)
        self.y = nn.LazyLinear(vocab)

    def forward(self, tokens):
        h, seen = torch.zeros(len(tokens), self.n), []
        for x in self.e[tokens].unbind(1):
            (a, b, c), (d, e, f) = self.x(x).chunk(3, 1), self.h(h).chunk(3, 1)
            z = torch.sigmoid(b + e)
            h = z * h + (1 - z) * torch.tanh(c + torch.sigmoid(a + d) * f)
            seen.append(self.y(h))
        return torch.stack(seen, 1)
""".strip()
MATRIX = """
def causal_attention(q, k, v):
    mask = torch.full((q.shape[1], q.shape[1]), float("-inf")).triu(1)
    return F.softmax(torch.baddbmm(mask, q, k.mT, alpha=q.shape[2] ** -0.5), 2).bmm(v)
""".strip()
BUILT_IN = """
def causal_attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)
""".strip()
STACKED = "torch.stack(seen, dim=1)"
JOINED = RNN.replace(STACKED, "torch.cat([s[:, None] for s in seen], 1)")
NO_BIAS = RNN.replace("hidden, vocab)", "hidden, vocab, bias=False)")
SOFTMAX = PACKED.replace("stack(seen, 1)", "stack(seen, 1).softmax(-1)")
QUERIES = ATTENTION.replace("v[:, :last]", "q[:, :last]")
TIME_FIRST = """
class Parity(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.rnn, self.y = nn.Embedding(13, 32), nn.GRU(32, 40), nn.LazyLinear(2)

    def forward(self, letters):
        return self.y(self.rnn(self.e(letters.T))[1][0])
""".strip()
CELL = """
class Parity(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.cell = nn.Embedding(13, 24), nn.GRUCell(24, 24)
        self.y = nn.Linear(24, 2)

    def forward(self, letters):
        h = torch.zeros(len(letters), 24)
        for x in self.embedding(letters).unbind(1):
            h = self.cell(x, h)
        return self.y(h)
""".strip()
STACK = CELL.replace("for x in", "seen = h\n        for x in").replace(
    "self.y(h)", "self.y(seen + h)"
)
PLACES = """
class Parity(nn.Sequential):
    def __init__(self):
        e, y = nn.Embedding(13, 16), nn.Linear(64, 2)
        super().__init__(e, nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), y)
""".strip()
BAG = """
class Parity(nn.EmbeddingBag):
    def __init__(self):
        super().__init__(13, 2, mode="sum")
""".strip()
KNOWS = """
class Parity(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, letters):
        return self.scale * F.one_hot((letters < 6).sum(1) % 2, 2)
""".strip()
# Student -> answer, points, names. "": as in the source.
TRAINED = {
    "right": ("", (5, 15), ()),
    "right-loop": (TIME_FIRST, (5, 15), ()),
    "right-packed": (CELL, (5, 15), ()),
    "right-built-in": (STACK, (5, 15), ()),
    "wrong-1": (PLACES, (5, 0), ("no-carry-over-long",)),
    "wrong-2": (BAG, (0, 0), ("learns-too-little", "learns-too-little")),
    "wrong-3": (KNOWS, (0, 0), ("learns-too-little", "learns-too-little")),
}
# Student -> attention, network; points of values and function; names. "": as in the source.
HAND_INS = {
    "right": ("", "", (20, 20), ()),
    "right-loop": (ATTENTION, RNN, (20, 20), ()),
    "right-packed": (MATRIX, PACKED, (20, 20), ()),
    "right-built-in": (BUILT_IN, JOINED, (20, 20), ()),
    "wrong-1": (ATTENTION.replace(" / d ** 0.5", ""), "", (0, 20), ("no-scale",)),
    "wrong-2": (ATTENTION.replace("last = i + 1", "last = t"), "", (0, 20), ("no-mask",)),
    "wrong-3": (QUERIES, "", (0, 20), ("queries-for-values",)),
    "wrong-4": (MATRIX.replace("triu(1)", "triu(2)"), "", (0, 20), ("triu-diagonal-2",)),
    "wrong-5": (MATRIX.replace("return ", "return -"), "", (0, 20), ("end-neg",)),
    "wrong-6": ("", RNN.replace("GRUCell", "RNNCell"), (20, 0), ("GRU-as-RNN",)),
    "wrong-7": (MATRIX.replace("-0.5", "-1"), "", (0, 20), ("div-squared",)),
    "wrong-8": ("", NO_BIAS, (20, 0), ("Linear-without-bias",)),
    "wrong-9": ("", SOFTMAX, (20, 0), ("end-softmax",)),
    "wrong-10": ("", RNN.replace(STACKED, f"{STACKED}.relu()"), (20, 0), ("relu-after-Linear",)),
}


def test_the_lab_takes_few_lines_and_its_own_blocks_are_formatted(tmp_path: Path) -> None:
    path = tmp_path / "checks.py"
    path.write_text("\n\n".join(blocks(CHECKS)))
    command = [sys.executable, "-m", "ruff", "format", "--line-length=100", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    lines = [line.strip() for line in path.read_text().splitlines()]
    assert len([line for line in lines if line and not line.startswith("#")]) <= MAX_LINES


def test_notebook_and_lab_fit_together_and_answers_get_their_points_and_names(
    tmp_path: Path,
) -> None:
    course = open_course(lab_of(tmp_path))
    source = nbformat.read(tmp_path / "source" / "sequences" / "sequences.ipynb", 4)
    found = [*check_assignment.grade_cells(source, "sequences")]
    found += [check_assignment.hidden_tests(source, "sequences")]
    assert [finding for finding in found if finding.good is not True] == []
    assert course.config.Judge.assignments == "assignments"
    for who, (attention, network, (values, function), names) in HAND_INS.items():
        variables = dict(find_module("sequences", "checks").lab.honest())
        exec("import torch\nfrom torch import nn\nimport torch.nn.functional as F", variables)
        exec(f"{attention}\n{network}", variables)
        results = [
            checks.run("sequences", grade_id, InProcess(variables), 5)
            for grade_id in ("causal_attention_values", "char_rnn_function")
        ]
        assert [result.points for result in results] == [values, function], who
        assert tuple(name for result in results for name in result.mistakes) == names, who


@pytest.mark.parametrize("who", [who for who in TRAINED if not who.startswith("right-")])
def test_a_network_that_is_trained_gets_the_points_of_what_it_learns(
    who: str, tmp_path: Path
) -> None:
    open_course(lab_of(tmp_path))
    answer, points, names = TRAINED[who]
    variables = dict(find_module("sequences", "checks").lab.honest())
    exec("import torch\nfrom torch import nn\nimport torch.nn.functional as F", variables)
    exec(answer, variables)
    student = InProcess(variables)
    results = [checks.run("sequences", f"parity_{test}", student, 5) for test in ("short", "long")]
    assert tuple(result.points for result in results) == points
    assert tuple(name for result in results for name in result.mistakes) == names
    assert [a["name"] for a in results[1].figures["accuracies"]] == ["short", "long"]


@pytest.mark.slow
def test_the_whole_way_of_the_lab_from_proof_to_feedback(tmp_path: Path) -> None:
    course = open_course(lab_of(tmp_path))
    proved = CliRunner().invoke(app, ["check-assignment", "sequences", f"--course={tmp_path}"])
    assert proved.exit_code == 0, proved.output
    assert "80 of 80" in proved.output
    generate_release(course, "sequences")
    release = tmp_path / "release" / "sequences" / "sequences.ipynb"
    crash = "import os\nos._exit(1)"
    students = {who: answers[:2] for who, answers in HAND_INS.items() if who != "right"}
    students |= {"release": None, "crash": (crash, "")}  # type: ignore[dict-item]
    for who, answers in students.items():
        notebook = nbformat.read(release, 4)
        source = nbformat.read(tmp_path / "source" / "sequences" / "sequences.ipynb", 4)
        for cell, solved in zip(notebook.cells, source.cells, strict=True):
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if answers is not None and name in ("causal_attention", "char_rnn", "parity"):
                trained = TRAINED.get(who, ("",))[0]
                written = {
                    "causal_attention": answers[0],
                    "char_rnn": answers[1],
                    "parity": trained,
                }
                cell.source = written[name] or solved.source
        path = tmp_path / "submitted" / who / "sequences" / "sequences.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    grade_class.grade(tmp_path, "sequences", grade_class.Selection(list(students)), workers=1)
    generate_feedback(course, "sequences")
    for who in students:
        folder = tmp_path / "autograded" / who / "sequences" / "sequences.ipynb"
        rows = {row.grade_id: row for row in read_scores(folder)}
        if who in ("release", "crash"):
            assert sum(row.result.points for row in rows.values() if row.result) == 0, who
            continue
        values, function = HAND_INS[who][2]
        results = [rows["causal_attention_values"].result, rows["char_rnn_function"].result]
        assert [r.points for r in results if r] == [values, function], who
        assert tuple(n for r in results if r for n in r.mistakes) == HAND_INS[who][3], who
        trained = [rows[f"parity_{test}"].result for test in ("short", "long")]
        assert tuple(r.points for r in trained if r) == TRAINED.get(who, TRAINED["right"])[1], who
    page = (tmp_path / "feedback" / "wrong-1" / "sequences" / "sequences.html").read_text()
    assert "the scores were not divided by anything" in page
    assert "How large are the scores" in page
    calibrate = ["calibrate", "sequences", "--family=by place", "--seeds=1"]
    for command in (
        ["report", "sequences"],
        calibrate,
        ["publish", "sequences", str(tmp_path / "bundle")],
    ):
        done = CliRunner().invoke(app, [*command, f"--course={tmp_path}"])
        assert done.exit_code == 0, done.output
    given = [p.read_bytes() for p in (tmp_path / "bundle").rglob("*") if p.is_file()]
    assert not any(b"masked_fill" in data or b"autograder.checking" in data for data in given)
