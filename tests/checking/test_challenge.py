"""Are challenges fresh, repeatable and of the agreed form?"""

from __future__ import annotations

import torch

from autograder.checking.challenge import (
    derive_seed,
    generator,
    random_images,
    random_state,
    shuffled_state,
)


def test_seeds_depend_on_every_part_and_on_where_parts_end():
    seeds = {derive_seed("s", "ada", "cnns"), derive_seed("s", "adac", "nns")}
    seeds |= {derive_seed("t", "ada", "cnns"), derive_seed("s", "ada", "cnns", 1)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed("s", 1) == derive_seed("s", 1)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    rng = generator(5)
    random_images(1, 3, 4, 4, rng)
    random_state({"a": (2, 2)}, rng)
    assert torch.equal(torch.rand(2), expected)


def test_challenges_are_float32_whatever_the_default():
    torch.set_default_dtype(torch.float64)
    try:
        rng = generator(0)
        tensors = [random_images(1, 1, 2, 2, rng)]
        tensors += random_state({"w": (2, 3), "b": (2,)}, rng).values()
    finally:
        torch.set_default_dtype(torch.float32)
    assert {tensor.dtype for tensor in tensors} == {torch.float32}


def test_shuffling_keeps_the_entries_and_drops_counters():
    state = {"w": torch.arange(12.0).reshape(3, 4), "n": torch.tensor(3)}
    shuffled = shuffled_state(state, generator(1))
    assert set(shuffled) == {"w"}
    assert torch.equal(shuffled["w"].flatten().sort().values, torch.arange(12.0))
    assert not torch.equal(shuffled["w"], state["w"])


def test_shuffling_leaves_constants_masks_and_the_identity_of_a_spatial_transformer() -> None:
    state = {
        "identity": torch.tensor([1.0, 0, 0, 0, 1, 0]),
        "mask": torch.ones(4, 4).tril(),
        "norm": torch.ones(7),
    }
    assert shuffled_state(state, generator(1)) == {}
