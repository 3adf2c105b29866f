"""Does a student read the whole verdict, and does nothing in it do harm?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autograder.checking.check_result import CheckResult, Criterion, nothing, verdict
from autograder.judging.verdict import as_html, as_text


def test_marks_points_and_advice_are_shown():
    criteria = (verdict("shape", "(4, 10)", "(4, 1)", False, 2), verdict("sum", "3", "3", True, 1))
    text = as_text(CheckResult(criteria, "Look at the last layer."))
    assert text.splitlines() == [
        "1 of 3 points",
        "  ✗ shape: expected (4, 10), got (4, 1)",
        "  ✓ sum: expected 3, got 3",
        "Look at the last layer.",
    ]
    html = as_html(CheckResult(criteria, "Look at the last layer."))
    assert "<strong>1 of 3 points</strong>" in html
    assert html.count("<tr>") == 3


@given(st.text(), st.text(), st.text(), st.text())
def test_all_text_is_escaped(name, expected, got, advice):
    plain = as_html(CheckResult((Criterion("", "", "", 0, 1),), "x"))
    html = as_html(CheckResult((Criterion(name, expected, got, 0, 1),), advice or "x"))
    for character in "<>":
        assert html.count(character) == plain.count(character)


def test_points_that_do_not_divide_are_rounded():
    result = CheckResult(tuple(Criterion("a", "", "", 0.1, 0.1) for _ in range(3)))
    assert (result.points, result.max_points) == (0.3, 0.3)
    assert as_text(result).startswith("0.3 of 0.3 points")


def test_nothing_looked_at_earns_nothing():
    result = nothing(5, "Net is not defined")
    assert (result.points, result.max_points, result.advice) == (0, 5, "Net is not defined")
