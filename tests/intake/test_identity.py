"""Names and ids: nothing of them is a command to a terminal, a page or a spreadsheet."""

from __future__ import annotations

import pytest

from autograder.intake.identity import no_formula, printable, printable_lines, why_dangerous


@pytest.mark.parametrize(
    "student_id",
    [
        "ada",
        "-ada",
        "-7",
        "-a.b@x.org",
        "o'neil & co_123",
        "ünï",
        "李四",
        "a b",
        "a@x.org",
        "a=b+c",
    ],
)
def test_an_honest_id_is_taken(student_id: str):
    assert why_dangerous(student_id) == ""


@pytest.mark.parametrize(
    "student_id",
    [
        "a\x1b[31m",
        "a\nb",
        "a\x9b2J",
        "\u202eada",
        "a\u200bb",
        "\udcff",
        "<img src=x>",
        'a"b',
        "a\\",
        "=1+1",
        "+1",
        "@SUM(1)",
        "\t=1",
        "-1+1",
        "-cmd|' /C calc'!A0",
        "a" * 300,
    ],
)
def test_a_dangerous_id_is_refused_in_a_sentence_that_can_be_printed(student_id: str):
    sentence = why_dangerous(student_id)
    assert sentence.endswith("rename the student's folder")
    assert sentence.isprintable()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", " =1", "\t=1"])
def test_free_text_is_no_formula(text: str):
    assert no_formula(text)[0] in "'\\"


def test_an_honest_name_stays_as_it_is():
    assert no_formula('Love, "Countess", Ada-Ümit') == 'Love, "Countess", Ada-Ümit'


def test_escape_sequences_are_spelled_out():
    assert printable("a\x1b]0;x\x07\nb") == "a\\x1b]0;x\\x07\\nb"
    assert printable_lines("a\x1b\nb") == "a\\x1b\nb"
