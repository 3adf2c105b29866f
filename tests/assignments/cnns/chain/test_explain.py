"""Are wrong chains that the catalogue lacks paid for what is right in them, and told the truth?"""

from __future__ import annotations

import pytest

from autograder.assignments.cnns.chain.diagnose import _NAMES
from autograder.assignments.cnns.chain.explain import _UNLISTED, explain
from autograder.checking import checks
from autograder.checking.challenge import generator
from autograder.checking.lessons import lesson
from tests.assignments.cnns.chain.slips import (
    AT_THE_END,
    BETWEEN,
    IN_ANOTHER_KIND,
    NONSENSE,
    ONE,
    OTHER_IMAGES,
    OTHER_KERNELS,
    TWO,
    at_the_end,
    chain,
)
from tests.assignments.cnns.chain.test_check import CHECKS, judge, lost, student
from tests.assignments.cnns.rewrites import CHAINS

# What to call the step that is wrong.
STEP = {
    **dict.fromkeys(AT_THE_END, "re"),
    **dict.fromkeys(BETWEEN, "pool"),
    **dict.fromkeys(OTHER_KERNELS, "kernel"),
    **dict.fromkeys(OTHER_IMAGES, "image"),
}


@pytest.mark.parametrize("slip", ONE)
def test_one_slip_that_nobody_listed_costs_three_to_eight_of_twenty_and_is_explained(slip):
    shape, values = (checks.run("cnns", check, student(chain(ONE[slip])), 3) for check in CHECKS)
    assert 3 <= 20 - shape.points - values.points <= 8
    assert values.mistakes
    assert all(lesson("cnns", name) for name in values.mistakes)
    assert STEP.get(slip, "") in values.advice.lower()


@pytest.mark.parametrize("kind", IN_ANOTHER_KIND)
def test_a_result_in_another_kind_is_one_mistake_and_comes_on_top_of_another(kind):
    right = at_the_end(IN_ANOTHER_KIND[kind])
    judged = judge(chain(right))
    assert 3 <= lost(chain(right)) <= 8
    assert judged.mistakes == ("output-kind",)
    assert judged.advice.startswith("Expected conv_pool_conv(...) to return a tensor, got ")
    two = chain(right, ONE["the standardised between"])
    assert 6 <= lost(two) <= 14
    assert "output-kind" in judge(two).mistakes
    three = chain(right, *(ONE[slip] for slip in TWO["a sine, clamped"]))
    assert lost(three) >= 14


@pytest.mark.parametrize("slips", TWO)
def test_two_slips_that_nobody_listed_cost_six_to_fourteen(slips):
    assert 6 <= lost(chain(*(ONE[slip] for slip in TWO[slips]))) <= 14


def test_one_convolution_and_a_cut_is_two_slips():
    body = "return F.max_pool2d(F.conv2d(image, kernel), 2)[:, 1:-1, 1:-1]"
    assert 6 <= lost(f"def conv_pool_conv(image, kernel):\n    {body}") <= 14


def test_what_stands_in_the_place_of_a_step_is_a_slip_beside_the_missing_step():
    body = "return F.conv2d(F.max_pool2d(image[:1, 1:-1, 1:-1], 2), kernel[:, :1])"
    judged = judge(f"def conv_pool_conv(image, kernel):\n    {body}")
    assert 0 < judged.points <= 1.5
    assert judged.mistakes == ("chain-first", "chain-between")


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_earns_no_more_than_its_shape_does(answer):
    body = NONSENSE[answer]
    assert judge(f"def conv_pool_conv(image, kernel):\n    {body}").points == 0


@pytest.mark.parametrize(
    ("slips", "words"),
    [
        (["the second kernel turned", "a bias after the first"], "180 degrees in the second"),
        (["the first kernel transposed", "a ReLU6 between"], "exchanged in the first"),
    ],
)
def test_of_two_slips_the_listed_one_is_named(slips, words):
    advice = judge(chain(*(ONE[slip] for slip in slips))).advice
    assert words in advice
    assert "Both convolutions and the pooling are right" not in advice


def test_every_step_that_can_be_wrong_has_a_lesson():
    names = {name for name, _, _ in _UNLISTED.values()} | set(_NAMES.values())
    assert len(names) > 6
    assert [name for name in names if not lesson("cnns", name)] == []


NOT_SEEN = next(rewrite.source for rewrite in CHAINS if rewrite.name == "numpy inside")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("from_numpy(", "from_numpy(0.5 * ", "chain-rescale"),
        ("from_numpy(", "from_numpy(np.float32(0.1) + ", "chain-bias"),
        ("image.numpy()", "(image - 0.5).numpy()", "chain-input"),
        (".max(axis=(2, 4))", ".mean(axis=(2, 4))", "chain-pool"),
        ("kernel[0].numpy()", "kernel[0].flip(1, 2).numpy()", "chain-flipped"),
    ],
)
def test_where_no_step_is_seen_a_listed_slip_has_its_name_all_the_same(old, new, name):
    assert lost(NOT_SEEN) == 0
    assert old in NOT_SEEN
    wrong = NOT_SEEN.replace(old, new)
    assert 3 <= lost(wrong) <= 8
    assert judge(wrong).mistakes == (name,)


def test_loops_are_seen():
    loops = """
def conv_pool_conv(image, kernel):
    def convolve(x, k):
        out = torch.zeros(1, x.shape[1] - 2, x.shape[2] - 2)
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[0, i, j] = (x[:, i : i + 3, j : j + 3] * k).sum()
        return out

    x = F.max_pool2d(convolve(image, kernel[0]).sin(), 2)
    return convolve(x, kernel[0, :1])
"""
    assert judge(loops).mistakes == ("chain-between",)
    assert "What the pooling gets is not what the first convolution gives" in judge(loops).advice


COUNTS = (("a sine between", 1), ("the image squared", 1), ("the kernel standardised", 1))


@pytest.mark.parametrize("seed", range(10))
def test_what_is_right_does_not_depend_on_the_seed(seed):
    for slip, count in COUNTS:
        rng = generator(seed)
        asked = student(chain(ONE[slip]))
        explanation = explain(asked, rng)
        assert explanation is not None
        assert explanation[1] == count
