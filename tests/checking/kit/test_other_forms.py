"""References of many kinds: right in another form scores full, wrong in another form is named."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checking.check_result import CheckResult
from autograder.checking.student import InProcess
from autograder.maintain.kit.page import PAGE, made, page
from autograder.maintain.kit.references import lab
from tests.checking.kit.other_forms import FORMS, Form
from tests.conftest import ROOT


def judge(form: Form, source: str, seed: int = 3) -> CheckResult:
    variables: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "math": math}
    exec(source, variables)
    exercise = lab.exercises[form.name]
    graded = next(g for g, asks in exercise.asks.items() if asks in ("values", "function"))
    return lab.checks[graded].judge(InProcess(variables), seed)


def changed(form: Form, change: tuple[str, str]) -> str:
    assert change[0] in form.source, change
    return form.source.replace(*change, 1)


def names(form: Form, changes: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, ...]]:
    """Return what each change is called; every one loses points."""
    found = {}
    for change in changes:
        result = judge(form, changed(form, change))
        assert result.points < result.max_points, change
        found[" -> ".join(change)] = tuple(n for n in result.mistakes if n not in NO_NAME)
    return found


NO_NAME = ("unknown", "layers")
QUICK = ("causal_attention", "CharRNN", "cosine_similarity")
each_form = pytest.mark.parametrize(
    "form",
    [pytest.param(f, id=f.name, marks=[] if f.name in QUICK else pytest.mark.slow) for f in FORMS],
)


@each_form
def test_a_right_answer_in_another_form_scores_full_with_any_seed(form: Form) -> None:
    for seed in range(10):
        result = judge(form, form.source, seed)
        assert result.points == result.max_points, result


@each_form
def test_mistakes_in_another_form_lose_points_and_nine_of_ten_are_named(form: Form) -> None:
    found = names(form, form.mistakes)
    assert len(found) >= 8
    unnamed = [change for change, given in found.items() if not given]
    assert len(unnamed) <= len(found) // 10, unnamed


@each_form
def test_what_no_operator_makes_loses_points_and_gets_no_false_name(form: Form) -> None:
    assert len(form.others) == 5
    assert {c: n for c, n in names(form, form.others).items() if n} == {}


def test_the_page_of_mutants_is_up_to_date_and_no_reference_has_few() -> None:
    catalogues = made()
    assert {form.name for form in FORMS} == set(catalogues)
    assert min(len(found.mutants) for found in catalogues.values()) >= 8
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(catalogues)
