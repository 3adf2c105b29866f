"""The source notebook as data, and the two loops that it teaches."""

import ast
import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
import torch
import torch.nn.functional as F
from nbformat import NotebookNode
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from tqdm.auto import tqdm

from course_utils.scale import MAX_RUNS, named
from course_utils.signs import draw_signs
from course_utils.training import BUDGET, SCALE
from tests.conftest import ROOT

NOTEBOOK = ROOT / "source" / "cnns" / "cnns.ipynb"

AUTOMATIC_POINTS = {
    "conv_pool_conv_shape": 5,
    "conv_pool_conv_values": 15,
    "net_shape": 5,
    "net_parameters": 10,
    "net_function": 20,
    "improved_shape": 5,
    "improved_parameters": 5,
    "improved_top_left": 5,
    "improved_bottom_right": 20,
}
MANUAL_POINTS = {"why_bottom_right_fails": 5, "how_easy": 5}
EXERCISES = {  # solution cell: what it defines, and the grade cells that follow it
    "conv_pool_conv": ("conv_pool_conv", ["conv_pool_conv_shape", "conv_pool_conv_values"]),
    "net": ("Net", ["net_shape", "net_parameters", "net_function"]),
    "improved_net": (
        "ImprovedNet",
        ["improved_shape", "improved_parameters", "improved_top_left", "improved_bottom_right"],
    ),
}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@pytest.fixture(scope="module")
def notebook() -> NotebookNode:
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)
    return notebook


def nbgrader(cell: NotebookNode) -> dict[str, Any]:
    """A cell's nbgrader metadata; empty for a plain cell."""
    return dict(cell.metadata.get("nbgrader", {}))


def graded(notebook: NotebookNode, cell_type: str) -> dict[str, NotebookNode]:
    """The grade cells of one type by `grade_id`."""
    return {
        nbgrader(cell)["grade_id"]: cell
        for cell in notebook.cells
        if cell.cell_type == cell_type and nbgrader(cell).get("grade")
    }


def without_solutions(source: str) -> str:
    """A cell's source without what stands between solution markers."""
    return re.sub(rf"(?s)\s*{BEGIN}.*?{END}", "", source)


# -- the file ------------------------------------------------------------------------------------


def test_notebook_is_valid_nbformat_4_5_for_python3(notebook: NotebookNode) -> None:
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"


def test_outputs_are_stripped(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


def test_cell_ids_are_unique_and_meaningful(notebook: NotebookNode) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    generated = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4})*")  # what nbformat and Jupyter make up
    assert [id_ for id_ in ids if generated.match(id_)] == []


def test_every_code_cell_parses(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source, filename=cell.id)


# -- what is graded ------------------------------------------------------------------------------


def test_grade_cells_have_the_names_and_points_of_the_design(notebook: NotebookNode) -> None:
    automatic = {id_: nbgrader(c)["points"] for id_, c in graded(notebook, "code").items()}
    manual = {id_: nbgrader(c)["points"] for id_, c in graded(notebook, "markdown").items()}
    assert automatic == AUTOMATIC_POINTS
    assert manual == MANUAL_POINTS
    assert sum(automatic.values()) == 90
    assert sum(manual.values()) == 10


def test_nbgrader_metadata_is_complete_and_grade_ids_are_unique(notebook: NotebookNode) -> None:
    metadata = [nbgrader(cell) for cell in notebook.cells if nbgrader(cell)]
    for entry in metadata:
        keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
        assert set(entry) == (keys | {"points"} if entry["grade"] else keys), entry
        assert entry["schema_version"] == 3
        assert entry["task"] is False
    ids = [entry["grade_id"] for entry in metadata]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("grade_id", AUTOMATIC_POINTS)
def test_grade_cell_is_locked_explained_and_otherwise_hidden(
    notebook: NotebookNode, grade_id: str
) -> None:
    cell = graded(notebook, "code")[grade_id]
    assert nbgrader(cell)["locked"] is True
    assert nbgrader(cell)["solution"] is False
    visible, hidden = cell.source.split("### BEGIN HIDDEN TESTS\n")
    assert visible.startswith("# Graded: ")
    assert all(line.startswith("#") for line in visible.strip().splitlines())
    assert hidden == (
        "from autograder.inprocess import grade\n"
        f'grade("cnns", "{grade_id}", globals())\n'
        "### END HIDDEN TESTS"
    )


@pytest.mark.parametrize("exercise", EXERCISES)
def test_solution_cell_check_and_grade_cells_follow_each_other(
    notebook: NotebookNode, exercise: str
) -> None:
    defined, grade_ids = EXERCISES[exercise]
    cells = notebook.cells
    index = [nbgrader(cell).get("grade_id") for cell in cells].index(exercise)
    assert cells[index + 1].source.startswith(f"checks.check_{exercise}({defined}")
    following = cells[index + 2 : index + 2 + len(grade_ids)]
    assert [nbgrader(cell).get("grade_id") for cell in following] == grade_ids


@pytest.mark.parametrize("exercise", EXERCISES)
def test_solution_cell_is_a_marked_scaffold_with_a_docstring(
    notebook: NotebookNode, exercise: str
) -> None:
    (cell,) = [c for c in notebook.cells if nbgrader(c).get("grade_id") == exercise]
    assert (nbgrader(cell)["grade"], nbgrader(cell)["solution"]) == (False, True)
    assert nbgrader(cell)["locked"] is False
    assert cell.source.count(BEGIN) == cell.source.count(END) >= 1
    (definition,) = ast.parse(cell.source).body
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    assert definition.name == EXERCISES[exercise][0]
    assert ast.get_docstring(definition)


def test_solution_markers_stand_in_solution_cells_only(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if BEGIN in cell.source or END in cell.source:
            assert nbgrader(cell).get("solution"), cell.id


@pytest.mark.parametrize("grade_id", MANUAL_POINTS)
def test_manual_answer_is_all_solution_and_follows_its_question(
    notebook: NotebookNode, grade_id: str
) -> None:
    cells = notebook.cells
    index = [nbgrader(cell).get("grade_id") for cell in cells].index(grade_id)
    assert (nbgrader(cells[index])["solution"], nbgrader(cells[index])["locked"]) == (True, False)
    assert without_solutions("\n" + cells[index].source) == ""
    assert cells[index - 1].source.startswith("### Question ")
    assert "(5 points)" in cells[index - 1].source


@pytest.mark.parametrize(
    "fragment", ["AdaptiveAvgPool", "padding=", ".mean(dim", "BatchNorm", "max_pool2d", "MaxPool2d"]
)
def test_solution_code_stands_nowhere_outside_the_solutions(
    notebook: NotebookNode, fragment: str
) -> None:
    leaks = [cell.id for cell in notebook.cells if fragment in without_solutions(cell.source)]
    assert leaks == []


# -- questions and text --------------------------------------------------------------------------


def test_nine_questions_seven_with_an_answer_to_reveal(notebook: NotebookNode) -> None:
    questions = [c.source for c in notebook.cells if c.source.startswith("### Question ")]
    numbers = [int(re.findall(r"\d+", source)[0]) for source in questions]
    assert numbers == list(range(1, 10))
    revealed = [n for n, source in zip(numbers, questions, strict=True) if "<details>" in source]
    assert revealed == [1, 2, 3, 4, 5, 6, 7]


def test_answers_to_reveal_are_closed_and_rendered_as_markdown(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        answers = re.findall(
            r"(?s)<details>\n<summary>[^<]+</summary>\n\n.+?\n\n</details>", cell.source
        )
        assert len(answers) == cell.source.count("<details>") == cell.source.count("</details>")


def test_notebook_does_not_display_every_expression(notebook: NotebookNode) -> None:
    assert all("ast_node_interactivity" not in cell.source for cell in notebook.cells)


def test_text_states_the_budget_and_data_that_grading_uses(notebook: NotebookNode) -> None:
    (text,) = [c.source for c in notebook.cells if c.source.startswith("### Exercise 3")]
    words = " ".join(text.split())
    short, long = BUDGET.short, BUDGET.long
    assert long is not None
    assert f"{short.steps} steps of {short.batch_size} images" in words
    assert f"up to {long.steps:,} steps" in words
    assert f"a learning rate of {short.max_lr:g}" in words
    signs = draw_signs(0)
    assert f"{len(signs.train_images):,} images" in words
    assert f"{len(signs.test_images['bottom_right']):,} other images" in words


def test_text_states_the_scale_by_which_grading_gives_points(notebook: NotebookNode) -> None:
    (text,) = [c.source for c in notebook.cells if c.source.startswith("### Exercise 3")]
    for corner, marks in SCALE.marks.items():
        first, *between, last = (f"{mark.accuracy:.0%}".replace("%", " %") for mark in marks)
        columns = [f"up to {first}", *between, f"{last} and more"]
        points = [f"{mark.points:g}" for mark in marks]
        assert f"| {named(corner)} | {' | '.join(columns)} |\n" in text
        assert f"| points | {' | '.join(points)} |\n" in text
    assert f"({SCALE.follows:.0%}".replace("%", " %") + " of it)" in text
    assert f"there are up to {['two', 'three', 'four', 'five'][MAX_RUNS - 2]}" in text


# -- the loops -----------------------------------------------------------------------------------


def function_from(notebook: NotebookNode, name: str) -> Callable[..., Any]:
    """The function that the notebook defines under `name`, made by running its cell alone."""
    (source,) = [c.source for c in notebook.cells if c.source.startswith(f"def {name}(")]
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "tqdm": tqdm}
    exec(compile(source, name, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


def random_images(number: int, batch_size: int = 4) -> DataLoader[tuple[Tensor, ...]]:
    """A loader of `number` random images (number, 1, 8, 8) of three classes."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(number, 1, 8, 8, generator=generator)
    return DataLoader(TensorDataset(images, torch.arange(number) % 3), batch_size=batch_size)


def network() -> nn.Module:
    """A network that PyTorch refuses to train on a batch of one."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


def run_train(notebook: NotebookNode, model: nn.Module, number: int, epochs: int = 1) -> Any:
    train = function_from(notebook, "train")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loss_fn = nn.CrossEntropyLoss()
    return train(model, random_images(number), loss_fn, optimizer, torch.device("cpu"), epochs)


def test_train_survives_a_last_batch_of_one_image(notebook: NotebookNode) -> None:
    history = run_train(notebook, network(), number=9)
    assert len(history) == 1


def test_train_sets_train_mode(notebook: NotebookNode) -> None:
    model = network().eval()
    run_train(notebook, model, number=8)
    assert all(module.training for module in model.modules())


def test_train_lowers_the_loss_and_reports_each_epoch(notebook: NotebookNode) -> None:
    torch.manual_seed(0)
    history = run_train(notebook, network(), number=8, epochs=30)
    losses, accuracies = zip(*history, strict=True)
    assert len(history) == 30
    assert losses[-1] < losses[0] / 2
    assert all(0 <= accuracy <= 1 for accuracy in accuracies)


def test_train_refuses_a_loader_of_single_images_only(notebook: NotebookNode) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        run_train(notebook, network(), number=1)


def test_evaluate_returns_accuracy_labels_and_predictions(notebook: NotebookNode) -> None:
    evaluate = function_from(notebook, "evaluate")
    last = nn.Linear(64, 3)
    nn.init.zeros_(last.weight)
    last.bias.data = torch.tensor([0.0, 1.0, 0.0])  # the prediction is always class 1
    model = nn.Sequential(nn.Flatten(), last)
    accuracy, labels, predictions = evaluate(model, random_images(10), torch.device("cpu"))
    assert isinstance(accuracy, float)
    assert accuracy == pytest.approx(3 / 10)
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert predictions.tolist() == [1] * 10


def test_evaluate_uses_eval_mode_and_records_no_gradients(notebook: NotebookNode) -> None:
    class Spy(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            return images.new_zeros(len(images), 3)

    function_from(notebook, "evaluate")(Spy(), random_images(5), torch.device("cpu"))


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_leaves_each_module_in_its_mode(notebook: NotebookNode, training: bool) -> None:
    model = network().train(training)
    next(model.children()).train(not training)
    before = [module.training for module in model.modules()]
    function_from(notebook, "evaluate")(model, random_images(5), torch.device("cpu"))
    assert [module.training for module in model.modules()] == before


def test_evaluate_restores_the_mode_after_an_error(notebook: NotebookNode) -> None:
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise RuntimeError("broken")

    model = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        function_from(notebook, "evaluate")(model, random_images(5), torch.device("cpu"))
    assert model.training


def test_students_read_nothing_that_is_there_for_the_grader() -> None:
    for path in (NOTEBOOK, NOTEBOOK.parents[1] / "mlp" / "mlp.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            shown = without_solutions(cell.source)
            shown = re.sub(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", shown, flags=re.S)
            for word in ("QUICK", "quick_run", "NBGRADER", "while nbgrader"):
                assert word not in shown, cell.id
