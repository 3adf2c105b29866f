"""A written answer in another cell than its own waits for a person."""

from __future__ import annotations

from copy import deepcopy

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.utils import compute_checksum

from autograder.intake import _written_elsewhere, read
from tests.intake.test_intake import (
    ANSWERS,
    Sanitize,
    cell,
    course,
    course_root,
    find,
    honest,
    place,
    release,
    said,
    sanitize,
    to_bytes,
)

__all__ = ["course", "course_root", "honest", "release", "sanitize"]

TEXT = "Its *area* is what it covers."
COMMENT = "\n".join(f"# {line}" for line in TEXT.splitlines())


def unanswered(notebook: NotebookNode, release: NotebookNode) -> NotebookNode:
    for name in ANSWERS:
        find(notebook, name).source = find(release, name).source
    return notebook


def below(notebook: NotebookNode, name: str, *new: NotebookNode) -> NotebookNode:
    at = place(notebook, name) + 1
    notebook.cells[at:at] = new
    return notebook


def waits(taken: NotebookNode, name: str, sanitize: Sanitize) -> bool:
    """Return whether nbgrader leaves the question to a person: its way to tell."""
    answer = find(sanitize(deepcopy(taken)), name)
    return bool(answer.metadata.nbgrader.checksum != compute_checksum(answer))


@pytest.mark.parametrize(
    "written",
    [
        new_markdown_cell(TEXT),
        new_raw_cell(TEXT),
        new_code_cell(COMMENT),
        new_code_cell(f'"""{TEXT}"""'),
        new_code_cell(f'print("{TEXT}")'),
        new_code_cell(f"display(Markdown('''\n{TEXT}\n'''))"),
        new_code_cell(f'answer = ("{TEXT}"\n          "And more.")'),
        new_code_cell(f"%%markdown\n{TEXT}"),
    ],
    ids=["markdown", "raw", "comment", "string", "print", "display", "assigned", "magic"],
)
def test_an_answer_in_a_cell_below_waits_and_is_read_under_the_question(
    written: NotebookNode, honest: NotebookNode, release: NotebookNode, sanitize: Sanitize
) -> None:
    find(honest, "how").source = "Five."
    handed = deepcopy(honest)
    find(handed, "why").source = find(release, "why").source
    taken = read(to_bytes(below(handed, "why", written)), release)
    assert TEXT in find(taken.notebook, "why").source
    assert waits(taken.notebook, "why", sanitize)
    assert "a person" in said(taken, "why")
    assert find(taken.notebook, "how").source == "Five."
    assert sum(TEXT in c.source for c in taken.notebook.cells) == 2, "it stays where it was, too"


def test_an_answer_in_the_cell_of_the_question_waits_without_the_question(
    honest: NotebookNode, release: NotebookNode, sanitize: Sanitize
) -> None:
    handed = unanswered(honest, release)
    find(handed, "ask_why").source += f"\n\n{TEXT}"
    taken = read(to_bytes(handed), release)
    assert find(taken.notebook, "why").source == TEXT
    assert waits(taken.notebook, "why", sanitize)


def test_an_answer_in_a_locked_cells_place_or_without_its_own_cell_waits(
    honest: NotebookNode, release: NotebookNode, sanitize: Sanitize
) -> None:
    handed = unanswered(honest, release)
    handed.cells = [c for c in handed.cells if c.get("id") != "why"]
    handed.cells.append(new_markdown_cell(TEXT))
    taken = read(to_bytes(handed), release)
    for name in ANSWERS:
        assert TEXT in find(taken.notebook, name).source
        assert waits(taken.notebook, name, sanitize)


def test_the_nearest_text_comes_first_and_much_text_is_cut(
    honest: NotebookNode, release: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = below(unanswered(honest, release), "why", new_markdown_cell("near why"))
    below(handed, "how", new_markdown_cell("near how " + "x" * 100))
    taken = read(to_bytes(handed), release).notebook
    assert find(taken, "why").source.startswith("near why")
    assert find(taken, "how").source.startswith("near how")
    monkeypatch.setattr(_written_elsewhere, "MAX_CHARS", 50)
    assert len(find(read(to_bytes(handed), release).notebook, "how").source) < 120


@pytest.mark.parametrize(
    "own",
    [
        [],
        [new_markdown_cell(" \n---\n ")],
        [new_code_cell("x = square(3)\nprint(x)  # my own try")],
        [new_markdown_cell("Why does a square have an area?")],  # a copy of the question
    ],
    ids=["nothing", "a line", "code", "a copy"],
)
def test_a_hand_in_without_a_word_of_its_own_stays_at_0(
    own: list[NotebookNode], release: NotebookNode, sanitize: Sanitize
) -> None:
    handed = below(deepcopy(release), "how", *own)
    taken = read(to_bytes(handed), release)
    for name in ANSWERS:
        assert not waits(taken.notebook, name, sanitize)
        assert said(taken, name) == ""


def test_a_coded_answer_that_a_person_grades_gets_the_text_as_comments(
    honest: NotebookNode, release: NotebookNode
) -> None:
    drawn = cell("code", "# YOUR CODE HERE", "drawn", grade=True, solution=True, points=3)
    release, handed = deepcopy(release), unanswered(honest, release)
    release.cells.append(deepcopy(drawn))
    handed.cells += [drawn, new_markdown_cell("I have drawn it\non paper.")]
    taken = read(to_bytes(handed), release)
    assert find(taken.notebook, "drawn").source == (
        "# YOUR CODE HERE\n# I have drawn it\n# on paper."
    )


@pytest.mark.timeout(20)
def test_hostile_text_takes_no_time(honest: NotebookNode, release: NotebookNode) -> None:
    handed = unanswered(honest, release)
    for text in (
        "'" * 200_001,
        '"\\' * 100_000,
        "a" * 300_000,
        " \t" * 100_000,
        "'''\"" * 50_000,
        "print(" * 50_000,
    ):
        handed.cells.append(new_code_cell(text))
    read(to_bytes(handed), release)
