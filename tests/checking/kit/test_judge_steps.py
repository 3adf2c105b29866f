"""Are the steps of a student's function told apart: right, changed on the way, wrong, missing?"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder import StudentFault
from autograder.assignments.cnns.chain import explain
from autograder.assignments.cnns.chain.reference import conv_pool_conv, random_kernel
from autograder.assignments.cnns.net import reading
from autograder.assignments.cnns.net.reference import net_shapes, net_spec
from autograder.checking.challenge import generator, random_state
from autograder.checking.kit import judge_steps
from autograder.checking.kit.judge_steps import Departure, Expected, Reading, read
from autograder.checking.kit.run_seen import RunSeen, difference
from autograder.checking.kit.step_graph import StepGraph, graph_of
from autograder.checking.kit.step_mistakes import Evidence, mistakes_in
from autograder.checking.student import InProcess, steps_of
from tests.checking.forged import Forger

NAMES = ("q", "k", "v")


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return attention of (N, T, D) without a mask: the reference of these tests."""
    scores = q @ k.transpose(1, 2)
    weights = torch.softmax(scores / 2.0, dim=-1)
    return weights @ v


def questions(seed: int = 0) -> list[list[Tensor]]:
    """Return arguments, and three times the same with another one in its place."""
    rng = generator(seed)
    one, other = ([torch.randn(2, 5, 4, generator=rng) for _ in NAMES] for _ in range(2))
    return [one, *([*one[:at], other[at], *one[at + 1 :]] for at in range(len(NAMES)))]


def judged(
    function: Callable[..., Tensor], expected: Sequence[Expected] = ()
) -> tuple[Reading, list[Departure]]:
    """Return how a run of a function is read, and its mistakes."""
    runs = []
    for arguments in questions():
        seen, returned = steps_of(InProcess({"f": function}), "f", *arguments, seed=0)
        runs.append(RunSeen(seen, returned.tensor()))
    of_reference = graph()
    reading = read(of_reference, runs[0], expected)
    others = dict(zip(NAMES, runs[1:], strict=True))
    return reading, mistakes_in(Evidence(of_reference, reading, runs[0], others))


def graph() -> StepGraph:
    """Return the graph of the reference."""
    found = graph_of(attention, NAMES, questions()[0])
    assert found is not None
    return found


def places(function: Callable[..., Tensor]) -> list[tuple[str, str]]:
    """Return from where something else comes to which step; from "" for a wrong step."""
    return [(departure.source, departure.at) for departure in judged(function)[1]]


def test_a_graph_has_the_steps_that_compute_and_edges_that_move() -> None:
    found = graph()
    assert [node.name for node in found.nodes] == ["matmul-1", "div", "softmax", "matmul-2"]
    sources = [[edge.source for edge in node.edges] for node in found.nodes]
    assert sources == [["q", "k"], ["matmul-1"], ["div"], ["softmax", "v"]]
    assert [len(edge.moves) for edge in found.nodes[0].edges] == [0, 1]
    assert found.end.source == "matmul-2"


def test_what_returns_no_tensor_of_its_own_steps_has_no_graph() -> None:
    assert graph_of(lambda q: 3, ["q"], [torch.ones(2)]) is None
    assert graph_of(lambda q: (q + 1, q), ["q"], [torch.ones(2)]) is None


RIGHT = {
    "as it stands": attention,
    "einsum": lambda q, k, v: torch.einsum(
        "nts,nsd->ntd", torch.einsum("ntd,nsd->nts", q, k).div(2).softmax(-1), v
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_function_has_no_departures(name: str) -> None:
    reading, mistakes = judged(RIGHT[name])
    assert reading.departures == ()
    assert reading.cost == 0
    assert mistakes == []


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.transpose(1, 2)


WRONG: dict[str, tuple[Callable[..., Tensor], list[tuple[str, str]]]] = {
    "an argument is changed": (lambda q, k, v: attention(q.tanh(), k, v), [("q", "matmul-1")]),
    "two arguments are": (
        lambda q, k, v: attention(q.tanh(), k, v**2),
        [("q", "matmul-1"), ("v", "matmul-2")],
    ),
    "something stands between": (
        lambda q, k, v: torch.softmax((_scores(q, k) / 2).relu(), -1) @ v,
        [("div", "softmax")],
    ),
    "another step": (
        lambda q, k, v: (_scores(q, k) / 2).sigmoid() @ v,
        [("", "softmax")],
    ),
    "the last step": (
        lambda q, k, v: torch.softmax(_scores(q, k) / 2, -1) * v.sum(),
        [("", "matmul-2")],
    ),
    "the result is changed": (lambda q, k, v: attention(q, k, v).abs(), [("matmul-2", "end")]),
    "a number is added": (
        lambda q, k, v: torch.softmax((_scores(q, k) + 0.5).relu() / 2, -1) @ v,
        [("matmul-1", "div")],
    ),
    "an argument that is not used is one mistake": (
        lambda q, k, v: torch.softmax(_scores(torch.ones(2, 5, 4).cumsum(1), k) / 2, -1) @ v,
        [("q", "matmul-1")],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_step_is_found_where_it_is(name: str) -> None:
    function, expected = WRONG[name]
    assert places(function) == expected


def test_a_missing_step_is_told_from_a_wrong_one() -> None:
    expected = [Expected("div", lambda x: x, "missing", passes=True)]
    _, (departure,) = judged(lambda q, k, v: torch.softmax(_scores(q, k), -1) @ v, expected)
    assert departure.says == "missing"
    wrong = lambda q, k, v: torch.softmax(_scores(q, k).sinh(), -1) @ v  # noqa: E731
    _, (departure,) = judged(wrong, expected)
    assert (departure.at, departure.says) == ("div", None)


def test_an_expected_mistake_has_what_its_author_says() -> None:
    expected = [
        Expected("softmax", torch.sigmoid, "sigmoid"),
        Expected("div>softmax", torch.relu, "relu"),
        Expected("matmul-2>end", torch.abs, "abs"),
    ]
    _, mistakes = judged(lambda q, k, v: (_scores(q, k) / 2).sigmoid() @ v, expected)
    assert [departure.says for departure in mistakes] == ["sigmoid"]
    _, mistakes = judged(
        lambda q, k, v: (torch.softmax((_scores(q, k) / 2).relu(), -1) @ v).abs(), expected
    )
    assert [departure.says for departure in mistakes] == ["relu", "abs"]


@pytest.mark.parametrize(
    "function",
    [
        lambda q, k, v: torch.zeros(2, 5, 4),
        lambda q, k, v: v,
        lambda q, k, v: (q + k) * v,
        lambda q, k, v: attention(q, k, v) * 0,
        lambda q, k, v: (attention(q, k, v), torch.ones(2, 5, 4))[1],
        lambda q, k, v: attention(q, k, v) / 0 * 0,
        lambda q, k, v: torch.empty(0),
    ],
)
def test_what_hangs_together_with_no_argument_shows_nothing(function) -> None:
    assert judged(function)[1] == []


def test_tensors_that_are_filled_bit_by_bit_are_seen_when_they_are_full() -> None:
    def slowly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = torch.zeros(2, 5, 5)
        for i in range(5):
            for j in range(5):
                scores[:, i, j] = (q[:, i] * k[:, j]).sum(-1)
        return torch.softmax(scores / 2, -1).tanh() @ v

    assert places(slowly) == [("softmax", "matmul-2")]


def test_what_is_seen_bounds_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []
    once = judge_steps._computed
    monkeypatch.setattr(judge_steps, "_computed", lambda *a: computed.append(1) or once(*a))
    monkeypatch.setattr(judge_steps, "_COMPUTED", 300)
    rng = generator(1)
    seen = [torch.randn(2, 5, 4, generator=rng) for _ in range(200)]
    reading = read(graph(), RunSeen(seen, torch.ones(2, 5, 4)), [])
    assert len(reading.departures) >= 4
    assert len(computed) < 20 * 300


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_claimed_to_be_seen_is_read(seed: int) -> None:
    rng = random.Random(seed)
    arguments = questions(seed)[0]
    student = Forger({"f": attention}, rng, 1.0)
    try:
        seen, returned = steps_of(student, "f", *arguments, seed=0)
        run = RunSeen(seen, returned.likeliest((2, 5, 4)))
    except StudentFault:
        return
    reading = read(graph(), run)
    mistakes_in(Evidence(graph(), reading, run, dict.fromkeys(NAMES, run)))


def _chain() -> tuple[StepGraph, Sequence[Expected]]:
    rng = generator(0)
    given = [torch.rand(3, 32, 32, generator=rng), random_kernel(rng)]
    found = graph_of(conv_pool_conv, ["image", "kernel"], given)
    assert found is not None
    return found, explain._expected()


def _net() -> tuple[StepGraph, Sequence[Expected]]:
    spec, rng = net_spec(2, 3), generator(0)
    state = {name: x.double() for name, x in random_state(net_shapes(spec), rng).items()}
    images = torch.rand(2, 1, 56, 56, generator=rng, dtype=torch.float64)
    return reading._graph(spec, state, images), list(reading._expected(spec, state))


@pytest.mark.parametrize("assignment", [_chain, _net])
def test_an_expected_mistake_can_be_computed_where_it_is_expected(assignment) -> None:
    found, expected = assignment()
    taken = {node.name: [edge.right for edge in node.edges] for node in found.nodes}
    edges = [*(edge for node in found.nodes for edge in node.edges), found.end]
    taken |= {f"{edge.source}>{edge.target}": [edge.right] for edge in edges}
    fits = {one.at: 0 for one in expected}
    for one in expected:
        try:
            fits[one.at] += isinstance(one.function(*taken[one.at]), Tensor)
        except RuntimeError:  # torch: fc1 takes other inputs, or nothing is left
            assert one.at == "fc1"
    assert len(expected) > 60
    assert all(fits[at] == sum(one.at == at for one in expected) for at in fits if at != "fc1")


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda x: 3 * x, "factor"),
        (lambda x: x + 1, "shift"),
        (lambda x: x.flip(0), "order"),
        (lambda x: x[:-1], "shape"),
        (lambda x: x**2, ""),
        (lambda x: x * 0, ""),
        (lambda x: x / 0, ""),
        (lambda x: F.pad(x, (0, 1)), "shape"),
    ],
)
def test_differences_have_names(change: Callable[[Tensor], Tensor], how: str) -> None:
    right = torch.randn(6, 3, generator=generator(0), dtype=torch.float64)
    assert difference(change(right), right) == how
