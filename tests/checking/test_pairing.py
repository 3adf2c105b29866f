"""Are parameters paired by shape and owner, whatever their names and order?"""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignments.cnns.net.extra_layers import extra_mistakes, split
from autograder.assignments.cnns.net.reference import net_shapes, net_spec
from autograder.assignments.cnns.net.structure import infer
from autograder.checking.pairing import MAX_PAIRINGS, Slot, match_layers, pairings
from autograder.checking.student import ParameterInfo

SHAPES = net_shapes(net_spec())


def modules(spec=None):
    """Return the parameters of a network of modules named m0 ... m4."""
    shapes = net_shapes(spec or net_spec())
    owners = {
        layer: f"m{i}" for i, layer in enumerate(dict.fromkeys(n.split(".")[0] for n in shapes))
    }
    parameters = []
    for name, shape in shapes.items():
        layer, _, role = name.partition(".")
        parameters.append(ParameterInfo(f"{owners[layer]}.{role}", shape, owners[layer]))
    return parameters


@given(st.permutations(modules()))
def test_any_order_of_modules_has_one_pairing(parameters):
    ways = pairings(SHAPES, parameters)
    assert len(ways) == 1
    assert {name: slot.parameter.shape for name, slot in ways[0].items()} == SHAPES
    assert ways[0]["conv2.bias"].parameter.owner == ways[0]["conv2.weight"].parameter.owner


@given(st.permutations(modules()))
def test_any_order_of_modules_has_one_structure(parameters):
    structure = infer(parameters)
    assert structure is not None
    assert structure.spec == net_spec()
    assert structure.inputs == (1, 8, 1936, 32, 16)


def test_bare_parameters_of_equal_size_are_tried_both_ways():
    bare = [ParameterInfo(f"p{i}", shape, "") for i, shape in enumerate(SHAPES.values())]
    ways = pairings(SHAPES, bare)
    assert len(ways) == 2
    assert ways[0]["conv2.bias"].parameter.name == "p3"  # as registered comes first
    assert ways[1]["conv2.bias"].parameter.name == "p7"


@given(c=st.integers(1, 4), k=st.integers(1, 8))
def test_pairings_are_few_and_fit(c, k):
    shapes = net_shapes(net_spec(c, k))
    bare = [ParameterInfo(f"p{i}", shape, "") for i, shape in enumerate(shapes.values())]
    ways = pairings(shapes, bare)
    assert 1 <= len(ways) <= MAX_PAIRINGS
    for way in ways:
        assert len({slot.parameter.name for slot in way.values()}) == len(shapes)


def test_missing_and_additional_parameters_have_no_pairing():
    assert pairings(SHAPES, modules()[:-1]) == []
    assert pairings(SHAPES, [*modules(), ParameterInfo("extra", (3,), "")]) == []


def test_a_transposed_slot_gives_the_transposed_weight():
    weight = torch.arange(6.0).reshape(2, 3)
    slot = Slot(ParameterInfo("w", (3, 2), ""), transposed=True)
    assert torch.equal(slot.fit(weight), weight.t())


def test_layers_that_match_are_found_among_others():
    parameters = [p for p in modules() if p.owner != "m3"]
    assert set(match_layers(SHAPES, parameters)) == {"conv1", "conv2", "fc1", "fc3"}


def test_the_structure_shows_sizes_kernels_and_biases():
    wrong = [p for p in modules() if p.name != "m0.bias"]
    structure = infer(wrong)
    assert structure is not None
    assert structure.spec.biases == (False, True, True, True, True)
    assert infer(modules()[:-2]) is None
    assert infer([]) is None


def test_layers_stored_transposed_are_put_in_order():
    turned = [
        ParameterInfo(p.name, p.shape[::-1] if len(p.shape) == 2 else p.shape, p.owner)
        for p in modules()
    ]
    structure = infer(turned)
    assert structure is not None
    assert structure.spec.features == (32, 16, 10)


def test_batch_normalisation_is_set_aside_and_placed():
    norm = [ParameterInfo(f"n.{name}", (16,), "n", "BatchNorm2d") for name in ("weight", "bias")]
    parameters = [*modules(), *norm]
    core, extras = split(parameters)
    assert core == modules()
    mistakes = extra_mistakes(extras, parameters, pairings(SHAPES, core)[0])
    assert [m.name for m in mistakes] == ["conv2-norm"]
