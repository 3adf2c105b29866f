"""Is whatever comes back from the student's side data or a `StudentFault`, and nothing else?"""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.assignments.cnns.net.reference import net_shapes, net_spec
from autograder.checking import checks
from autograder.checking.kit.asking import Network
from autograder.checking.student import (
    InProcess,
    Model,
    Returned,
    StudentFault,
    call,
    call_for_any,
    steps_of,
)
from course_utils.training import BUDGET
from tests.assignments.cnns.networks import PaddedPooling
from tests.checking.forged import Wired

CHECKS = (
    "conv_pool_conv_shape",
    "conv_pool_conv_values",
    "net_shape",
    "net_parameters",
    "net_function",
    "improved_shape",
    "improved_parameters",
)


class Liar:
    """A student's side that answers every request with what it was given.

    Args:
        answers: verb -> fields and tensors.
    """

    def __init__(self, answers):
        self.memo, self._answers = {}, answers

    def version(self, name):
        """Return something that never changes."""
        return 0

    def ask(self, verb, arguments, tensors):
        """Return the answer prepared for the verb."""
        return self._answers.get(verb, ({}, {}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def _quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch means to drop these; a student may still send one
        return torch.quantize_per_tensor(torch.zeros(2, 10), 0.1, 0, torch.qint8)


SPECIAL = (
    torch.zeros(2, 10),
    torch.rand(4, 10),
    torch.full((2, 10), float("nan")),
    torch.full((2, 10), float("inf")),
    torch.zeros(2, 10, dtype=torch.int64),
    torch.zeros(2, 10, dtype=torch.bool),
    torch.zeros(2, 10, dtype=torch.complex64),
    torch.zeros(2, 10, dtype=torch.float16),
    _quantised(),
    torch.zeros(2, 10).to_sparse(),
    torch.zeros(2, 10, device="meta"),
    torch.tensor(3.0),
    torch.zeros(0),
    torch.zeros(0, 10),
    torch.zeros(1, 13, 13),
    torch.full((1, 13, 13), 1e38),
    torch.zeros(1, 1, 1, 1, 1, 1),
)
TENSORS = st.dictionaries(
    st.sampled_from(["output", "0", "1", "after.0", "after.1", "conv1.weight", "x"]),
    st.sampled_from(SPECIAL),
)
RIGHT = [
    {"name": name, "shape": list(shape), "owner": name.split(".")[0], "kind": "Linear"}
    for name, shape in net_shapes(net_spec()).items()
]
SHAPE = st.lists(st.integers(-1, 40) | st.sampled_from([2**31, 2**62, 1936, 0.5, "3", None]))
PARAMETER = st.fixed_dictionaries(
    {
        "name": st.text(max_size=5) | st.sampled_from(["conv1.weight", "x"]),
        "shape": SHAPE | JSON,
        "owner": st.text(max_size=3),
        "kind": st.sampled_from(["Linear", "BatchNorm2d", "PReLU", "", 3]),
    }
)
PARAMETERS = st.lists(PARAMETER | JSON, max_size=4).flatmap(
    lambda odd: st.sampled_from([odd, RIGHT, [*RIGHT, *odd], RIGHT[:-1], RIGHT[2:], RIGHT * 2])
)
FIELDS = st.fixed_dictionaries({}, optional={"error": JSON, "parameters": PARAMETERS | JSON})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    grade_id=st.sampled_from(CHECKS),
    build=st.one_of(st.fixed_dictionaries({"parameters": PARAMETERS}), FIELDS),
    answer=st.tuples(FIELDS, TENSORS),
    state=st.tuples(FIELDS, TENSORS),
    load=FIELDS,
)
def test_no_answer_breaks_the_judge_or_earns_points(grade_id, build, answer, state, load):
    answers = dict.fromkeys(("call", "steps", "forward", "trace"), answer)
    liar = Liar({**answers, "build": (build, {}), "state": state, "load": (load, {})})
    result = checks.run("cnns", grade_id, liar, 0)
    assert math.isfinite(result.points)
    assert 0 <= result.points <= result.max_points
    if grade_id in ("conv_pool_conv_values", "net_function"):
        assert result.points == 0
    for criterion in result.criteria:
        assert criterion.got.isprintable()
    assert result.advice.isprintable()


def test_what_is_seen_comes_in_its_order_although_a_message_has_another():
    def count(x):
        for _ in range(30):
            x = x + 1
        return x

    class Long(nn.Module):
        def forward(self, x):
            return count(x)

    student = Wired({"count": count, "Long": Long})
    seen, returned = steps_of(student, "count", torch.zeros(2), seed=0)
    assert [int(x[0]) for x in seen] == list(range(31))
    assert int(returned.tensor()[0]) == 30
    seen = Model(student, "Long").trace(torch.zeros(2, 3))
    assert [int(x[0, 0]) for x in seen] == list(range(31))


@pytest.mark.parametrize(
    "shapes",
    [
        [[2**20, 1, 5, 5], [16, 2**20, 5, 5], [32, 1936], [16, 32], [10, 16]],
        [[8, 1, 50, 50], [16, 8, 50, 50], [32, 1936], [16, 32], [10, 16]],
        [[8, 1, 99, 99], [16, 8, 5, 5], [32, 1936], [16, 32], [10, 16]],
        [[0, 1, 5, 5], [16, 0, 5, 5], [32, 1936], [16, 32], [10, 16]],
        [[8, 1, 5, 5], [16, 8, 5, 5], [2**39, 2**39], [16, 32], [10, 16]],
        [[1] * 8] * 900,
    ],
)
def test_claimed_shapes_cost_the_judge_neither_memory_nor_time(shapes):
    parameters = []
    for i, shape in enumerate(shapes):
        entry = {"name": f"{i}.weight", "shape": shape, "owner": f"{i}", "kind": "Linear"}
        parameters += [entry, {**entry, "name": f"{i}.bias", "shape": shape[:1]}]
    liar = Liar({"build": ({"parameters": parameters}, {}), "forward": ({}, {})})
    for grade_id in ("net_parameters", "net_function", "improved_parameters"):
        result = checks.run("cnns", grade_id, liar, 0)
        assert result.points < result.max_points


@pytest.mark.parametrize(
    "listed",
    [
        None,
        3,
        {},
        [3],
        [{}],
        [{"name": "a", "shape": [1]}],
        [{"name": "a", "shape": [float("inf")], "owner": "", "kind": ""}],
        [{"name": "a", "shape": [-1], "owner": "", "kind": ""}],
        [{"name": "a", "shape": [True], "owner": "", "kind": ""}],
        [{"name": "a", "shape": [1] * 9, "owner": "", "kind": ""}],
        [{"name": "\ud800", "shape": [1], "owner": "", "kind": ""}],
        [{"name": "a", "shape": [1], "owner": "", "kind": ""}] * 2,
        [{"name": f"{i}", "shape": [1], "owner": "", "kind": ""} for i in range(1001)],
    ],
)
def test_a_malformed_list_of_parameters_is_the_students_fault(listed):
    with pytest.raises(StudentFault):
        Model(Liar({"build": ({"parameters": listed}, {})}), "Net")


@pytest.mark.parametrize("tensor", SPECIAL, ids=lambda t: f"{t.dtype} {t.layout} {t.device}")
def test_an_output_is_a_plain_tensor_or_the_students_fault(tensor):
    liar = Liar({"call": ({}, {"output": tensor})})
    try:
        output, _ = call(liar, "f")
    except StudentFault:
        return
    assert type(output) is torch.Tensor
    assert output.device.type == "cpu"
    assert not output.requires_grad


@pytest.mark.parametrize("kind", ["tuple", 3, None, [], "\x1b[31m\u202ered", "k" * 10_000])
def test_a_value_of_another_kind_is_told_and_what_it_holds_can_be_had(kind):
    held = {"held.0": torch.zeros(2), "held.1": torch.ones(3), "odd": torch.zeros(1)}
    liar = Liar({"call": ({"kind": kind}, held)})
    with pytest.raises(StudentFault, match=r"expected f\(...\) to return a tensor, got") as caught:
        call(liar, "f")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000
    returned, _ = call_for_any(liar, "f")
    assert returned.likeliest((2,)).tolist() == [0, 0]
    assert returned.likeliest((7,)).tolist() == [1, 1, 1]
    with pytest.raises(StudentFault, match="to return a tensor"):
        Returned((), "expected f(...) to return a tensor, got None").likeliest((2,))


@pytest.mark.parametrize(
    "error",
    ["text", 3, [], {}, {"type": 3, "message": [], "line": {}}, {"message": "\x1b[31m\u202ered"}],
)
def test_any_error_becomes_one_printable_line(error):
    with pytest.raises(StudentFault) as caught:
        call(Liar({"call": ({"error": error}, {})}), "f")
    assert str(caught.value).isprintable()


def test_a_long_message_is_cut():
    error = {"type": "E" * 10_000, "message": "m" * 10_000, "line": "l" * 10_000}
    with pytest.raises(StudentFault) as caught:
        call(Liar({"call": ({"error": error}, {})}), "f")
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "mat1 and mat2 shapes cannot be multiplied (2x3136 and 1936x32)",
            "with 1936 inputs and 32 outputs gets 3136 inputs",
        ),
        ("mat1 and mat2 shapes cannot be multiplied (1x3872 and 1936x32)", "start_dim=1"),
        ("mat1 and mat2 shapes cannot be multiplied (352x11 and 1936x32)", "flattened before"),
        ("mat1 and mat2 shapes cannot be multiplied (2x1936 and 0x32)", "takes nothing in"),
        ("shape '[-1, 256]' is invalid for input of size 3872", "Vectors of 256"),
        (
            "Given groups=1, weight of size [8, 3, 5, 5], expected input[2, 1, 56, 56] to have 3 "
            "channels, but got 1 channels instead",
            "takes 3 input channels, but what reaches it has 1",
        ),
        ("Net.__init__() got an unexpected keyword argument 'num_channel'", "num_channel: add it"),
        (
            "MLP.__init__() missing 1 required positional argument: 'num_hidden'",
            "Give 'num_hidden' the default",
        ),
        ("cannot assign module before Module.__init__() call", "super().__init__()"),
    ],
)
def test_frequent_errors_say_what_to_do_next(message, words):
    error = {"type": "RuntimeError", "message": message, "line": ""}
    with pytest.raises(StudentFault, match="your code raised RuntimeError") as caught:
        Model(Liar({"build": ({"error": error}, {})}), "Net")
    assert words in str(caught.value)


def test_arguments_reach_the_student_as_copies():
    given = torch.ones(3)
    output, after = call(InProcess({"f": lambda x: x.zero_()}), "f", given)
    assert torch.equal(given, torch.ones(3))
    assert torch.equal(after[0], torch.zeros(3))
    assert torch.equal(output, torch.zeros(3))


def test_the_state_that_was_read_does_not_change_with_the_network():
    model = Model(InProcess({"Net": lambda: nn.Linear(2, 2)}), "Net")
    before = model.state()
    kept = {name: tensor.clone() for name, tensor in before.items()}
    model.load({name: tensor + 1 for name, tensor in before.items()})
    assert all(torch.equal(before[name], kept[name]) for name in kept)


def test_the_state_comes_in_the_same_order_from_every_side() -> None:
    state = Model(InProcess({"ImprovedNet": PaddedPooling}), "ImprovedNet").state()
    assert list(state) == sorted(state)


class Spied(InProcess):
    """Notes the seeds that it is given."""

    def __init__(self, namespace):
        super().__init__(namespace)
        self.seeds = []

    def ask(self, verb, arguments, tensors):
        self.seeds += [arguments["seed"]] if "seed" in arguments else []
        return super().ask(verb, arguments, tensors)


def test_no_seed_of_the_judges_reaches_the_students_side():
    spied = Spied({"ImprovedNet": PaddedPooling, "Line": lambda: nn.Linear(2, 3)})
    model = Model(spied, "ImprovedNet", seed=5)
    images = torch.rand(4, 1, 56, 56)
    model.train(images, torch.zeros(4).long(), protocol=BUDGET.short, seed=6, steps=1)
    Network(spied, "Line", {}, 7, [torch.rand(1, 2)])
    assert len(spied.seeds) == 3
    assert not {5, 6, 7} & set(spied.seeds)
