"""Does the probe answer with data whatever the student's objects do?"""

from __future__ import annotations

import math
import sys
import warnings

import pytest
import torch
from torch import nn

from autograder.inside.probe import Probe
from autograder.inside.steps import MAX_TRACED
from autograder.inside.structure import MAX_LEAVES
from autograder.inside.wire import CAPS, encode


def build(model, **arguments):
    """Return the probe after building a model, and its answer."""
    probe = Probe({"Net": lambda **ignored: model})
    fields = {"name": "Net", "handle": "m", "arguments": arguments, "seed": 0}
    answer, _ = probe.answer("build", fields, {"sample": torch.zeros(2, 1, 56, 56)})
    return probe, answer


def names(model):
    """Return the names of the parameters that the probe lists."""
    return [parameter["name"] for parameter in build(model)[1]["parameters"]]


class Hiding(nn.Module):
    """A network whose own listings show nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def parameters(self, recurse=True):
        return iter(())

    def named_parameters(self, *args, **kwargs):
        return iter(())

    def named_modules(self, *args, **kwargs):
        return iter(())

    def children(self):
        return iter(())

    def state_dict(self, *args, **kwargs):
        return {}


def test_overridden_listings_hide_no_parameter():
    assert names(nn.Sequential(Hiding())) == ["0.layer.weight", "0.layer.bias"]
    probe, _ = build(Hiding())
    assert set(probe.answer("state", {"handle": "m"}, {})[1]) == {"layer.weight", "layer.bias"}


def test_a_shared_parameter_is_listed_once():
    layer = nn.Linear(2, 2)
    model = nn.ModuleDict({"a": layer, "b": layer, "c": nn.Linear(2, 2)})
    model["c"].weight = layer.weight
    assert names(model) == ["a.weight", "a.bias", "c.bias"]


def test_parameters_in_a_plain_list_are_not_registered():
    model = nn.Module()
    model.hidden = [nn.Linear(2, 2)]
    model.empty = nn.Sequential()
    model.register_parameter("none", None)
    assert names(model) == []


def test_owner_and_kind_of_each_parameter_are_told():
    listed = build(nn.Sequential(nn.BatchNorm1d(2)))[1]["parameters"]
    assert listed[0] == {"name": "0.weight", "shape": [2], "owner": "0", "kind": "BatchNorm1d"}


def test_state_holds_parameters_and_buffers_and_load_writes_them():
    probe, _ = build(nn.BatchNorm1d(2))
    state = {"running_mean": torch.ones(2), "weight": torch.full((2,), 3.0)}
    assert probe.answer("load", {"handle": "m"}, state) == ({}, {})
    tensors = probe.answer("state", {"handle": "m"}, {})[1]
    assert torch.equal(tensors["running_mean"], torch.ones(2))
    assert torch.equal(tensors["weight"].detach(), torch.full((2,), 3.0))


def test_a_trace_goes_as_far_as_the_network():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3136, 4), nn.Linear(5, 4))
    probe, _ = build(model)
    fields, seen = probe.answer("trace", {"handle": "m"}, {"images": torch.zeros(2, 1, 56, 56)})
    assert fields == {}
    shapes = [tuple(t.shape) for t in seen.values()]
    assert shapes == [(2, 1, 56, 56), (2, 3136), (2, 4)]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model)


def test_a_gradient_reaches_what_learns_and_nothing_else():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    probe, _ = build(model)
    asked = ("reached", {"handle": "m"}, {"images": torch.rand(2, 4)})
    everything = ["0.weight", "0.bias", "1.weight", "1.bias"]
    with torch.no_grad():
        assert probe.answer(*asked) == ({"reached": everything}, {})
    model[0].bias.requires_grad_(False)
    assert probe.answer(*asked)[0]["reached"] == ["0.weight", "1.weight", "1.bias"]
    model[0].register_forward_hook(lambda module, inputs, output: output.detach())
    assert probe.answer(*asked)[0]["reached"] == ["1.weight", "1.bias"]
    model[1].register_forward_hook(lambda module, inputs, output: output.argmax(dim=1))
    assert probe.answer(*asked)[0]["reached"] == []
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_trace_of_a_long_network_is_cut():
    probe, _ = build(nn.Sequential(*(nn.ReLU() for _ in range(300))))
    images = {"images": torch.zeros(1, 1, 56, 56)}
    assert len(probe.answer("trace", {"handle": "m"}, images)[1]) == MAX_TRACED


def steps(function, *arguments):
    """Return the fields, what was seen, and the rest of the answer for a function's steps."""
    given = {str(index): argument for index, argument in enumerate(arguments)}
    fields, sent = Probe({"f": function}).answer("steps", {"name": "f", "seed": 0}, given)
    seen = [tensor for name, tensor in sent.items() if name.startswith("seen.")]
    return fields, seen, {n: t for n, t in sent.items() if not n.startswith("seen.")}


def test_what_goes_in_and_out_of_a_functions_steps_is_seen_once_in_its_order():
    fields, seen, rest = steps(lambda x, y: torch.add(x.exp(), other=y), *torch.ones(2, 3))
    assert fields == {}
    expected = [1.0, math.e, 1.0, 1.0 + math.e]
    assert [round(float(t[0]), 4) for t in seen] == [round(value, 4) for value in expected]
    assert torch.equal(rest["output"], seen[-1])


def test_a_tensor_that_is_changed_in_place_is_seen_before_and_after():
    x = torch.full((2,), -1.0)
    assert [float(t[0]) for t in steps(lambda x: x.add(0).relu_(), x)[1]] == [-1.0, -1.0, 0.0]

    def count(x):
        for _ in range(20):
            x += 1
        return x

    assert [float(t[0]) for t in steps(count, x)[1]] == [-1.0, 0.0, 1.0, 19.0]


def test_of_a_long_function_the_first_steps_and_the_last_are_seen():
    def long(x):
        for _ in range(500):
            x = x + 1
        return x

    seen = [int(t[0]) for t in steps(long, torch.zeros(2))[1]]
    half = MAX_TRACED // 2
    assert seen == [*range(half), *range(501 - half, 501)]


def test_what_is_seen_fits_into_a_message():
    big = [torch.zeros(1000, 400), torch.zeros(400, 1000)]
    fields, seen, rest = steps(lambda x, y: (x @ y) @ (x @ y) @ x, *big)
    assert sum(t.numel() for t in seen) <= 1_500_000
    assert (
        len(encode(fields, rest | {str(at): tensor for at, tensor in enumerate(seen)}))
        < CAPS.message_bytes
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.fft.fft(x).real,
        lambda x: x.to_sparse().to_dense(),
        lambda x: x.view(1, 1, 1, 1, 1, 1, 1, 2).sum(0),
        torch.inference_mode()(lambda x: (x + 1).relu_()),
    ],
)
def test_tensors_that_no_message_holds_are_not_among_what_is_seen(function):
    fields, seen, rest = steps(function, torch.ones(2))
    assert fields == {}
    assert set(rest) == {"output"}
    assert all(t.dim() <= 6 and t.layout == torch.strided and not t.is_complex() for t in seen)


class Silent(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise OSError


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), Silent(), RecursionError()])
def test_whatever_the_student_raises_becomes_data(error):
    def function(image):
        raise error

    fields, tensors = Probe({"f": function}).answer("call", {"name": "f"}, {"0": torch.zeros(1)})
    assert fields["error"]["type"] == type(error).__name__
    assert tensors == {}


@pytest.mark.parametrize(
    ("namespace", "words"),
    [
        ({}, "f is not defined: did its cell fail, or was its name changed?"),
        ({"f": 3}, "expected f to be callable, got int"),
    ],
)
def test_what_cannot_be_asked_is_explained(namespace, words):
    fields, _ = Probe(namespace).answer("call", {"name": "f"}, {"0": torch.zeros(1)})
    assert fields["error"]["message"] == words


@pytest.mark.parametrize(
    ("value", "kind", "held"),
    [
        (None, "NoneType", []),
        ("text", "str", []),
        ([1, [2]], "list", []),
        ([[1.0, 2.0]], "list", [(1, 2)]),
        (torch.zeros(1, 2).numpy(), "ndarray", [(1, 2)]),
        ((torch.zeros(1), "text", torch.zeros(2)), "tuple", [(1,), (2,)]),
        ({"a": torch.zeros(3)}, "dict", [(3,)]),
        (100 * [torch.zeros(3)], "list", MAX_LEAVES * [(3,)]),
        (1.5, "float", [()]),
    ],
)
def test_of_what_is_no_tensor_come_its_kind_and_the_tensors_in_it(value, kind, held):
    fields, tensors = Probe({"f": lambda: value}).answer("call", {"name": "f"}, {})
    assert fields == {"kind": kind}
    assert [tuple(tensor.shape) for tensor in tensors.values()] == held


def test_unknown_verbs_and_handles_become_data():
    for verb, arguments in (("nonsense", {}), ("state", {"handle": "?"}), ("call", {"x": 1})):
        assert "error" in Probe({}).answer(verb, arguments, {})[0]


def test_prints_and_warnings_are_dropped(capsys):
    def function(image):
        print("a line")
        print("another", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return image

    assert (
        "output" in Probe({"f": function}).answer("call", {"name": "f"}, {"0": torch.zeros(1)})[1]
    )
    assert capsys.readouterr() == ("", "")


def test_settings_of_the_notebook_are_put_back():
    torch.set_default_dtype(torch.float64)
    try:
        answer = Probe({"f": lambda x: torch.zeros(1)}).answer(
            "call", {"name": "f"}, {"0": torch.zeros(1)}
        )
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert answer[1]["output"].dtype == torch.float32
