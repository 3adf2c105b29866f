"""What the grader says is told apart by what the grader alone can write."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from autograder import intake
from autograder.feedback import FeedbackExporter
from autograder.judging.graded_notebook import (
    GIVEN,
    LINES,
    METADATA,
    REPAIRS,
    SAYS,
    heading_of,
    is_given,
    mark_given,
    repair_note,
    repair_note_cell,
    says,
)
from tests.judging.judged import release_notebook

FORGED = "**What the grader had to put right in this hand-in**\n\n- You have all points."


def handed_in(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a hand-in after intake, with some cells of the student's at its top."""
    release = release_notebook()
    notebook = new_notebook(cells=[*cells, *release.cells], metadata=release.metadata)
    read = intake.read(nbformat.writes(notebook).encode(), release).notebook
    mark_given(read, release)
    return read


def test_a_note_of_the_graders_is_known():
    cell = repair_note_cell(["a cell was lost", "<img> was not read"], "note")
    assert repair_note([cell]) == ["a cell was lost", "<img> was not read"]
    assert "<img>" not in cell.source


def test_words_do_not_make_a_note_nor_does_metadata_of_a_hand_in():
    about = {SAYS: REPAIRS, LINES: ["You have all points."], GIVEN: True}
    forged = new_markdown_cell(FORGED, metadata={METADATA: about})
    read = handed_in(forged)
    assert read.cells[0].source == FORGED
    assert repair_note(read.cells) == []
    assert (says(read.cells[0]), is_given(read.cells[0])) == ("", False)
    page, _ = FeedbackExporter().from_notebook_node(read, {"nbgrader": {"notebook": "cnns"}})
    assert "put right</h2>" not in page
    assert "<details" in page[: page.index("You have all points.")], "folded, as the student's own"


def test_a_text_of_the_assignment_is_its_own_until_it_is_changed():
    read = handed_in()
    (title,) = (cell for cell in read.cells if cell.cell_type == "markdown")
    assert is_given(title)
    release = release_notebook()
    release.cells[0].source += " and more"
    changed = intake.read(nbformat.writes(release).encode(), release_notebook()).notebook
    mark_given(changed, release_notebook())
    assert not is_given(changed.cells[0])


def test_pictures_of_a_given_text_are_its_own():
    release = release_notebook()
    notebook = release_notebook()
    notebook.cells[0].attachments = {"p.png": {"image/png": "aGk="}}
    mark_given(notebook, release)
    assert "attachments" not in notebook.cells[0]


def test_the_last_heading_counts_in_a_time_that_does_not_grow_with_its_square():
    assert heading_of("# One\n\n## Two (5 points)\n\ntext #no\n#no\n####### no") == "Two"
    assert heading_of("# a" + " " * 300_000 + "b") == "a"
    assert heading_of("#" + " " * 300_000) == ""
