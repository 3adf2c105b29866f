"""What a hand-in may look like as a file and as a folder, and what becomes of it."""

from __future__ import annotations

import errno
import json
import os
import random
import socket
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from traitlets.config import Config

from autograder.intake import Intake, _parse, _plain_files, _records, read, read_folder
from autograder.intake.read_folder import HandIn, collect
from tests.conftest import ROOT

COURSE_SOURCE = ROOT / "source" / "cnns" / "cnns.ipynb"
Sanitize = Callable[[NotebookNode], NotebookNode]
GRADED = {"square_small": "square", "square_large": "square", "shape_area": "shape"}
ANSWERS = ("why", "how")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

# ---------------------------------------------------------------------------------------- fixtures


def cell(kind: str, source: str, cell_id: str, **flags: Any) -> NotebookNode:
    new = new_code_cell if kind == "code" else new_markdown_cell
    node = new(source, id=cell_id)
    if flags:
        meta = {"grade": False, "solution": False, "locked": False, "schema_version": 3, **flags}
        node.metadata["nbgrader"] = NotebookNode(meta, grade_id=cell_id)
    return node


def graded(cell_id: str, points: int) -> NotebookNode:
    source = f"# {points} points: {cell_id} is tried out.\n### BEGIN HIDDEN TESTS\nassert False"
    source += "\n### END HIDDEN TESTS"
    return cell("code", source, cell_id, grade=True, locked=True, points=points)


def solution(cell_id: str, head: str, body: str) -> NotebookNode:
    source = f"{head}\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"
    return cell("code", source, cell_id, solution=True)


def answer(cell_id: str) -> NotebookNode:
    return cell("markdown", "The truth.", cell_id, grade=True, solution=True, points=5)


def source_notebook() -> NotebookNode:
    cells = [
        cell("markdown", "# Squares and shapes", "title"),
        cell("code", "import math\nimport json", "setup", locked=True),
        cell("markdown", "## Squares: a number times itself", "text_square"),
        solution("square", "def square(x):", "return x * x"),
        cell("code", "print(square(3))", "try_square"),
        graded("square_small", 1),
        graded("square_large", 2),
        cell("markdown", "## Shapes have an area", "text_shape"),
        solution("shape", "class Shape:", "area = 1"),
        graded("shape_area", 4),
        cell("markdown", "Why does a square have an area?", "ask_why"),
        answer("why"),
        cell("markdown", "How many shapes are there?", "ask_how"),
        answer("how"),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def generate(root: Path, source: NotebookNode, name: str) -> tuple[NotebookNode, Sanitize]:
    """The release that nbgrader makes of a source, and its steps before execution."""
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.assignment_id = name
    config.CourseDirectory.db_url = db_url = f"sqlite:///{root}/gradebook.db"
    path = root / "source" / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    NbGrader.clear_instance()
    with pytest.MonkeyPatch.context() as patch:
        bin_folder = Path(sys.executable).parent  # nbgrader runs alembic by its bare name
        patch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
        GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()

    def sanitize(notebook: NotebookNode) -> NotebookNode:
        resources = {
            "nbgrader": {"notebook": name, "assignment": name, "student": "s", "db_url": db_url}
        }
        for step in Autograde.sanitize_preprocessors.default():
            notebook, resources = step(enabled=True).preprocess(notebook, resources)
        return notebook

    return nbformat.read(root / "release" / name / f"{name}.ipynb", as_version=4), sanitize


@pytest.fixture(scope="session")
def course_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One gradebook for all: nbgrader takes seconds to make one."""
    return tmp_path_factory.mktemp("course")


@pytest.fixture(scope="session")
def course(course_root: Path) -> tuple[NotebookNode, Sanitize]:
    return generate(course_root, source_notebook(), "shapes")


@pytest.fixture(scope="session")
def release(course: tuple[NotebookNode, Sanitize]) -> NotebookNode:
    return course[0]


@pytest.fixture(scope="session")
def sanitize(course: tuple[NotebookNode, Sanitize]) -> Sanitize:
    return course[1]


@pytest.fixture
def honest(release: NotebookNode) -> NotebookNode:
    """A finished hand-in with outputs, as Jupyter saves it."""
    notebook = deepcopy(release)
    find(notebook, "square").source = "def square(x):\n    return x**2"
    find(notebook, "shape").source = "class Shape:\n    area = 7"
    find(notebook, "why").source = "Because."
    find(notebook, "how").source = "Five: they are platonic."
    printed = nbformat.v4.new_output("stream", text="9\n")
    find(notebook, "try_square").update(outputs=[printed], execution_count=3)
    return notebook


def find(notebook: NotebookNode, cell_id: str) -> NotebookNode:
    """The cell of that grade_id, else of that cell id."""
    by_grade_id = [c for c in notebook.cells if grade_id(c) == cell_id]
    (found,) = by_grade_id or [c for c in notebook.cells if c.get("id") == cell_id]
    return found


def remove(notebook: NotebookNode, cell_id: str) -> NotebookNode:
    gone = find(notebook, cell_id)
    notebook.cells = [c for c in notebook.cells if c is not gone]
    return gone


def grade_id(node: NotebookNode) -> Any:
    return node.metadata.get("nbgrader", {}).get("grade_id")


def place(notebook: NotebookNode, cell_id: str) -> int:
    return notebook.cells.index(find(notebook, cell_id))


def to_bytes(notebook: Any) -> bytes:
    return json.dumps(notebook).encode()


def sources(notebook: NotebookNode) -> list[str]:
    return [c.source for c in notebook.cells]


def said(taken: Intake, about: str | None) -> str:
    return "; ".join(r.sentence for r in taken.repairs if r.grade_id == about)


def assert_whole(notebook: NotebookNode, release: NotebookNode) -> None:
    """Everything that grading relies on."""
    nbformat.validate(deepcopy(notebook))
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    MetadataValidator().validate_nb(notebook)
    json.dumps(notebook, ensure_ascii=False, allow_nan=False).encode()
    ids = [c.id for c in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert notebook.metadata == release.metadata
    known = [c for c in release.cells if grade_id(c)]
    held = [grade_id(c) for c in notebook.cells if grade_id(c)]
    assert sorted(held) == sorted(c.metadata.nbgrader.grade_id for c in known)
    for wanted in known:
        got = find(notebook, wanted.metadata.nbgrader.grade_id)
        assert (got.cell_type, got.metadata, got.id) == (
            wanted.cell_type,
            wanted.metadata,
            wanted.id,
        )
        if not wanted.metadata.nbgrader.solution:
            assert got.source == wanted.source
    for node in notebook.cells:
        assert grade_id(node) or "nbgrader" not in node.metadata
        assert not node.get("outputs")
    for test, tested in GRADED.items():
        assert place(notebook, test) > place(notebook, tested), f"{test} above {tested}"


def taken_in(notebook: Any, release: NotebookNode) -> Intake:
    before = deepcopy(release)
    taken = read(to_bytes(notebook), release)
    assert release == before
    assert taken.fatal is None
    assert_whole(taken.notebook, release)
    return taken


# ------------------------------------------------------------------------------ the honest hand-in


def test_an_honest_hand_in_passes_unchanged_but_for_its_outputs(
    honest: NotebookNode, release: NotebookNode
) -> None:
    taken = taken_in(honest, release)
    find(honest, "try_square").update(outputs=[], execution_count=None)
    assert taken.repairs == ()
    assert taken.notebook == honest


def test_the_release_itself_handed_in_needs_no_repair(release: NotebookNode) -> None:
    taken = taken_in(release, release)
    assert (taken.repairs, taken.notebook) == ((), release)


def test_a_students_own_cells_stay_in_place_without_their_metadata(
    honest: NotebookNode, release: NotebookNode
) -> None:
    own = new_code_cell("print('mine')", id="mine", metadata={"tags": ["skip-execution"]})
    honest.cells.insert(4, own)
    taken = taken_in(honest, release)
    assert taken.repairs == ()
    assert sources(taken.notebook) == sources(honest)
    assert taken.notebook.cells[4].metadata == {}


def test_a_plain_cell_that_the_student_changed_keeps_the_students_text(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "try_square").source = "print(square(4))"
    taken = taken_in(honest, release)
    assert find(taken.notebook, "try_square").source == "print(square(4))"
    assert taken.repairs == ()


def as_colab(notebook: NotebookNode) -> dict[str, Any]:
    """What Colab saves: no cell ids but its own metadata, sources as lines, its kernelspec."""
    cells = []
    for i, node in enumerate(notebook.cells):
        saved = {key: value for key, value in deepcopy(node).items() if key != "id"}
        saved["source"] = node.source.splitlines(keepends=True)
        extra = {"id": f"aB3_{i}", "outputId": f"o{i}", "colab": {"base_uri": "https://localhost"}}
        saved["metadata"] = {**node.metadata, **extra}
        cells.append(saved)
    metadata = {
        "colab": {"provenance": [], "gpuType": "T4"},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "widgets": {"application/vnd.jupyter.widget-state+json": {"a": {"state": {}}}},
    }
    return {"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": cells}


def as_vs_code(notebook: NotebookNode) -> dict[str, Any]:
    saved: dict[str, Any] = deepcopy(notebook)
    for node in saved["cells"]:
        del node["id"]
        if node.cell_type == "code":
            node.metadata["vscode"] = {"languageId": "python"}
    saved["metadata"] = {
        "language_info": {"name": "python", "version": "3.12.1"},
        "orig_nbformat": 4,
    }
    saved["nbformat_minor"] = 2
    return saved


def as_version_3(notebook: NotebookNode) -> dict[str, Any]:
    return nbformat.convert(deepcopy(notebook), 3)


@pytest.mark.parametrize("editor", [as_colab, as_vs_code, as_version_3])
def test_a_hand_in_loses_nothing_on_its_way_through(
    editor: Callable[[NotebookNode], Any], honest: NotebookNode, release: NotebookNode
) -> None:
    taken = taken_in(editor(honest), release)
    assert sources(taken.notebook) == sources(honest)
    assert [r for r in taken.repairs if r.grade_id] == []


@pytest.mark.parametrize("editor", [as_colab, as_vs_code])
def test_cells_that_lost_ids_and_metadata_are_known_by_their_text(
    editor: Callable[[NotebookNode], Any], honest: NotebookNode, release: NotebookNode
) -> None:
    notebook = editor(honest)
    for node in notebook["cells"]:
        node["metadata"] = {}
    notebook["cells"].insert(3, {"cell_type": "code", "metadata": {}, "source": "x = 1"})
    taken = taken_in(notebook, release)
    for name in ("square", "shape", "why", "how"):
        assert find(taken.notebook, name).source == find(honest, name).source
        assert "had lost its nbgrader metadata" in said(taken, name)
    assert len(taken.notebook.cells) == len(honest.cells) + 1


def test_a_cell_that_lost_its_metadata_is_known_by_its_cell_id(
    honest: NotebookNode, release: NotebookNode
) -> None:
    node = find(honest, "why")
    node.metadata = NotebookNode()
    node.source = "Something that the release does not hold."
    honest.cells.append(honest.cells.pop(honest.cells.index(node)))  # nor is it in its place
    taken = taken_in(honest, release)
    assert find(taken.notebook, "why").source == node.source


def test_an_answer_in_words_without_metadata_is_known_by_its_place(
    honest: NotebookNode, release: NotebookNode
) -> None:
    for name in ANSWERS:
        find(honest, name).update(metadata=NotebookNode(), id=f"new-{name}")
    taken = taken_in(honest, release)
    assert find(taken.notebook, "why").source == "Because."
    assert find(taken.notebook, "how").source == "Five: they are platonic."


def test_a_locked_cell_nearly_as_released_is_known_by_its_text(
    honest: NotebookNode, release: NotebookNode
) -> None:
    node = find(honest, "square_large")
    node.update(metadata=NotebookNode(), id="new", source=node.source + "!")
    taken = taken_in(honest, release)
    assert "was recognised" in said(taken, "square_large")
    assert "was missing" not in said(taken, "square_large")


def test_two_solutions_in_one_cell_are_not_undone_by_a_stub(
    honest: NotebookNode, release: NotebookNode
) -> None:
    square = remove(honest, "square")
    find(honest, "shape").source += "\n\n" + square.source
    taken = taken_in(honest, release)  # its grade cells come below the cell that defines it
    assert "def square" not in find(taken.notebook, "square").source
    assert place(taken.notebook, "square_small") > place(taken.notebook, "shape")


# ---------------------------------------------------------------------------------- repaired cells


@pytest.mark.parametrize("name", ["setup", "square_small", "square_large", "shape_area", *ANSWERS])
def test_a_missing_cell_is_put_back_where_it_was(
    name: str, honest: NotebookNode, release: NotebookNode
) -> None:
    remove(honest, name)
    taken = taken_in(honest, release)
    assert place(taken.notebook, name) == place(release, name)
    assert find(taken.notebook, name).source == find(release, name).source
    assert "was missing; it was put back" in said(taken, name)
    assert len(taken.repairs) == 1


def test_a_hand_in_without_cells_gets_them_all_back_in_order(release: NotebookNode) -> None:
    taken = taken_in({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}, release)
    order = [grade_id(c) for c in taken.notebook.cells]
    assert order == [grade_id(c) for c in release.cells if grade_id(c)]


def test_a_grade_cell_is_put_back_below_the_other_half_of_a_split_solution(
    honest: NotebookNode, release: NotebookNode
) -> None:
    for name in ("square_small", "square_large", "try_square"):
        remove(honest, name)
    honest.cells.insert(place(honest, "square") + 1, new_code_cell("def better(x): ...", id="b"))
    taken = taken_in(honest, release)
    assert place(taken.notebook, "square_small") > place(taken.notebook, "b")


def test_a_missing_solution_comes_back_empty(honest: NotebookNode, release: NotebookNode) -> None:
    remove(honest, "shape")
    taken = taken_in(honest, release)
    assert find(taken.notebook, "shape").source == _records.MISSING


def test_changed_flags_are_restored(honest: NotebookNode, release: NotebookNode) -> None:
    changes = {
        "square_small": {"points": 1000},
        "square_large": {"grade": False},
        "shape": {"locked": True},
        "shape_area": {"solution": True},
        "setup": {"schema_version": [1]},
        "why": {"task": True},
    }
    for name, flags in changes.items():
        find(honest, name).metadata.nbgrader.update(flags)
    taken = taken_in(honest, release)
    for name in changes:
        assert "settings" in said(taken, name)
    assert len(taken.repairs) == len(changes)


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading", "unheard-of", None, 7])
def test_a_cell_of_the_wrong_type_is_turned_back(
    kind: Any, honest: NotebookNode, release: NotebookNode
) -> None:
    text = find(honest, "square").source
    for name in ("square", "square_small"):
        find(honest, name)["cell_type"] = kind
    taken = taken_in(honest, release)
    assert text in find(taken.notebook, "square").source
    assert "made a code cell again" in said(taken, "square_small")


def test_an_answer_turned_into_code_is_turned_back(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "why").update(cell_type="code", outputs=[], execution_count=1)
    taken = taken_in(honest, release)
    assert find(taken.notebook, "why").source == "Because."


def test_a_locked_cells_text_is_restored_and_the_students_runs_beside_it(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "setup").source = "import math\nimport numpy as np"
    find(honest, "shape_area").source = "Shape.area = 9"
    taken = taken_in(honest, release)
    texts = sources(taken.notebook)
    assert texts[place(taken.notebook, "setup") + 1] == "import math\nimport numpy as np"
    assert texts[place(taken.notebook, "shape_area") - 1] == "Shape.area = 9"
    assert "was restored" in said(taken, "setup")
    assert "was restored" in said(taken, "shape_area")


def test_white_space_at_the_ends_of_a_locked_cells_lines_is_no_change(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "setup").source = "import math  \r\nimport json\n\n"
    assert taken_in(honest, release).repairs == ()


def test_an_invented_grade_cell_is_an_ordinary_cell(
    honest: NotebookNode, release: NotebookNode
) -> None:
    honest.cells.append(cell("code", "1", "gift", grade=True, locked=True, points=50))
    taken = taken_in(honest, release)
    assert taken.notebook.cells[-1].source == "1"
    assert "claimed to be graded" in said(taken, None)


@pytest.mark.parametrize("cell_id", ["square", "", "a b", "x" * 65, "id\n", 7, None, ["a"]])
def test_a_cell_id_that_is_taken_or_not_valid_is_replaced(
    cell_id: Any, honest: NotebookNode, release: NotebookNode
) -> None:
    own = {"cell_type": "code", "id": cell_id, "metadata": {}, "source": "print('mine')"}
    honest.cells += [NotebookNode(own), NotebookNode(own)]
    taken = taken_in(honest, release)
    assert sources(taken.notebook) == sources(honest)
    assert taken == taken_in(honest, release)


# -------------------------------------------------------------------------------------- duplicates


def test_of_a_solution_twice_the_last_that_defines_it_counts(
    honest: NotebookNode, release: NotebookNode
) -> None:
    first = find(honest, "square")
    at = honest.cells.index(first)
    second = deepcopy(first)
    second.update(source="def square(x):\n    return x * x", id="second")
    third = deepcopy(first)
    third.update(source="print(square(5))", id="third")
    honest.cells[at + 1 : at + 1] = [second, third]
    taken = taken_in(honest, release)
    assert find(taken.notebook, "square").source == second.source
    assert sources(taken.notebook) == sources(honest)
    assert "was there twice" in said(taken, "square")


def test_a_copy_of_the_stub_does_not_run_after_the_solution(
    honest: NotebookNode, release: NotebookNode
) -> None:
    honest.cells.insert(place(honest, "square") + 1, deepcopy(find(release, "square")))
    taken = taken_in(honest, release)
    assert "the copy was left out" in said(taken, "square")
    assert sources(taken.notebook) == [c.source for c in honest.cells if c is not honest.cells[4]]


def test_a_later_copy_takes_its_grade_cells_along(
    honest: NotebookNode, release: NotebookNode
) -> None:
    later = deepcopy(find(honest, "square"))
    later.update(source="def square(x):\n    return x * x", id="later")
    honest.cells.append(later)
    taken = taken_in(honest, release)
    assert find(taken.notebook, "square").source == later.source
    names = [grade_id(c) for c in taken.notebook.cells]
    assert names[-3:] == ["square", "square_small", "square_large"]
    assert "was moved below" in said(taken, "square_small")


def test_a_copied_cell_adapted_to_the_next_task_solves_the_next_task(
    honest: NotebookNode, release: NotebookNode
) -> None:
    """Copying a cell copies its grade_id."""
    shape = remove(honest, "shape")
    copy = deepcopy(find(honest, "square"))
    copy.update(source=shape.source, id="copy")
    honest.cells.insert(place(honest, "shape_area"), copy)
    taken = taken_in(honest, release)
    assert find(taken.notebook, "shape").source == shape.source
    assert find(taken.notebook, "square").source == find(release_of(honest), "square").source


def release_of(notebook: NotebookNode) -> NotebookNode:
    """The notebook without its copies."""
    return new_notebook(cells=[c for c in notebook.cells if c.id != "copy"])


def test_of_an_answer_twice_the_one_with_an_answer_counts(
    honest: NotebookNode, release: NotebookNode
) -> None:
    honest.cells.append(deepcopy(find(release, "why")))
    taken = taken_in(honest, release)
    assert find(taken.notebook, "why").source == "Because."


def test_a_solution_that_took_a_grade_cells_id_does_not_displace_it(
    honest: NotebookNode, release: NotebookNode
) -> None:
    text = find(honest, "square").source
    find(honest, "square").metadata.nbgrader.grade_id = "square_large"
    taken = taken_in(honest, release)
    assert find(taken.notebook, "square").source == text


# ------------------------------------------------------------------------------------------- order


def test_whole_exercises_in_another_order_stay_in_it(
    honest: NotebookNode, release: NotebookNode
) -> None:
    cells = honest.cells
    honest.cells = [*cells[:2], *cells[7:10], *cells[2:7], *cells[10:]]
    taken = taken_in(honest, release)
    assert sources(taken.notebook) == sources(honest)
    assert taken.repairs == ()


def test_a_grade_cell_above_its_solution_is_moved_below_it(
    honest: NotebookNode, release: NotebookNode
) -> None:
    for name in ("square_large", "square_small"):
        moved = remove(honest, name)
        honest.cells.insert(0, moved)
    taken = taken_in(honest, release)
    solved, names = place(taken.notebook, "square"), [grade_id(c) for c in taken.notebook.cells]
    assert [n for n in names[solved:] if n][:3] == ["square", "square_small", "square_large"]
    assert "was moved below" in said(taken, "square_small")


# ------------------------------------------------------------------- notebooks that are hardly one


def test_lines_kernels_pictures_and_numbers_of_another_kind_do_no_harm(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "square")["source"] = ["def square(x):\n", "    return x"]
    honest.metadata["kernelspec"] = {"name": "no-such-kernel"}
    honest.metadata["language_info"] = {"name": "cobol", "version": float("nan")}
    find(honest, "why")["attachments"] = {
        "drawing.png": {"image/png": "iVBORw0KGgo=", "text/html": "<script>"},
        "script.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"},
    }
    taken = taken_in(honest, release)
    assert find(taken.notebook, "square").source == "def square(x):\n    return x"
    assert find(taken.notebook, "why").attachments == {"drawing.png": {"image/png": "iVBORw0KGgo="}}
    assert "asked for the kernel no-such-kernel; it was run with python3" in said(taken, None)


def test_pictures_are_kept_while_there_is_room_for_them(
    honest: NotebookNode, release: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parse, "MAX_ATTACHMENT_CHARS", 10)
    find(honest, "why")["attachments"] = {
        f"{name}.png": {"image/png": "A" * size} for name, size in (("a", 8), ("b", 4), ("c", 2))
    }
    find(honest, "how")["attachments"] = {"d.png": {"image/png": "A"}}
    notebook = taken_in(honest, release).notebook
    assert list(find(notebook, "why").attachments) == ["a.png", "c.png"]
    assert "attachments" not in find(notebook, "how")


def test_a_solution_by_assignment_is_known_by_the_name_it_defines(
    honest: NotebookNode, release: NotebookNode
) -> None:
    own = new_code_cell("square = lambda x: x * x", id="own")
    remove(honest, "square")
    honest.cells.append(own)
    taken = taken_in(honest, release)
    assert find(taken.notebook, "square").source == own.source


@pytest.mark.parametrize("source", [None, 7, {"a": 1}, ["x", 7], [["x"]], True])
def test_a_source_that_is_no_text_is_emptied(
    source: Any, honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "shape")["source"] = source
    taken = taken_in(honest, release)
    assert find(taken.notebook, "shape").source == ""
    assert "1 cells held no text" in said(taken, None)


@pytest.mark.parametrize(
    "metadata", [None, 7, "x", [], {"nbgrader": []}, {"nbgrader": {"grade_id": {}}}]
)
def test_metadata_of_another_type_counts_as_none(
    metadata: Any, honest: NotebookNode, release: NotebookNode
) -> None:
    for node in honest.cells:
        node["metadata"] = metadata
    honest["metadata"] = metadata
    taken = taken_in(honest, release)
    assert sources(taken.notebook) == sources(honest)


def test_things_that_are_no_cells_are_left_out(honest: NotebookNode, release: NotebookNode) -> None:
    honest.cells[1:1] = [None, 7, "cell", []]
    taken = taken_in(honest, release)
    assert len(taken.notebook.cells) == len(honest.cells) - 4


def test_text_that_no_file_can_hold_is_replaced(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "why").source = "lone \ud800 surrogate"
    find(honest, "how")["attachments"] = {"\udfff.png": {"image/png": "AAAA"}}
    taken = taken_in(honest, release)
    assert find(taken.notebook, "why").source == "lone ? surrogate"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_understood(
    encoding: str, honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "why").source = "Weil's so schön ist"
    taken = read(json.dumps(honest, ensure_ascii=False).encode(encoding), release)
    assert (taken.fatal, taken.repairs) == (None, ())
    assert find(taken.notebook, "why").source == "Weil's so schön ist"


def test_a_stray_byte_that_is_not_utf8_costs_one_character(
    honest: NotebookNode, release: NotebookNode
) -> None:
    find(honest, "why").source = "Weil@"
    taken = read(to_bytes(honest).replace(b"Weil@", b"Weil\xff"), release)
    assert taken.fatal is None
    assert find(taken.notebook, "why").source == "Weil\ufffd"
    assert "not valid UTF-8" in said(taken, None)


def test_large_outputs_do_not_count_against_the_student(
    honest: NotebookNode, release: NotebookNode
) -> None:
    text = "9, " * 7_000_000  # more commas than JSON values are allowed, but in a string
    find(honest, "try_square").outputs = [nbformat.v4.new_output("stream", text=text)]
    assert taken_in(honest, release).repairs == ()


def garbage() -> dict[str, tuple[bytes, str]]:
    cells = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    one = {"cell_type": "code", "metadata": {}, "source": "x"}
    wide = {**one, "source": "x" * (_parse.MAX_SOURCE_CHARS + 1)}
    return {
        "empty": (b"", "empty"),
        "blank": (b" \n\t ", "empty"),
        "binary": (bytes(range(256)), "no JSON"),
        "cut off": (to_bytes({**cells, "cells": [one]})[:-9], "no JSON"),
        "merge conflict": (b'{"cells": [\n<<<<<<< HEAD\n', "line 2"),
        "a list": (b"[]", "not a Jupyter notebook"),
        "a string": (b'"notebook"', "not a Jupyter notebook"),
        "no cells": (to_bytes(cells), "not a Jupyter notebook"),
        "cells no list": (to_bytes({**cells, "cells": {}}), "not a Jupyter notebook"),
        "format 5": (to_bytes({**cells, "nbformat": 5, "cells": []}), "format 4"),
        "format x": (to_bytes({**cells, "nbformat": "x", "cells": []}), "not a Jupyter notebook"),
        "format 3 without sheets": (to_bytes({"nbformat": 3}), "not a Jupyter notebook"),
        "deep": (b'{"cells":' + b"[" * 200_000, "nested too deep"),
        "deep object": (b'{"a":' * 200_000, "nested too deep"),
        "long number": (b'{"nbformat": 1' + b"0" * 9_000 + b"}", "too long numbers"),
        "too many bytes": (b" " * (_parse.MAX_NOTEBOOK_BYTES + 1), "at most 50 MB"),
        "too many values": (b"[" + b"[]," * _parse.MAX_JSON_VALUES + b"0]", "JSON values"),
        "too many cells": (to_bytes({**cells, "cells": [one] * 2_001}), "2000 cells"),
        "too much code": (to_bytes({**cells, "cells": [wide]}), "characters"),
    }


@pytest.mark.parametrize("name", garbage())
def test_what_is_no_notebook_is_a_release_without_solutions_and_a_reason(
    name: str, release: NotebookNode
) -> None:
    data, reason = garbage()[name]
    taken = read(data, release)
    assert taken.fatal
    assert reason in taken.fatal
    assert_whole(taken.notebook, release)
    assert find(taken.notebook, "square").source == _records.MISSING
    assert find(taken.notebook, "why").source == find(release, "why").source


def test_a_duplicate_key_is_read_as_jupyter_reads_it(release: NotebookNode) -> None:
    assert read(b'{"nbformat": 5, "nbformat": 4, "cells": 1, "cells": []}', release).fatal is None


def test_time_and_memory_stay_small_for_many_similar_cells(release: NotebookNode) -> None:
    text = find(release, "text_square").source * 3
    one = [{"cell_type": "markdown", "metadata": {}, "source": text + str(i)} for i in range(2_000)]
    taken_in({"nbformat": 4, "cells": one}, release)


def test_a_source_notebook_is_not_taken_for_a_release(honest: NotebookNode) -> None:
    with pytest.raises(ValueError, match="solutions or hidden tests"):
        read(to_bytes(honest), source_notebook())


def test_what_a_student_reads_holds_nothing_of_the_hand_ins_markup(
    honest: NotebookNode, release: NotebookNode
) -> None:
    honest.metadata["kernelspec"] = {"name": "<script>"}
    for node in honest.cells:
        node.metadata["nbgrader"] = {"grade_id": "<script>", "grade": True}
        node["cell_type"] = "<script>"
    taken = taken_in(honest, release)
    assert not any("<" in repair.sentence for repair in taken.repairs)


# -------------------------------------------------------------------------------------- properties


@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(max_examples=50, deadline=None)
def test_any_bytes_give_a_whole_notebook(data: bytes, release: NotebookNode) -> None:
    assert_whole(read(data, release).notebook, release)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(cells=st.lists(JSON, max_size=4), metadata=JSON, version=st.sampled_from([3, 4]))
@settings(max_examples=60, deadline=None)
def test_any_json_in_a_notebooks_place_gives_a_whole_notebook(
    cells: list[Any], metadata: Any, version: int, release: NotebookNode
) -> None:
    notebook = {"nbformat": version, "metadata": metadata, "cells": cells}
    notebook["worksheets"] = [{"cells": cells}, *cells]
    assert_whole(read(to_bytes(notebook), release).notebook, release)


def mutated(notebook: NotebookNode, rng: random.Random) -> NotebookNode:
    """The notebook after one thing that editors, or students, do to one."""
    cells = notebook.cells
    node = rng.choice(cells) if cells else NotebookNode(metadata=NotebookNode())
    other = rng.choice(cells) if cells else node
    meta = node.metadata.get("nbgrader", {})
    match rng.randrange(11):
        case 0:
            notebook.cells = [c for c in cells if c is not node]
        case 1:
            cells.insert(rng.randint(0, len(cells)), deepcopy(node))
        case 2:
            rng.shuffle(cells)
        case 3:
            node.metadata = NotebookNode()
        case 4:
            node.pop("id", None)
        case 5 if meta:
            flag = rng.choice(["grade", "solution", "locked", "points", "schema_version", "task"])
            meta[flag] = rng.choice([True, False, None, 0, 99, "yes", [], {"a": 1}])
        case 6:
            node.cell_type = rng.choice(["code", "markdown", "raw", "heading", "other"])
        case 7:
            node.source = rng.choice(
                ["", other.get("source", ""), "def square(x): ...", "\0\ud800"]
            )
        case 8:
            node.metadata["nbgrader"] = deepcopy(other.metadata.get("nbgrader", {}))
        case 9:
            node.id = other.get("id", "other")
        case 10:
            del notebook.cells[: rng.randint(0, len(cells))]
    return notebook


@given(rng=st.randoms(use_true_random=False), steps=st.integers(1, 12))
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_mutation_gives_a_whole_notebook(
    rng: random.Random, steps: int, honest: NotebookNode, release: NotebookNode
) -> None:
    notebook = deepcopy(honest)
    for _ in range(steps):
        notebook = mutated(notebook, rng)
    taken = taken_in(notebook, release)
    again = read(to_bytes(taken.notebook), release)  # what was repaired once stays as it is
    assert again.repairs == ()
    assert list(map(grade_id, again.notebook.cells)) == list(map(grade_id, taken.notebook.cells))
    assert sources(again.notebook) == sources(taken.notebook)


# ---------------------------------------------------------------------------------------- nbgrader


def restored_by_nbgrader(notebook: NotebookNode, source: NotebookNode) -> None:
    """Each locked cell holds the source's text again, hidden tests included."""
    for node in source.cells:
        meta = node.metadata.get("nbgrader", {})
        if meta.get("locked") and not meta.get("solution"):
            assert find(notebook, meta.grade_id).source == node.source


def test_nbgraders_steps_take_an_honest_hand_in(
    honest: NotebookNode, release: NotebookNode, sanitize: Sanitize
) -> None:
    notebook = sanitize(taken_in(honest, release).notebook)
    restored_by_nbgrader(notebook, source_notebook())
    assert find(notebook, "square").source == find(honest, "square").source


@pytest.mark.parametrize("seed", range(8))
def test_nbgraders_steps_take_whatever_was_repaired(
    seed: int, honest: NotebookNode, release: NotebookNode, sanitize: Sanitize
) -> None:
    rng = random.Random(seed)
    for _ in range(15):
        honest = mutated(honest, rng)
    notebook = sanitize(taken_in(honest, release).notebook)
    restored_by_nbgrader(notebook, source_notebook())
    nbformat.validate(notebook)


@pytest.mark.parametrize("data", [b"", b"[]"])
def test_nbgraders_steps_take_what_was_fatal(
    data: bytes, release: NotebookNode, sanitize: Sanitize
) -> None:
    notebook = sanitize(read(data, release).notebook)
    restored_by_nbgrader(notebook, source_notebook())
    for name in ANSWERS:  # unchanged text: nbgrader gives 0, and no person has to
        assert find(notebook, name).source == find(release, name).source


@pytest.fixture(scope="session")
def cnns(course_root: Path) -> tuple[NotebookNode, Sanitize]:
    return generate(course_root, nbformat.read(COURSE_SOURCE, as_version=4), "cnns")


def test_the_courses_own_notebook_is_taken_in_and_sanitised(
    cnns: tuple[NotebookNode, Sanitize],
) -> None:
    release, sanitize = cnns
    source = nbformat.read(COURSE_SOURCE, as_version=4)
    taken = read(to_bytes(release), release)
    assert (taken.fatal, taken.repairs, taken.notebook) == (None, (), release)
    restored_by_nbgrader(sanitize(taken.notebook), source)
    rng = random.Random(0)
    known = {grade_id(c) for c in release.cells} - {None}
    for _ in range(3):
        notebook = deepcopy(release)
        for _ in range(20):
            notebook = mutated(notebook, rng)
        repaired = read(to_bytes(notebook), release).notebook
        assert {grade_id(c) for c in repaired.cells} - {None} == known
        restored_by_nbgrader(sanitize(repaired), source)


def test_the_courses_own_notebook_is_known_without_any_metadata(
    cnns: tuple[NotebookNode, Sanitize],
) -> None:
    release, _ = cnns
    handed = as_vs_code(release)
    for node in handed["cells"]:
        node["metadata"] = {}
        if "YOUR ANSWER HERE" in node["source"]:
            node["source"] = "An answer."
    taken = read(to_bytes(handed), release)
    assert sources(taken.notebook) == [c["source"] for c in handed["cells"]]
    assert [grade_id(c) for c in taken.notebook.cells] == [grade_id(c) for c in release.cells]


# -------------------------------------------------------------------------------------- the folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "submitted" / "ann" / "cnns"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "solution.ipynb"
    path.write_bytes(b"the solution")
    return path


def held(taken: HandIn) -> bytes:
    """Every byte and word that was read."""
    return repr((taken.notebooks, taken.files)).encode()


def reason(taken: HandIn, name: str) -> str:
    return next((entry.reason for entry in taken.refused if entry.name == name), "")


def test_a_folder_is_its_notebook_its_files_and_its_timestamp(folder: Path) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    (folder / "timestamp.txt").write_text("2026-11-22 10:00:00 UTC\n")
    (folder / "data").mkdir()
    (folder / "data" / "points.csv").write_bytes(b"1,2")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "cnns-checkpoint.ipynb").write_bytes(b"old")
    taken = collect(folder, ["cnns"])
    assert taken.notebooks == {"cnns": b"{}"}
    assert [(f.path, f.size_bytes, f.data) for f in taken.files] == [
        ("data/points.csv", 3, b"1,2"),
        ("timestamp.txt", 24, b"2026-11-22 10:00:00 UTC\n"),
    ]
    assert taken.timestamp == "2026-11-22 10:00:00 UTC"
    assert (taken.fatal, taken.repairs, taken.refused) == ({}, (), ())


@pytest.mark.parametrize(
    "name",
    [
        "cnns-1.ipynb",
        "cnns (1).ipynb",
        "Copy of cnns.ipynb",
        "Kopie von cnns.ipynb",
        "cnns-Copy1.ipynb",
        "cnns - Copy (2).ipynb",
        "CNNs.IPYNB",
        "cnns_mueller_final.ipynb",
        "homework.ipynb",
    ],
)
def test_a_renamed_notebook_is_found_and_said(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"{}")
    taken = collect(folder, ["cnns"])
    assert taken.notebooks == {"cnns": b"{}"}
    assert name in taken.repairs[0].sentence
    assert taken.files == ()


def test_a_notebook_within_a_zipped_folder_is_found(folder: Path) -> None:
    (folder / "cnns").mkdir()
    (folder / "cnns" / "cnns.ipynb").write_bytes(b"{}")
    taken = collect(folder, ["cnns"])
    assert taken.notebooks == {"cnns": b"{}"}
    assert "cnns/cnns.ipynb" in taken.repairs[0].sentence


def test_of_several_notebooks_the_exact_name_wins(folder: Path) -> None:
    for age, name in enumerate(["cnns-1.ipynb", "Copy of cnns.ipynb", "cnns.ipynb"]):
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, (100 - age, 100 - age))
    taken = collect(folder, ["cnns"])
    assert taken.notebooks == {"cnns": b"cnns.ipynb"}
    assert [f.path for f in taken.files] == ["Copy of cnns.ipynb", "cnns-1.ipynb"]


def test_of_several_copies_the_newest_wins(folder: Path) -> None:
    for age, name in enumerate(["cnns-2.ipynb", "cnns-1.ipynb", "cnns-3.ipynb"]):
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, (100 - age, 100 - age))
    (folder / "other.ipynb").write_bytes(b"newer, but of another name")
    taken = collect(folder, ["cnns"])
    assert taken.notebooks == {"cnns": b"cnns-2.ipynb"}
    assert "the newest of 3" in taken.repairs[0].sentence


def test_of_two_copies_the_one_less_deep_wins(folder: Path) -> None:
    (folder / "old").mkdir()
    (folder / "old" / "cnns-1.ipynb").write_bytes(b"newer, but put away")
    (folder / "cnns-2.ipynb").write_bytes(b"{}")
    os.utime(folder / "cnns-2.ipynb", (1, 1))
    assert collect(folder, ["cnns"]).notebooks == {"cnns": b"{}"}


def test_of_two_unknown_notebooks_none_is_guessed(folder: Path) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        (folder / name).write_bytes(b"{}")
    reason = "no notebook for cnns was handed in, only a.ipynb, b.ipynb"
    assert collect(folder, ["cnns"]).fatal == {"cnns": reason}


def test_each_of_two_notebooks_is_found(folder: Path) -> None:
    (folder / "one.ipynb").write_bytes(b"1")
    (folder / "two (1).ipynb").write_bytes(b"2")
    taken = collect(folder, ["one", "two", "three"])
    assert taken.notebooks == {"one": b"1", "two": b"2"}
    assert taken.fatal == {"three": "no notebook was handed in"}


def test_an_empty_folder_is_a_hand_in_without_a_notebook(folder: Path) -> None:
    taken = collect(folder, ["cnns"])
    assert (taken.notebooks, taken.fatal) == ({}, {"cnns": "no notebook was handed in"})


@pytest.mark.parametrize("name", ["cnns.ipynb", "cnns-1.ipynb", "data.csv", "timestamp.txt"])
def test_a_symbolic_link_is_never_followed(name: str, folder: Path, secret: Path) -> None:
    (folder / name).symlink_to(secret)
    taken = collect(folder, ["cnns"])
    assert b"the solution" not in held(taken)
    assert reason(taken, name) == "a symbolic link"
    assert len(taken.refused) == 1
    assert taken.timestamp is None


def test_a_link_in_the_notebooks_place_is_the_fatal_reason(folder: Path, secret: Path) -> None:
    (folder / "cnns.ipynb").symlink_to(secret)
    assert collect(folder, ["cnns"]).fatal == {
        "cnns": "cnns.ipynb was refused: a symbolic link",
    }


def test_a_link_to_a_folder_is_never_followed(folder: Path, secret: Path) -> None:
    (folder / "cnns").symlink_to(secret.parent)
    (folder / "loop").symlink_to(folder)
    taken = collect(folder, ["cnns", "solution"])
    assert taken.files == ()
    assert {entry.name for entry in taken.refused} == {"cnns", "loop"}


def test_a_hand_in_that_is_a_link_or_a_file_is_not_read(folder: Path, secret: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(secret.parent)
    for path in (link, secret):
        taken = collect(path, ["solution"])
        assert "not a folder" in taken.fatal["solution"]
        assert taken.notebooks == {}


SWAPS: dict[str, Callable[[Path, Path], None]] = {
    "a symbolic link": lambda path, secret: path.symlink_to(secret),
    "a hard link": lambda path, secret: os.link(secret, path),
    "not a regular file": lambda path, secret: os.mkfifo(path),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", SWAPS)
def test_a_file_swapped_for_something_else_after_the_look_is_not_read(
    kind: str, folder: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    look = _plain_files.listed

    def swap(*args: Any) -> Any:
        entries = look(*args)
        (folder / "cnns.ipynb").unlink()
        SWAPS[kind](folder / "cnns.ipynb", secret)
        return entries

    monkeypatch.setattr(_plain_files, "listed", swap)
    taken = collect(folder, ["cnns"])
    assert b"the solution" not in held(taken)
    assert kind in taken.fatal["cnns"]


def test_a_hard_link_is_refused_unless_allowed(folder: Path, secret: Path) -> None:
    os.link(secret, folder / "cnns.ipynb")
    taken = collect(folder, ["cnns"])
    assert b"the solution" not in held(taken)
    assert "a hard link" in taken.fatal["cnns"]
    allowed = collect(folder, ["cnns"], allow_hard_links=True)
    assert allowed.notebooks == {"cnns": b"the solution"}


@pytest.mark.timeout(20)
def test_fifos_and_sockets_are_never_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "cnns.ipynb")
    monkeypatch.chdir(folder)  # a socket's whole path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("talk.ipynb")
    taken = collect(folder, ["cnns"])
    assert taken.fatal == {"cnns": "cnns.ipynb was refused: not a regular file"}
    assert reason(taken, "talk.ipynb") == "not a regular file"


@pytest.mark.parametrize(
    "name",
    [
        b"bell\x07.csv",
        b"line\nbreak.csv",
        b"not-utf8-\xff.csv",
        b"..\\..\\up.csv",
        b"...",
        b"~root.csv",
    ],
)
def test_an_odd_name_is_refused_and_shown_harmlessly(name: bytes, folder: Path) -> None:
    (folder / os.fsdecode(name)).write_bytes(b"{}")
    taken = collect(folder, ["cnns"])
    assert (taken.notebooks, taken.files) == ({}, ())
    (entry,) = taken.refused
    assert entry.name.isprintable()
    assert len(entry.name) <= 100


def test_a_notebook_over_the_cap_is_refused_without_being_read(folder: Path) -> None:
    with (folder / "cnns.ipynb").open("wb") as sparse:
        sparse.truncate(10**12)
    taken = collect(folder, ["cnns"])
    assert "expected at most 50 MB, got 1000000.0 MB" in taken.fatal["cnns"]
    (folder / "cnns.ipynb").write_bytes(b"12345")
    assert collect(folder, ["cnns"], max_notebook_bytes=5).notebooks == {"cnns": b"12345"}
    assert "cnns" in collect(folder, ["cnns"], max_notebook_bytes=4).fatal


def test_other_files_over_the_caps_are_listed_without_their_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_folder, "MAX_FILE_BYTES", 4)
    monkeypatch.setattr(read_folder, "MAX_TOTAL_BYTES", 6)
    for name, size in (("a", 4), ("b", 5), ("c", 3), ("d", 2)):
        (folder / name).write_bytes(b"x" * size)
    files = {f.path: (f.size_bytes, f.data) for f in collect(folder, ["cnns"]).files}
    assert files == {"a": (4, b"xxxx"), "b": (5, None), "c": (3, None), "d": (2, b"xx")}


def test_a_folder_without_end_is_left_after_a_while_but_the_notebook_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_plain_files, "MAX_ENTRIES", 10)
    for number in range(50):
        (folder / f"a{number}").write_bytes(b"")
    (folder / "cnns.ipynb").write_bytes(b"{}")
    deep = folder
    for _ in range(8):
        deep = deep / "d"
        deep.mkdir()
    taken = collect(folder, ["cnns"])
    assert taken.notebooks == {"cnns": b"{}"}
    assert len(taken.files) <= 10
    assert "more than 10 files" in reason(taken, "...")
    monkeypatch.setattr(_plain_files, "MAX_ENTRIES", 1_000)
    assert any("folders deep" in entry.reason for entry in collect(folder, ["cnns"]).refused)


def test_a_folder_named_like_the_notebook_is_not_it(folder: Path) -> None:
    (folder / "cnns.ipynb").mkdir()
    assert collect(folder, ["cnns"]).fatal == {"cnns": "no notebook was handed in"}


def failing_open(name: str, code: int) -> Callable[..., int]:
    real = os.open

    def fail(path: Any, *args: Any, **kwargs: Any) -> int:
        if os.fspath(path).endswith(name):
            raise OSError(code, os.strerror(code), path)
        return real(path, *args, **kwargs)

    return fail


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE, errno.ENOMEM, errno.ESTALE])
def test_a_failure_of_the_graders_machine_is_raised(
    code: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    monkeypatch.setattr(os, "open", failing_open("cnns.ipynb", code))
    with pytest.raises(OSError, match=os.strerror(code)):
        collect(folder, ["cnns"])


def test_no_access_is_the_students_doing_for_own_files_and_the_graders_for_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unpacked archive brings modes along; a grader under the wrong user can read nobody's."""
    (folder / "cnns.ipynb").write_bytes(b"{}")
    monkeypatch.setattr(os, "open", failing_open("cnns.ipynb", errno.EACCES))
    assert "permission denied" in collect(folder, ["cnns"]).fatal["cnns"]
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(PermissionError):
        collect(folder, ["cnns"])


def test_a_folder_that_is_not_there_or_not_readable_is_the_graders_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        collect(folder / "nobody", ["cnns"])
    monkeypatch.setattr(os, "open", failing_open("cnns", errno.EACCES))
    with pytest.raises(PermissionError):
        collect(folder, ["cnns"])


def test_no_file_stays_open(folder: Path, secret: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "cnns.ipynb").write_bytes(b"{}")
    (folder / "deep" / "link").symlink_to(secret)
    before = os.listdir("/proc/self/fd")
    collect(folder, ["cnns"])
    assert os.listdir("/proc/self/fd") == before
