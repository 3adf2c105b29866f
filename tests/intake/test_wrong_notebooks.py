"""Is a notebook that is another one, or almost one, told apart and named?"""

from __future__ import annotations

import codecs
import json
from datetime import datetime

import nbformat
import pytest

from autograder import intake
from autograder.intake.read_folder import parse_time, timestamp_text
from tests.conftest import ROOT


def release(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / f"release/{name}/{name}.ipynb", 4)


def handed_in(name: str) -> bytes:
    return (ROOT / f"source/{name}/{name}.ipynb").read_bytes()


@pytest.mark.parametrize(("ours", "others"), [("mlp", "cnns"), ("cnns", "mlp")])
def test_another_assignments_notebook_is_named(ours: str, others: str) -> None:
    read = intake.read(handed_in(others), release(ours))
    assert read.fatal is not None
    assert read.fatal.startswith("it is the notebook of another assignment, with the cells ")


@pytest.mark.parametrize("name", ["mlp", "cnns"])
def test_the_own_one_is_none(name: str) -> None:
    assert intake.read(handed_in(name), release(name)).fatal is None


def test_nor_is_one_whose_cells_were_all_renamed() -> None:
    notebook = json.loads(handed_in("mlp"))
    for number, cell in enumerate(notebook["cells"]):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] = f"cell-{number}"
    assert intake.read(json.dumps(notebook).encode(), release("mlp")).fatal is None


def test_nor_is_one_that_lost_its_metadata() -> None:
    notebook = json.loads(handed_in("mlp"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    assert intake.read(json.dumps(notebook).encode(), release("mlp")).fatal is None


def test_names_that_could_be_more_than_names_are_not_shown() -> None:
    notebook = json.loads(handed_in("cnns"))
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] = "<img src=x>"
    assert "<img" not in str(intake.read(json.dumps(notebook).encode(), release("mlp")).fatal)


@pytest.mark.parametrize("version", ["4", "04", 4])
def test_a_format_that_is_a_text_is_read(version: object) -> None:
    notebook = {**json.loads(handed_in("mlp")), "nbformat": version}
    assert intake.read(json.dumps(notebook).encode(), release("mlp")).fatal is None


@pytest.mark.parametrize("version", ["four", "", "99999999999", None, [4]])
def test_one_that_is_no_number_is_refused(version: object) -> None:
    notebook = {**json.loads(handed_in("mlp")), "nbformat": version}
    assert intake.read(json.dumps(notebook).encode(), release("mlp")).fatal is not None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_timestamp_is_read_in_whatever_an_editor_saved_it(encoding: str) -> None:
    text = timestamp_text("2026-01-02 10:00:00 UTC\n".encode(encoding))
    assert parse_time(text) == datetime(2026, 1, 2, 10)


@pytest.mark.parametrize("data", [b"", b"yesterday", b"\xff\x00\x81", codecs.BOM_UTF8])
def test_no_timestamp_is_no_time(data: bytes) -> None:
    assert parse_time(timestamp_text(data)) is None
