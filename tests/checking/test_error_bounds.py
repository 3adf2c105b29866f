"""Does the bound hold what float32 arithmetic does, and nothing more?"""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.assignments.cnns.net.mistakes import net_mistakes, net_neighbours
from autograder.assignments.cnns.net.reference import LAYERS, flat_features, net_blocks, net_spec
from autograder.assignments.cnns.net.under_test import telling_state
from autograder.checking import error_bounds
from autograder.checking.challenge import generator, random_images


def forward(state, images):
    """Return what PyTorch's own functions make of the specified network, in float32."""
    x = F.max_pool2d(F.relu(F.conv2d(images, state["conv1.weight"], state["conv1.bias"])), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, state["conv2.weight"], state["conv2.bias"])), 2)
    x = F.relu(F.linear(x.flatten(1), state["fc1.weight"], state["fc1.bias"]))
    x = F.relu(F.linear(x, state["fc2.weight"], state["fc2.bias"]))
    return F.linear(x, state["fc3.weight"], state["fc3.bias"])


def challenge(seed, num_channel=8, num_classes=10, count=2):
    """Return images, random parameters and what the specified network makes of them."""
    rng, spec = generator(seed), net_spec(num_channel, num_classes)
    images = random_images(count, 1, 56, 56, rng)
    state = telling_state(spec, images, rng)
    return images, state, net_blocks(spec, state, error_bounds.exact(images))["fc3"].after


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_channel=st.sampled_from([1, 2, 5, 8, 16]),
    num_classes=st.integers(1, 12),
    count=st.integers(1, 4),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
    threads=st.sampled_from([1, 2]),
)
def test_float32_always_agrees(seed, num_channel, num_classes, count, memory_format, threads):
    images, state, expected = challenge(seed, num_channel, num_classes, count)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        kept = {
            name: t.contiguous(memory_format=memory_format) if t.dim() == 4 else t
            for name, t in state.items()
        }
        got = forward(kept, images.contiguous(memory_format=memory_format))
    finally:
        torch.set_num_threads(before)
    assert expected.agrees_with(got)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # switching oneDNN off warns of a setting for other devices
        with torch.backends.mkldnn.flags(enabled=False):
            assert expected.agrees_with(forward(state, images))
    assert expected.agrees_with(forward({k: v.double() for k, v in state.items()}, images.double()))


def test_the_bound_leaves_room_and_float32_stays_far_below_it():
    for seed in range(30):
        images, state, expected = challenge(seed)
        got = forward(state, images)
        assert float(((got - expected.value).abs() / expected.error).max()) < 0.05  # seen: 0.01


def test_a_sum_in_the_worst_order_agrees():
    rng = generator(0)
    for scale in (1.0, 0.0):  # all terms positive, or of both signs
        x = torch.rand(4, 1936, generator=rng) - (1 - scale) / 2
        weight = torch.rand(8, 1936, generator=rng) - (1 - scale) / 2
        expected = error_bounds.linear(error_bounds.exact(x), weight)
        total = torch.zeros(4, 8)
        for i in range(1936):  # one after the other, in float32
            total += x[:, i : i + 1] * weight[:, i]
        assert expected.agrees_with(total)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), layer=st.sampled_from(LAYERS), sign=st.sampled_from([-1, 1]))
def test_a_hundredth_of_one_weight_never_agrees(seed, layer, sign):
    images, state, expected = challenge(seed)
    name = f"{layer}.weight"
    weight = state[name].clone().requires_grad_()
    forward({**state, name: weight}, images).abs().sum().backward()
    # the weight that matters most: one that feeds a dead unit would change nothing
    place = (weight.grad * weight).abs().argmax()
    changed = state[name].clone()
    changed.view(-1)[place] *= 1 + sign * 1e-2
    assert not expected.agrees_with(forward({**state, name: changed}, images))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_half_precision_does_not_agree(seed):
    images, state, expected = challenge(seed)
    half = {name: tensor.bfloat16() for name, tensor in state.items()}
    assert not expected.agrees_with(forward(half, images.bfloat16()))


@pytest.mark.parametrize("seed", range(3))
def test_every_single_mistake_of_the_catalogue_differs_widely(seed):
    rng, right = generator(seed), net_spec()
    images = random_images(2, 1, 56, 56, rng)
    state = telling_state(right, images, rng)
    expected = net_blocks(right, state, error_bounds.exact(images))["fc3"].after
    seen = 0
    for spec in net_neighbours(right, flat_features(right)):
        if len(net_mistakes(spec, right)) != 1:
            continue
        seen += 1
        wrong = net_blocks(spec, state, error_bounds.exact(images))["fc3"].after
        distance = ((wrong.value - expected.value).abs() / expected.error).max()
        assert distance > 10, spec  # ten times the bound: a leaky ReLU is the closest
    assert seen > 40


@pytest.mark.parametrize("name", error_bounds.ELEMENTWISE)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_activations_in_float32_agree(name, scale):
    x = scale * torch.randn(50, 10, generator=generator(1))
    expected = error_bounds.apply(name, error_bounds.exact(x))
    assert expected.agrees_with(error_bounds.ELEMENTWISE[name](x))


@pytest.mark.parametrize(
    "operation", [error_bounds.spatial_mean, error_bounds.spatial_max, error_bounds.avg_pool]
)
def test_pooling_in_float32_agrees_and_rough_values_come_close(operation):
    x = torch.randn(3, 4, 12, 12, generator=generator(2))
    exact, rough = operation(error_bounds.exact(x)), operation(error_bounds.rough(x))
    assert exact.agrees_with(rough.value)
    assert rough.value.dtype == torch.float32
    assert rough.error is None


@pytest.mark.parametrize(
    "got",
    [
        torch.full((2, 3), float("nan")),
        torch.full((2, 3), float("inf")),
        torch.zeros(2, 3, dtype=torch.int64),
        torch.zeros(2, 3, dtype=torch.complex64),
        torch.zeros(3, 2),
        torch.zeros(()),
    ],
)
def test_odd_answers_do_not_agree(got):
    assert not error_bounds.exact(torch.zeros(2, 3)).agrees_with(got)


def test_rough_values_agree_with_nothing():
    assert not error_bounds.rough(torch.zeros(2)).agrees_with(torch.zeros(2))
