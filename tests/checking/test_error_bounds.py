"""Does the bound hold what float32 arithmetic does, and nothing more?"""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.assignments.cnns.net.mistakes import (
    ACTIVATIONS_OTHERWISE,
    FINALS,
    LAYERS_OTHERWISE,
    POOLS_OTHERWISE,
    with_changes,
)
from autograder.assignments.cnns.net.reference import (
    LAYERS,
    net_shapes,
    net_spec,
    outputs,
    right_logits,
)
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
    state = telling_state(spec, net_shapes(spec), images, rng)
    return images, state, right_logits(state, images)


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


SAME_SHAPES = (
    *(change for change in LAYERS_OTHERWISE if change[1] == 0 and change[0] == "dilations"),
    *(("activations", at, name) for name in ACTIVATIONS_OTHERWISE for at in range(4)),
    *(("activations", 4, name) for name in FINALS),
    *(("pools", at, name) for name in ("avg", "min", "sum", "every other") for at in (0, 1)),
)


@pytest.mark.parametrize("seed", range(3))
def test_every_single_mistake_of_the_catalogue_differs_widely(seed):
    images, state, expected = challenge(seed)
    assert {name for _, _, name in SAME_SHAPES[-8:]} <= set(POOLS_OTHERWISE)
    seen = 0
    for change in SAME_SHAPES:
        spec = with_changes(net_spec(), [change])
        try:
            wrong = outputs(spec, state, images)["after fc3"]
        except RuntimeError:  # torch: fc1 would take other inputs
            continue
        seen += 1
        distance = ((wrong - expected.value).abs() / expected.error).max()
        assert distance > 10, change  # ten times the bound: a leaky ReLU is the closest
    assert seen > 40


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
