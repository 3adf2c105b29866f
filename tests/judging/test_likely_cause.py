"""What explains that an answer failed: cells that failed before, stubs, definitions elsewhere."""

from __future__ import annotations

import sys

import pytest

from autograder.judging._likely_cause import FailedCell, because
from tests.judging.lab import graded, right_hand_in, with_cell, with_changed, with_first_line

STUB = "raise NotImplementedError()"


def _missing(name: str) -> dict[str, str]:
    return {"type": "Missing", "message": f"{name} is not defined: ..."}


def _name_error(name: str) -> dict[str, str]:
    return {"type": "NameError", "message": f"name '{name}' is not defined"}


def test_a_failing_first_line_is_named_in_each_verdict_that_hangs_on_it() -> None:
    results = graded(with_first_line("from os import nothing_of_the_kind"))
    assert {r.points for r in results.values()} == {0}
    for result in results.values():
        assert "the cell that begins with `from os import nothing_of_the_kind` failed" in (
            result.reason
        )
        assert "cannot import name 'nothing_of_the_kind'" in result.reason
    assert "`class MLP(nn.Module):` failed (NameError: name 'nn'" in results["mlp_shape"].reason


@pytest.mark.parametrize(
    ("first_line", "error"),
    [
        ("x = f'{print('a')}' if {{}} else", f"; it ran with Python 3.{sys.version_info.minor}"),
        ("open('/content/drive/data.csv')", "FileNotFoundError"),
        ("number = int(input())", "ValueError"),
        ("import torch.nothing", "ModuleNotFoundError: No module named 'torch.nothing'"),
    ],
)
def test_whatever_the_cell_failed_of_is_named(first_line: str, error: str) -> None:
    reason = graded(with_first_line(first_line))["training_step"].reason
    assert error in reason
    assert "Likely cause: the cell that begins with" in reason


def test_a_failed_cell_that_explains_nothing_is_not_blamed() -> None:
    notebook = with_changed(lambda s: s.replace("-= 1", "-= 2"))
    at = next(i for i, c in enumerate(notebook.cells) if "def training_step" in c.source)
    notebook.cells.insert(at, with_cell("1 / 0").cells[at])
    notebook.cells[at].source = "1 / 0"
    reason = graded(notebook)["training_step"].reason
    assert reason
    assert "1 / 0" not in reason


def test_the_chain_of_causes_is_told_from_its_beginning() -> None:
    failed = [
        FailedCell(
            "import numpy as np\nimport nope", "ModuleNotFoundError: No module named 'nope'"
        ),
        FailedCell("1 / 0", "ZeroDivisionError: division by zero"),
        FailedCell("half = np.array(0.5)", "NameError: name 'np' is not defined"),
        FailedCell("def f(x=half): return x", "NameError: name 'half' is not defined"),
    ]
    told = because(_missing("f"), "f", failed, [])
    assert [told.find(f"`{first}`") > 0 for first in ("import numpy as np", "half = np.array(0.5)")]
    assert told.index("import numpy") < told.index("half = ") < told.index("def f(")
    assert "1 / 0" not in told


def test_a_name_that_comes_by_a_star_is_looked_for_in_imports() -> None:
    failed = [FailedCell("from nope import *", "ModuleNotFoundError: No module named 'nope'")]
    assert "from nope import *" in because(_name_error("torch"), "f", failed, [])


def test_a_definition_below_the_check_is_pointed_to() -> None:
    notebook = right_hand_in()
    at = next(i for i, c in enumerate(notebook.cells) if "def training_step" in c.source)
    late = with_cell(notebook.cells[at].source, before="Before you hand in")
    late.cells[at].source = "# see below"
    reason = graded(late)["training_step"].reason
    assert "training_step is not defined. It is defined only in the cell that begins with" in reason
    assert "below this check: move that cell up" in reason


# ------------------------------------------------------------------------------------------ stubs


def _with_step(body: str) -> str:
    return f"def training_step(weight, images, labels, learning_rate):\n{body}"


def _step_is(source: str) -> str:
    notebook = with_changed(lambda s: source if "def training_step" in s else s)
    return graded(notebook)["training_step"].reason


def test_the_stub_is_recognised() -> None:
    reason = _step_is(_with_step(f'    """Text."""\n    # YOUR CODE HERE\n    {STUB}'))
    assert reason == "this exercise is not implemented yet"


@pytest.mark.parametrize(
    "body",
    [
        "    raise NotImplementedError('batches of one')",
        "    return helper(weight)\ndef helper(weight):\n    raise NotImplementedError()",
        "    return torch.ones(2, dtype=torch.int32, device='meta').item()",
    ],
)
def test_another_such_error_is_not_called_the_stub(body: str) -> None:
    reason = _step_is(_with_step(body))
    assert "not implemented yet" not in reason
    assert "your code raised" in reason


def test_a_stub_beside_the_answer_is_told() -> None:
    below = _with_step(f"    # YOUR CODE HERE\n    {STUB}\n    return weight - 1")
    assert "still stands above your own code: remove it" in _step_is(below)
    above = _with_step(f"    # YOUR CODE HERE\n    new = weight - 1\n    {STUB}")
    assert "still stands below your own code: remove it" in _step_is(above)


@pytest.mark.parametrize("before", ["def training_step", "Before you hand in"])
def test_a_definition_elsewhere_is_pointed_to(before: str) -> None:
    stub = _with_step(f"    # YOUR CODE HERE\n    {STUB}")
    notebook = with_changed(lambda s: stub if "def training_step" in s else s)
    at = next(i for i, c in enumerate(notebook.cells) if before in c.source)
    own = with_cell("import math  # mine\n" + _with_step("    return weight")).cells
    notebook.cells.insert(at, next(c for c in own if "# mine" in c.source))
    reason = graded(notebook)["training_step"].reason
    assert "training_step is defined in the cell that begins with `import math" in reason
    assert "put your code in the place of `raise NotImplementedError()`" in reason
