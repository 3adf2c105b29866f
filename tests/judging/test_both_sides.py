"""One check, two sides: a sandboxed kernel and this process give the same verdict.

The answers are the honest rewrites and the mutants; the seeds are the same on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.checking import checks
from autograder.judging._session import Session
from autograder.sandbox import Limits, open_kernel
from tests.assignments.cnns import mutants, rewrites
from tests.assignments.cnns.net.test_check import SLOW_TO_START, student
from tests.assignments.cnns.short_runs import train_shortly

IMPORTS = "import torch\nfrom torch import nn\nimport torch.nn.functional as F"
GRADE_IDS = {
    "conv_pool_conv": ("conv_pool_conv_shape", "conv_pool_conv_values"),
    "net": ("net_shape", "net_parameters", "net_function"),
    "improved_net": ("improved_shape", "improved_parameters"),
}
TRAINED = ("improved_top_left", "improved_bottom_right")
SLOW = [
    *((r, GRADE_IDS[r.exercise]) for r in rewrites.REWRITES if r.name in SLOW_TO_START),
    *((r, TRAINED) for r in rewrites.IMPROVED),
]
HONEST = [r for r in rewrites.REWRITES if r.name not in SLOW_TO_START]
WRONG = mutants.MUTANTS[::4]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A sandboxed kernel whose notebook has the imports."""
    limits = Limits(submission_timeout_s=3600)
    with open_kernel(limits) as kernel:
        session = Session(kernel, limits)
        session.run_cell(IMPORTS)
        yield session


def assert_full_on_both_sides(session: Session, source: str, grade_ids: tuple[str, ...]) -> None:
    session.run_cell(source)
    here = student(source)
    for grade_id in grade_ids:
        sandboxed = checks.run("cnns", grade_id, session, 5)
        in_process = checks.run("cnns", grade_id, here, 5)
        assert (sandboxed.points, sandboxed.advice) == (sandboxed.max_points, "")
        assert in_process.points == sandboxed.points


@pytest.mark.parametrize("answer", HONEST, ids=lambda answer: answer.name)
def test_honest_rewrites_score_full_on_both_sides(
    session: Session, answer: rewrites.Rewrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_shortly(monkeypatch)
    assert_full_on_both_sides(session, answer.source, GRADE_IDS[answer.exercise])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "grade_ids"), SLOW, ids=[answer.name for answer, grade_ids in SLOW]
)
def test_compiled_and_trained_networks_score_full_on_both_sides(
    session: Session, answer: rewrites.Rewrite, grade_ids: tuple[str, ...]
) -> None:
    assert_full_on_both_sides(session, answer.source, grade_ids)


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.name)
def test_mutants_get_the_same_verdict_on_both_sides(
    session: Session, answer: mutants.Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_shortly(monkeypatch)
    session.run_cell(answer.source)
    here = student(answer.source)
    for grade_id in GRADE_IDS[answer.exercise]:
        sandboxed = checks.run("cnns", grade_id, session, 5)
        in_process = checks.run("cnns", grade_id, here, 5)
        assert (sandboxed.points, sandboxed.mistakes) == (in_process.points, in_process.mistakes)
