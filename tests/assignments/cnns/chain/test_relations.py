"""Do the relations hold where they should, and nowhere else, whatever numbers come?"""

from __future__ import annotations

import pytest
import torch

from autograder.assignments.cnns.chain.relations import is_function_of, is_sum_of

LEVELS = torch.randint(0, 7, (1, 20, 20), generator=torch.Generator().manual_seed(0)).double()
TERMS = torch.stack([LEVELS, LEVELS.mT, LEVELS**2])


def test_a_function_of_each_number_is_told_from_another_order():
    assert is_function_of(LEVELS, LEVELS.sin())
    assert not is_function_of(LEVELS, LEVELS.mT)


def test_a_sum_is_told_from_a_product():
    assert is_sum_of(TERMS, 2 * TERMS[0] - 3 * TERMS[1])
    assert not is_sum_of(TERMS, TERMS[0] * TERMS[1])
    assert not is_sum_of(TERMS, 2 * TERMS[0])  # one term alone is a step left out


@pytest.mark.parametrize("number", [0.0, 3.0, float("nan"), float("inf"), 1e308])
def test_a_constant_is_nothing(number):
    got = torch.full_like(LEVELS, number)
    assert not is_function_of(LEVELS, got)
    assert not is_sum_of(TERMS, got)


def test_a_few_numbers_that_are_not_finite_do_not_hide_the_rest():
    got = LEVELS.sin()
    got[0, :5] = torch.nan
    assert is_function_of(LEVELS, got)
