"""What crosses the border besides plain tensors: nested values, and nothing else."""

from __future__ import annotations

import json
import math
from collections import namedtuple
from typing import Any

import pytest
import torch

from autograder.inside.probe import Probe
from autograder.inside.structure import MAX_DEPTH, MAX_LEAVES, OddStructure, pack, unpack

Pair = namedtuple("Pair", "a b")


def sent(value: Any) -> Any:
    structure, tensors = pack(value, "x")
    return unpack(json.loads(json.dumps(structure, allow_nan=False)), tensors)


def test_nested_values_come_back_as_they_were_sequences_as_tuples() -> None:
    x, y = torch.rand(2, 3), torch.arange(4)
    value = sent([x, (y, 3, 0.5, True, None, "mean"), {"state": Pair(x, y)}])
    assert value[0] is x
    assert value[1] == (y, 3, 0.5, True, None, "mean")
    assert value[2] == {"state": (x, y)}
    assert math.isnan(sent([float("nan")])[0])


def test_what_is_no_such_value_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for odd in (endless, [0] * (MAX_LEAVES + 1), object(), {1: 2}, 2**60, "x" * 1000, {"\n": 1}):
        with pytest.raises(OddStructure):
            pack(odd, "x")


@pytest.mark.parametrize(
    "forged",
    [
        *(None, 3, [], {}, {"tensor": "gone"}, {"tensor": 3}, {"plain": [1]}, {"plain": "#x"}),
        *({"sequence": {}}, {"dict": []}, {"dict": {"\n": {"plain": 1}}}, {"plain": 1, "x": 2}),
        {"sequence": [{"plain": 1}] * (MAX_LEAVES + 1)},
    ],
)
def test_a_forged_structure_is_refused(forged: Any) -> None:
    with pytest.raises(OddStructure):
        unpack(forged, {})


def test_a_forged_depth_is_refused() -> None:
    deep: Any = {"plain": 1}
    for _ in range(MAX_DEPTH + 1):
        deep = {"sequence": [deep]}
    with pytest.raises(OddStructure):
        unpack(deep, {})


def test_the_probe_calls_with_any_arguments_and_returns_any_outputs() -> None:
    def both(x: torch.Tensor, factor: float, more: tuple[torch.Tensor, int]) -> Any:
        x += 1
        return {"sum": x * factor, "more": [more[0], more[1]]}

    structure, tensors = pack([torch.zeros(2), 3.0, (torch.ones(1), 4)], "input")
    fields, answer = Probe({"both": both}).answer(
        "apply", {"name": "both", "inputs": structure}, tensors
    )
    output = unpack(fields["output"], answer)
    assert output["sum"].tolist() == [3.0, 3.0]
    assert output["more"][1] == 4
    assert answer["after.input.0"].tolist() == [1.0, 1.0]


def test_an_output_of_another_kind_is_the_students_fault() -> None:
    fields, _ = Probe({"odd": lambda: object()}).answer(
        "apply", {"name": "odd", "inputs": pack([], "input")[0]}, {}
    )
    assert "expected odd(...) to return tensors, got object" in fields["error"]["message"]


def test_lazy_layers_learn_their_sizes_from_all_arguments() -> None:
    class Both(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lazy = torch.nn.LazyLinear(2)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.lazy(torch.cat([x, y], 1))

    probe = Probe({"Both": Both})
    structure, tensors = pack([torch.zeros(2, 3), torch.zeros(2, 4)], "sample")
    about = {"name": "Both", "handle": "h", "arguments": {}, "seed": 0, "inputs": structure}
    fields, _ = probe.answer("build", about, tensors)
    assert fields["parameters"][0]["shape"] == [2, 7]
    fields, answer = probe.answer(
        "run", {"handle": "h", "inputs": structure, "training": True}, tensors
    )
    assert unpack(fields["output"], answer).shape == (2, 2)
