"""Does the feedback page say what to look at first, and is it safe and self-contained?"""

from __future__ import annotations

import re
from dataclasses import replace

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.checking.check_result import CheckResult, nothing, verdict
from autograder.feedback import FeedbackExporter
from autograder.feedback._summary import hint, hints, summarise
from autograder.judging.graded_notebook import repair_note_cell
from tests.judging.graded_notebooks import (
    RIGHT,
    WRONG,
    graded_cell,
    graded_notebook,
    solution,
    written_answer,
)


def page(*cells: object) -> str:
    resources = {"nbgrader": {"assignment": "cnns", "notebook": "cnns", "late_penalty": 0}}
    return FeedbackExporter().from_notebook_node(graded_notebook(*cells), resources)[0]  # type: ignore[arg-type]


def test_points_are_summed_up_by_the_heading_that_a_cell_stands_under():
    summary = summarise(graded_notebook().cells)
    found = [(e.title, e.points, e.max_points, e.waiting) for e in summary.exercises]
    assert found == [("Exercise 1: a chain", 8, 20, False), ("Question 8", 0, 5, True)]
    assert (summary.points, summary.max_points, summary.waiting) == (8, 25, 5)


def test_what_to_look_at_first_is_the_named_mistake():
    (todo,) = summarise(graded_notebook().cells).first
    assert (todo.grade_id, todo.lost) == ("chain_values", 12)
    assert todo.advice.startswith("Found in your function: there is average pooling")


def test_one_reason_is_listed_once():
    cells = []
    for name in ("a", "b"):
        cells += [new_markdown_cell(f"## {name}"), graded_cell(name, nothing(5, "no kernel"))]
    assert [todo.grade_id for todo in summarise(cells).first] == ["a"]


def test_the_gradebooks_points_count_and_not_the_verdicts():
    summary = summarise([graded_cell("a", WRONG, score=15)])
    assert (summary.points, summary.first) == (15, ())
    assert "A person gave 15 points" in page(graded_cell("a", WRONG, score=15))


def test_a_hint_teaches_where_points_were_lost_only():
    assert "Max pooling keeps" in hint(WRONG, "cnns")
    assert hint(CheckResult(RIGHT.criteria, mistakes=("chain-pool",)), "cnns") == ""


def test_a_lesson_is_printed_once_and_the_second_check_says_where():
    sized = replace(WRONG, mistakes=("fc1-inputs",))
    padded = replace(WRONG, mistakes=("conv2-padding",))
    cells = [graded_cell(*cell, score=7) for cell in (("a", sized), ("b", padded), ("c", padded))]
    taught = hints(cells, "cnns")
    assert "n - k + 1" in taught["a"]
    assert "n - k + 1" not in taught["b"]
    assert taught["b"].startswith("Padding lays a frame")
    assert "Which size should come out, and which does?" in taught["b"]
    assert taught["c"] == "See the hint at `b`."
    page = " ".join(taught.values())
    sentences = [s for s in page.replace("? ", ". ").split(". ") if len(s) > 20]
    assert len(sentences) == len(set(sentences))


def test_where_nothing_is_taught_no_hint_stands():
    unnamed = replace(WRONG, mistakes=())
    cells = [graded_cell("a", unnamed, score=7), graded_cell("b", RIGHT, score=15)]
    assert hints(cells, "cnns") == {"a": "", "b": ""}


def test_the_page_loads_nothing_and_runs_nothing():
    html = page()
    assert "<script" not in html
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)[^"']*""", html) == []


def test_what_a_student_wrote_is_escaped():
    nasty = "<script>alert(1)</script>"
    result = CheckResult((verdict(nasty, nasty, nasty, False, 1),), nasty, (nasty,))
    shown = new_output("display_data", {"application/javascript": "alert(1)"})
    html = page(
        new_markdown_cell(f"# {nasty}"),
        new_code_cell(f"x = '{nasty}'", outputs=[shown]),
        graded_cell("a", result),
    )
    assert "<script" not in html
    assert "alert(1)" in html


def test_the_answer_and_its_verdict_stand_open_and_the_rest_is_folded():
    html = page(new_markdown_cell("# Folded"), solution("s", "def s(): ..."))
    assert '<details class="given"><summary>Folded</summary>' in html
    assert html.index("</details>") < html.index("Your answer")


def test_the_first_failed_cell_is_not_folded_away():
    error = new_output("error", ename="E", evalue="no", traceback=["E: no"])
    first, second = (new_code_cell("fail()", outputs=[error]) for _ in range(2))
    html = page(first, graded_cell("a", RIGHT), second)
    assert html.count('<details class="given" open') == 1
    assert html.count('<details class="given"') == 2


def test_what_was_repaired_is_not_folded_away():
    html = page(repair_note_cell(["a cell was lost"], "note"))
    assert "<details" not in html
    assert html.count("a cell was lost") == 1
    assert html.index("a cell was lost") < html.index("Points by exercise")


def test_a_written_answer_waits_for_a_person():
    assert "waits for a person" in page(written_answer("why", 0, waiting=True))
    assert "4 of 5 points" in page(written_answer("why", 4, waiting=False))


def test_a_full_score_says_so():
    assert "Everything that was checked is right." in page(graded_cell("a", RIGHT))


def test_every_picture_has_words():
    figures = {"accuracies": [{"name": "top left", "value": 0.9}]}
    shown = [new_output("display_data", {f"image/{k}": "aGVsbG8="}) for k in ("png", "jpeg")]
    html = page(
        new_code_cell("plot()", outputs=shown),
        graded_cell("a", CheckResult(WRONG.criteria, figures=figures)),
    )
    assert re.findall(r"<img(?![^>]* alt=)", html) == []
    for kind in ("png", "jpeg"):
        assert f'src="data:image/{kind};base64,aGVsbG8="' in html
    assert 'aria-label="Accuracy on test images: top left 90.0%' in html


def test_text_is_set_as_text_and_a_comment_too():
    answer = written_answer("why", 4, waiting=False)
    answer.metadata.nbgrader["comment"] = "Well *said*.<script>alert(1)</script>"
    answer.source = "Because **it is**.<script>alert(1)</script>"
    html = page(answer)
    assert "<strong>it is</strong>" in html
    assert "<em>said</em>" in html
    assert "<script" not in html
    assert "&lt;p&gt;" not in html


def test_names_in_backticks_are_set_as_code():
    result = CheckResult((verdict("values", "1", "2", False, 1),), "Look at `fc1 < 3`.")
    assert "Look at <code>fc1 &lt; 3</code>." in page(graded_cell("a", result))
