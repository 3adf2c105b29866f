"""Does the judge recognise every right `conv_pool_conv`, and name what is wrong with others?"""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from autograder.assignments.cnns.chain.asking import ask
from autograder.assignments.cnns.chain.mistakes import (
    chain_mistakes,
    pairs_of_mistakes,
    single_mistakes,
)
from autograder.assignments.cnns.chain.reference import (
    ChainSpec,
    conv_pool_conv,
    random_kernel,
    right_answer,
    run_chain,
)
from autograder.checking import checks
from autograder.checking.challenge import generator, random_images
from autograder.checking.check_result import CheckResult
from course_utils import checks as visible
from tests.assignments.cnns.mutants import CHAIN
from tests.assignments.cnns.mutants import CHAINS as MUTANTS
from tests.assignments.cnns.rewrites import CHAINS as REWRITES
from tests.checking.forged import Wired

CHECKS = ("conv_pool_conv_shape", "conv_pool_conv_values")


def student(source: str) -> Wired:
    """Return a student whose notebook holds this source; random weights are always the same."""
    torch.manual_seed(0)
    namespace: dict[str, object] = {"torch": torch, "nn": nn, "F": F}
    exec(source, namespace)
    return Wired(namespace)


def judge(source: str, seed: int = 0) -> CheckResult:
    """Return the verdict on the values."""
    return checks.run("cnns", "conv_pool_conv_values", student(source), seed)


@pytest.mark.parametrize("rewrite", REWRITES, ids=[r.name for r in REWRITES])
@pytest.mark.parametrize("grade_id", CHECKS)
def test_every_right_chain_scores_full_however_it_is_written(rewrite, grade_id):
    for seed in range(5):
        result = checks.run("cnns", grade_id, student(rewrite.source), seed)
        assert result.points == result.max_points, result.criteria


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_every_wrong_chain_loses_points_and_hears_why(mutant):
    for seed in range(3):
        result = judge(mutant.source, seed)
        assert result.points < 15
        assert result.mistakes[:1] == ((mutant.key,) if mutant.key else ())
        assert mutant.words in result.advice


@settings(max_examples=25, deadline=None)
@given(
    rewrite=st.sampled_from(REWRITES),
    height=st.integers(8, 60),
    width=st.integers(8, 60),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 1000),
)
def test_right_chains_agree_for_images_of_any_size(rewrite, height, width, scale, seed):
    rng = generator(seed)
    image = random_images(1, 3, height, width, rng)[0]
    trial = ask(student(rewrite.source), image, scale * random_kernel(rng))
    assert trial.right, trial.fault


@pytest.mark.parametrize("seed", range(30))
def test_a_relu_between_shows_whatever_the_seed(seed):
    result = judge(CHAIN.replace("F.conv2d(image, kernel)", "F.conv2d(image, kernel).relu()"), seed)
    assert (result.points, result.mistakes) == (7.5, ("chain-between",))


def lost(source: str) -> float:
    """Return how many of the exercise's 20 points are lost."""
    results = [checks.run("cnns", grade_id, student(source), 3) for grade_id in CHECKS]
    return sum(result.max_points - result.points for result in results)


OUTSIDE = ("chain-random", "chain-globals", "output-kind", "chain-in-place")  # not one of its steps
STEPS = [m for m in MUTANTS if m.key not in OUTSIDE]
ONE = [m for m in STEPS if " and " not in m.name.replace("rows and columns", "")]


@pytest.mark.parametrize("mutant", ONE, ids=[m.name for m in ONE])
def test_one_mistake_costs_three_to_eight_of_twenty(mutant):
    assert 3 <= lost(mutant.source) <= 8


TWO = {
    "ReLU, average": {"F.conv2d(image, kernel)": "F.conv2d(image, kernel).relu()"}
    | {"max_pool2d": "avg_pool2d"},
    "padding, no pooling": {"(image, kernel)\n    x =": "(image, kernel, padding=1)\n    x ="}
    | {"F.max_pool2d(x, 2)": "x"},
    "normalised, clipped": {"(image, kernel)\n": "(image - 0.5, kernel)\n"}
    | {"kernel[:, :1])": "kernel[:, :1]).clamp(0, 1)"},
    "one convolution alone": {"F.max_pool2d(x, 2)": "x", "F.conv2d(x, kernel[:, :1])": "x"},
}


@pytest.mark.parametrize("changes", TWO.values(), ids=TWO)
def test_two_mistakes_cost_six_to_fourteen_of_twenty(changes):
    source = CHAIN
    for old, new in changes.items():
        assert old in source
        source = source.replace(old, new)
    assert 6 <= lost(source) <= 14


@pytest.mark.parametrize("seed", range(5))
def test_every_single_mistake_of_the_catalogue_differs_widely_from_the_right_chain(seed):
    rng = generator(seed)
    images = [random_images(1, 3, *size, rng)[0] for size in ((32, 32), (27, 38))]
    kernel = random_kernel(rng)
    singles = [spec for spec in single_mistakes() if len(chain_mistakes(spec)) == 1]
    assert len(singles) > 50
    for spec in singles:
        assert max(_distance(spec, image, kernel) for image in images) > 100, spec


def _distance(spec: ChainSpec, image: Tensor, kernel: Tensor) -> float:
    """Return how far a chain is from the right one, in what rounding can do."""
    wrong, right = run_chain(spec, image, kernel), right_answer(image, kernel)
    if wrong is None or wrong.shape != right.value.shape:
        return math.inf
    return float(((wrong - right.value).abs() / right.error).max())


def test_the_visible_checks_example_shows_every_single_mistake_of_the_catalogue():
    singles = [spec for spec in single_mistakes() if len(chain_mistakes(spec)) == 1]
    image, kernel = visible.example()
    for spec in singles:
        wrong = run_chain(spec, image, kernel)
        got = None if wrong is None else [round(v, 2) for v in wrong.flatten().tolist()]
        assert got != visible.EXAMPLE, spec
    right = conv_pool_conv(image, kernel)
    assert [round(v, 2) for v in right.flatten().tolist()] == visible.EXAMPLE


_PASSED = "Looks right: conv_pool_conv"


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_the_visible_check_lets_no_wrong_chain_pass(mutant, capsys):
    namespace: dict[str, object] = {"torch": torch, "nn": nn, "F": F}
    exec(mutant.source, namespace)
    visible.check_conv_pool_conv(namespace["conv_pool_conv"])
    assert _PASSED not in capsys.readouterr().out


def test_the_visible_check_lets_the_right_chain_pass(capsys):
    namespace: dict[str, object] = {"torch": torch, "nn": nn, "F": F}
    exec(CHAIN, namespace)
    visible.check_conv_pool_conv(namespace["conv_pool_conv"])
    assert _PASSED in capsys.readouterr().out


def test_every_mistake_of_the_catalogue_has_words():
    for spec in (*single_mistakes(), *pairs_of_mistakes()):
        assert chain_mistakes(spec)


@pytest.mark.parametrize(
    "body",
    [
        "return torch.zeros(1, 13, 13)",
        "return torch.full((1, 13, 13), float('nan'))",
        "return torch.rand(1, 13, 13)",
        "return torch.tensor(1.0)",
        "return torch.zeros(0)",
        "return torch.zeros(1, 13, 13, dtype=torch.complex64)",
        "return torch.zeros(1, 13, 13, dtype=torch.int64)",
        "return torch.zeros(1, 13, 13).to_sparse()",
        "return image, kernel",
        "raise KeyboardInterrupt",
        "kernel.resize_(0); return image",
        "image.data = image.data.double(); return image",
        "return image.as_subclass(type('Odd', (torch.Tensor,), {}))",
    ],
)
def test_garbage_earns_nothing(body):
    result = judge(f"def conv_pool_conv(image, kernel):\n    {body}")
    assert result.points == 0
    assert result.advice


def test_right_for_one_size_only_keeps_a_part():
    source = CHAIN.replace("return", "x = x[:, :15, :15]\n    return")
    result = judge(source)
    assert 0 < result.points < 15
    assert result.mistakes == ("chain-sizes",)


def test_a_right_function_that_changes_its_argument_loses_little():
    source = CHAIN.replace(
        "return F.conv2d(x, kernel[:, :1])",
        "y = F.conv2d(x, kernel[:, :1])\n    image.zero_()\n    return y",
    )
    assert judge(source).points == 13
