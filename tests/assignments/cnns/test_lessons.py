"""Is there something to learn about every mistake that the catalogue can name?"""

from __future__ import annotations

import ast
import re
from itertools import islice
from pathlib import Path

from autograder.assignments import cnns
from autograder.assignments.cnns.chain.mistakes import chain_mistakes, wrong_chains
from autograder.assignments.cnns.net.mistakes import net_mistakes, net_neighbours
from autograder.assignments.cnns.net.reference import NetSpec, flat_features, net_spec
from autograder.checking.lessons import lesson


def test_every_mistake_of_the_chain_has_a_lesson():
    names = {m.name for spec in islice(wrong_chains(), 60) for m in chain_mistakes(spec)}
    assert len(names) >= 8
    assert [name for name in names if not lesson("cnns", name)] == []


def test_every_mistake_of_the_network_has_a_lesson():
    right = net_spec()
    specs = list(islice(net_neighbours(right, flat_features(right)), 60))
    specs += [NetSpec((6, 12), (30, 12, 9), kernels=(3, 7), biases=(False,) * 5)]
    specs += [NetSpec((8, 16), (32, 16, 10), flatten=way) for way in ("mean", "max")]
    specs += [NetSpec((8, 16), (32, 16, 10), (5, 5), (1, 2), (2, 2), ("avg", "none"))]
    names = {mistake.name for spec in specs for mistake in net_mistakes(spec, right)}
    assert len(names) >= 30
    assert [name for name in names if not lesson("cnns", name)] == []


def _names_in_the_code() -> set[str]:
    """Return every name of a mistake that is written out in the assignment's code, for conv1."""
    names = set()
    for path in Path(cnns.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            made = isinstance(call, ast.Call) and ast.unparse(call.func) == "Mistake"
            if made and isinstance(call.args[0], ast.Constant | ast.JoinedStr):
                name = ast.unparse(call.args[0])[1:].strip("'\"")
                names.add(re.sub(r"\{(layer|part)\}", "conv1", name))
    return {name for name in names if "{" not in name}  # of others the catalogue's tests know


def test_every_name_in_the_code_has_a_lesson():
    names = _names_in_the_code()
    assert len(names) > 30
    assert sorted(name for name in names if name and not lesson("cnns", name)) == []


def test_an_extra_softmax_is_told_from_a_missing_activation():
    assert "CrossEntropyLoss" in lesson("cnns", "fc3-extra-softmax")
    assert "tick off" in lesson("cnns", "fc1-missing-relu")
    assert "Which activation" in lesson("cnns", "fc1-sigmoid")
