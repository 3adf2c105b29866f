"""Is there something to learn about every mistake that the catalogue can name?"""

from __future__ import annotations

from autograder.assignments.cnns.chain.mistakes import chain_mistakes, single_mistakes
from autograder.assignments.cnns.net.mistakes import (
    ACTIVATIONS_OTHERWISE,
    FINALS,
    LAYERS_OTHERWISE,
    POOLS_OTHERWISE,
    net_mistakes,
    with_changes,
)
from autograder.assignments.cnns.net.reference import NetSpec, net_spec
from autograder.checking.lessons import lesson


def test_every_mistake_of_the_chain_has_a_lesson():
    names = {m.name for spec in single_mistakes() for m in chain_mistakes(spec)}
    assert len(names) >= 8
    assert [name for name in names if not lesson("cnns", name)] == []


def test_every_mistake_of_the_network_has_a_lesson():
    right = net_spec()
    changes = [*LAYERS_OTHERWISE, *(("activations", 4, name) for name in FINALS)]
    changes += [("activations", at, name) for name in ACTIVATIONS_OTHERWISE for at in range(4)]
    changes += [("pools", at, name) for name in POOLS_OTHERWISE for at in (0, 1)]
    specs = [with_changes(right, [change]) for change in changes]
    specs += [NetSpec((6, 12), (30, 12, 9), kernels=(3, 7), biases=(False,) * 5)]
    specs += [NetSpec((8, 16), (32, 16, 10), flatten=way) for way in ("mean", "max")]
    specs += [NetSpec((8, 16), (32, 16, 10), (5, 5), (1, 2), (2, 2), ("avg", "none"))]
    specs += [NetSpec((8, 16), (32, 16, 10), groups=8)]
    names = {mistake.name for spec in specs for mistake in net_mistakes(spec, right)}
    assert len(names) >= 30
    assert [name for name in names if not lesson("cnns", name)] == []


def test_an_extra_softmax_is_told_from_a_missing_activation():
    assert "CrossEntropyLoss" in lesson("cnns", "fc3-extra-softmax")
    assert "mark the activation" in lesson("cnns", "fc1-missing-relu")
    assert "Which activation" in lesson("cnns", "fc1-sigmoid")
