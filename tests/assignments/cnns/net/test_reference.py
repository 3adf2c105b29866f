"""Are the judge's own networks what they are said to be, and does each mistake have words?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autograder.assignments.cnns.net.mistakes import net_mistakes, net_neighbours
from autograder.assignments.cnns.net.reference import (
    FLATTENS,
    LAYERS,
    POOLS,
    flat_features,
    net_blocks,
    net_shapes,
    net_spec,
    sizes,
)
from autograder.checking import error_bounds
from autograder.checking.challenge import generator, random_images, random_state


def test_the_default_network_has_66106_parameters():
    assert sum(torch.Size(s).numel() for s in net_shapes(net_spec()).values()) == 66_106


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("flatten", FLATTENS)
@pytest.mark.parametrize(("padding", "stride"), [(0, 1), (2, 1), (1, 2)])
def test_sizes_are_those_of_the_computed_feature_maps(pool, flatten, padding, stride):
    spec = replace(net_spec(3, 4), pools=(pool, "max"), paddings=(padding, 0), strides=(stride, 1))
    spec = replace(spec, flatten=flatten)
    rng = generator(0)
    state = random_state(net_shapes(spec), rng)
    blocks = net_blocks(spec, state, error_bounds.rough(random_images(2, 1, 56, 56, rng)))
    for layer, size in zip(LAYERS, sizes(spec), strict=False):
        assert blocks[layer].after.value.shape[-2:] == (size, size)
    assert blocks["fc3"].after.value.shape == (2, 4)


def test_a_shared_cache_changes_nothing():
    right, rng, cache = net_spec(2, 3), generator(1), {}
    state = random_state(net_shapes(right), rng)
    images = error_bounds.rough(random_images(1, 1, 56, 56, rng))
    for spec in list(net_neighbours(right, flat_features(right)))[:60]:
        cached = net_blocks(spec, state, images, cache)["fc3"].after.value
        assert torch.equal(cached, net_blocks(spec, state, images)["fc3"].after.value)


def test_neighbours_start_with_the_network_itself_and_come_once():
    right = net_spec()
    neighbours = list(net_neighbours(right, flat_features(right)))
    assert neighbours[0] == right
    assert len(set(neighbours)) == len(neighbours)
    assert all(net_shapes(spec) == net_shapes(right) for spec in neighbours)
    counts = [len(net_mistakes(spec, right)) for spec in neighbours]
    assert counts.count(0) == 1
    assert all(mistake.part in LAYERS for s in neighbours for mistake in net_mistakes(s, right))


def test_kernels_larger_than_the_feature_maps_leave_nothing():
    assert sizes(replace(net_spec(), kernels=(5, 40)))[1] == 0
    assert sizes(replace(net_spec(), kernels=(99, 5))) == (0, 0)
