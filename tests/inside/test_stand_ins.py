"""What notebooks commonly assume and the grader's machine lacks costs nobody points."""

from __future__ import annotations

import pytest

from tests.judging.lab import ALL, graded, points, shown, with_cell, with_changed, with_first_line

NOTES = {
    "import seaborn as sns": "`seaborn` is not installed here",
    "import seaborn as sns, os\nsns.set_theme(style='dark')": "`seaborn` is not installed here",
    "from wandb import *\nfrom wandb.sdk import Thing as T\nT(1).log({})": "`wandb` is not",
    "from google.colab import drive\ndrive.mount('/content/drive')": "`google.colab` is not",
    "import google.colab.files\ngoogle.colab.files.upload()": "`google.colab` is not installed",
    "if True:\n    import einops.layers.torch": "`einops` is not installed",
    "%matplotlib widget": "not by `widget`",
    "%matplotlib qt": "not by `qt`",
    "import matplotlib; matplotlib.use('TkAgg')": "not by `TkAgg`",
    "from matplotlib import pyplot; pyplot.switch_backend('nbAgg')": "not by `nbAgg`",
    "%load_ext nb_black": "the extension `nb_black` is not installed",
    "%tensorboard --logdir runs": "`%tensorboard` is unknown here",
    "name = input('Your name: ')": "nobody answers here",
    "from getpass import getpass; getpass()": "nobody answers here",
}
# A cell that writes a module of its own.
_WRITE = """import sys
from pathlib import Path
folder = Path("made"); folder.mkdir(); sys.path.append("made")
(folder / "own.py").write_text("{}")
"""


@pytest.mark.parametrize("line", NOTES)
def test_what_is_not_there_costs_nothing_and_is_told(line: str) -> None:
    notebook = with_first_line(line)
    assert points(notebook) == ALL
    assert NOTES[line] in shown(notebook)
    (asked,) = notebook.metadata["autograder"]["absent"]
    assert asked["points"] == 0


def test_a_notebooks_own_answer_to_a_missing_package_is_respected() -> None:
    notebook = with_first_line(
        "try:\n    import google.colab\n    where = 'colab'\nexcept ImportError:\n"
        "    where = 'here'\nfrom course_utils import environment\n"
        "print('it is', where, environment.in_colab())\n"
        "try:\n    import seaborn\nexcept ImportError:\n    print('no seaborn')"
    )
    assert points(notebook) == ALL
    assert "it is here False" in shown(notebook)
    assert "no seaborn" in shown(notebook)
    assert notebook.metadata["autograder"]["absent"] == []


def test_a_package_that_is_there_is_the_real_one() -> None:
    notebook = with_first_line("import numpy as np, json\nprint(np.ones(2).sum(), json.dumps([1]))")
    assert points(notebook) == ALL
    assert "2.0 [1]" in shown(notebook)
    assert "Note from the grader" not in shown(notebook)


def test_an_answer_that_needs_what_is_not_there_says_so_and_the_instructor_hears() -> None:
    notebook = with_changed(
        lambda s: (
            s.replace("error.T @ images", "einops.einsum(error, images, 'n k, n d -> k d')")
            .replace("\nimport torch", "\nimport einops\nimport torch")
            .replace("import torch\n", "import einops\nimport torch\n", 1)
        )
    )
    result = graded(notebook)["training_step"]
    assert result.points == 0
    assert "No module named 'einops'" in result.reason
    (asked,) = notebook.metadata["autograder"]["absent"]
    assert asked == {"kind": "package", "name": "einops", "points": 20.0}


def test_a_decorator_of_a_missing_package_leaves_the_answer_as_it_is() -> None:
    notebook = with_changed(
        lambda s: s.replace(
            "def training_step", "from beartype import beartype\n@beartype\ndef training_step"
        )
    )
    assert points(notebook) == ALL


def test_a_file_that_wants_a_missing_package_is_told_too() -> None:
    notebook = with_cell(f"{_WRITE.format('import seaborn')}import own")
    assert points(notebook) == ALL
    assert [a["name"] for a in notebook.metadata["autograder"]["absent"]] == ["seaborn"]


def test_a_module_that_the_cell_itself_writes_is_the_real_one() -> None:
    notebook = with_cell(f"{_WRITE.format('x = 6 * 7')}import own, own as o\nprint(own.x, o.x)")
    assert points(notebook) == ALL
    assert "42 42" in shown(notebook)


def test_other_failures_of_an_import_are_as_anywhere() -> None:
    notebook = with_cell("from torch import nothing_of_the_kind")
    assert points(notebook) == ALL
    assert "cannot import name 'nothing_of_the_kind'" in shown(notebook)
    notebook = with_cell("import torch.nothing_of_the_kind")
    assert points(notebook) == ALL
    assert "No module named 'torch.nothing_of_the_kind'" in shown(notebook)
    assert "left out" not in shown(notebook)


def test_future_imports_and_functions_go_on() -> None:
    notebook = with_cell(
        "from __future__ import annotations\ndef f():\n    import seaborn.palettes as p\n"
        "    return p.husl(3)\nprint('got', f())"
    )
    assert points(notebook) == ALL
    assert "got <seaborn.palettes.husl()" in shown(notebook)
