"""What the kernel says is absent: its word, so only what has the right form is kept."""

from __future__ import annotations

import pytest

from autograder.checking.check_result import nothing
from autograder.inside.absent import MAX_CHARACTERS, MAX_NAMES
from autograder.judging._absent import absent_names, hung_on


@pytest.mark.parametrize("told", [None, 3, [], "x", {"package": 3}, {"package": [3, None]}, {}])
def test_what_has_another_form_is_nothing(told: object) -> None:
    assert absent_names(told) == {}


def test_names_are_few_short_and_printable_and_kinds_known() -> None:
    told = {"package": ["a" * 500, "b\x1b[2J", *map(str, range(500))], "<script>": ["c"]}
    names = absent_names(told)
    assert list(names) == ["package"]
    assert len(names["package"]) == MAX_NAMES
    assert names["package"][:2] == ["a" * MAX_CHARACTERS, "0"]


def test_points_hang_on_what_the_reason_names() -> None:
    results = {
        "a": nothing(20, "your code raised ModuleNotFoundError: No module named 'einops'"),
        "b": nothing(5, "something else, with einopsy and my.einops"),
    }
    assert hung_on({"package": ["einops"], "device": ["cuda"]}, results) == [
        {"kind": "package", "name": "einops", "points": 20.0},
        {"kind": "device", "name": "cuda", "points": 0.0},
    ]
