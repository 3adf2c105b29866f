"""Are the judge's own networks what they are said to be, and does each mistake have words?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autograder.assignments.cnns.net.reference import (
    FLATTENS,
    LAYERS,
    net_shapes,
    net_spec,
    outputs,
    sizes,
)
from autograder.assignments.cnns.steps import POOLS
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
    found = outputs(spec, state, random_images(2, 1, 56, 56, rng))
    for layer, size in zip(LAYERS, sizes(spec), strict=False):
        assert found[f"after {layer}"].shape[-2:] == (size, size)
    assert found["fc3"].shape == (2, 4)


def test_kernels_larger_than_the_feature_maps_leave_nothing():
    assert sizes(replace(net_spec(), kernels=(5, 40)))[1] == 0
    assert sizes(replace(net_spec(), kernels=(99, 5))) == (0, 0)
