"""Is there something to learn about every mistake that the catalogue can name?"""

from __future__ import annotations

from itertools import islice

from autograder.assignments.cnns.chain.reference import chain_mistakes, wrong_chains
from autograder.assignments.cnns.lessons import lesson
from autograder.assignments.cnns.net.mistakes import net_mistakes, net_neighbours
from autograder.assignments.cnns.net.reference import NetSpec, flat_features, net_spec

OTHER_KEYS = (
    "flatten-missing output-shape random constant kernel-shape conv-missing conv-extra fc-missing "
    "fc-extra other-parameters num_channel-ignored num_classes-ignored other-sizes conv1-norm "
    "fc2-prelu fc1-inputs chain-random chain-in-place chain-globals chain-sizes chain-rescale "
    "chain-bias chain-kernel-once improved-positions improved-border improved-bottleneck "
    "improved-slow improved-parameters"
)


def test_every_mistake_of_the_chain_has_a_lesson():
    keys = {m.key for spec in islice(wrong_chains(), 60) for m in chain_mistakes(spec)}
    assert len(keys) >= 8
    assert [key for key in keys if not lesson(key)] == []


def test_every_mistake_of_the_network_has_a_lesson():
    right = net_spec()
    specs = list(islice(net_neighbours(right, flat_features(right)), 60))
    specs += [NetSpec((6, 12), (30, 12, 9), kernels=(3, 7), biases=(False,) * 5)]
    specs += [NetSpec((8, 16), (32, 16, 10), flatten=way) for way in ("mean", "max")]
    specs += [NetSpec((8, 16), (32, 16, 10), (5, 5), (1, 2), (2, 2), ("avg", "none"))]
    keys = {mistake.key for spec in specs for mistake in net_mistakes(spec, right)}
    assert len(keys) >= 30
    assert [key for key in keys if not lesson(key)] == []


def test_every_other_key_has_a_lesson():
    assert [key for key in OTHER_KEYS.split() if not lesson(key)] == []


def test_an_extra_softmax_is_told_from_a_missing_activation():
    assert "CrossEntropyLoss" in lesson("fc3-extra-softmax")
    assert "tick off" in lesson("fc1-missing-relu")
    assert "Which activation" in lesson("fc1-sigmoid")


def test_what_has_no_name_has_no_lesson():
    assert lesson("") == ""
