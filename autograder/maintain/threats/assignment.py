"""A small assignment for attacks: the first five grade cells of `cnns`, which need no training."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.assignments.cnns import made_class
from autograder.maintain.threats.attack import Attack, source

ASSIGNMENT = "cnns"
POINTS = {
    "conv_pool_conv_shape": 5.0,
    "conv_pool_conv_values": 15.0,
    "net_shape": 5.0,
    "net_parameters": 10.0,
    "net_function": 20.0,
}
FULL = sum(POINTS.values())
SOLUTIONS = {"conv_pool_conv": made_class.CHAIN, "net": made_class.NET}
CANARY = "CANARY"  # stands in whatever a hand-in must not read

_IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import nn"

# As nbgrader's documentation has it: assertions in the student's kernel.
_ASSERTIONS = {
    "conv_pool_conv_shape": """
        for height, width in ((28, 28), (31, 40)):
            output = conv_pool_conv(torch.rand(3, height, width), torch.ones(1, 3, 3, 3))
            assert output.shape[-2:] == ((height - 2) // 2 - 2, (width - 2) // 2 - 2)
    """,
    "conv_pool_conv_values": """
        image, kernel = torch.rand(3, 32, 32), torch.randn(1, 1, 3, 3).repeat(1, 3, 1, 1)
        expected = F.conv2d(F.max_pool2d(F.conv2d(image, kernel), 2), kernel[:, :1])
        assert torch.allclose(conv_pool_conv(image, kernel), expected, atol=1e-3)
    """,
    "net_shape": """
        assert Net()(torch.rand(4, 1, 56, 56)).shape == (4, 10)
    """,
    "net_parameters": """
        assert sum(parameter.numel() for parameter in Net().parameters()) == 66106
    """,
    "net_function": """
        class Reference(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1, self.conv2 = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 5)
                self.fc1, self.fc2, self.fc3 = (
                    nn.Linear(1936, 32), nn.Linear(32, 16), nn.Linear(16, 10)
                )

            def forward(self, images):
                x = F.max_pool2d(F.relu(self.conv1(images)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
                return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

        net, reference, images = Net(), Reference(), torch.rand(4, 1, 56, 56)
        values = net.state_dict().values()
        reference.load_state_dict(dict(zip(reference.state_dict(), values, strict=True)))
        expected = reference(images)
        assert torch.allclose(net(images), expected, atol=1e-3)
    """,
}


def source_notebook(*, assertions: bool = False) -> NotebookNode:
    """Return the instructor's notebook.

    Args:
        assertions: plain assertions for hidden tests, as with stock nbgrader; else our checks.
    """
    cells = [new_markdown_cell("# Attacks", id="title"), new_code_cell(_IMPORTS, id="imports")]
    for solution, text in SOLUTIONS.items():
        stub = f"# {CANARY}-solution\n{text}"
        text = f"### BEGIN SOLUTION\n{stub}\n### END SOLUTION"
        cells.append(_nbgrader_cell(solution, text, grade=False))
        graded = [g for g in POINTS if g.startswith(solution)]
        cells += [_nbgrader_cell(g, _hidden_test(g, assertions), grade=True) for g in graded]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def hand_in(attack: Attack, release: NotebookNode) -> NotebookNode:
    """Return the notebook that an attack hands in."""
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = attack.answers.get(grade_id, cell.source)
    if attack.opening:
        notebook.cells.insert(2, new_code_cell(attack.opening, id="opening"))
    if attack.closing:
        notebook.cells.append(new_code_cell(attack.closing, id="closing"))
    if attack.edit:
        attack.edit(notebook)
    return notebook


def submit(course: Path, student: str, attack: Attack) -> Path:
    """Return the folder of a hand-in, after writing it into a course."""
    release = nbformat.read(course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", 4)
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    data = nbformat.v4.writes(hand_in(attack, release)).encode()
    if attack.write:
        attack.write(folder, data)
    else:
        (folder / f"{ASSIGNMENT}.ipynb").write_bytes(data)
    return folder


def _hidden_test(grade_id: str, assertions: bool) -> str:
    call = f'from autograder.inprocess import grade\ngrade("cnns", "{grade_id}", globals())'
    test = source(_ASSERTIONS[grade_id]) if assertions else call
    return f"# Graded.\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"


def _nbgrader_cell(grade_id: str, text: str, *, grade: bool) -> NotebookNode:
    marks = {"schema_version": 3, "grade_id": grade_id, "task": False}
    marks |= {"grade": grade, "solution": not grade, "locked": grade}
    if grade:
        marks["points"] = POINTS[grade_id]
    cell_id = grade_id.replace("_", "-")
    return new_code_cell(text, id=cell_id, metadata={"nbgrader": marks})
