"""What shows of a network before it is trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from autograder.assignments.cnns.improved.families import FAMILIES
from autograder.assignments.cnns.improved.inspection import (
    BORDER_SHOWS,
    POSITIONS_SHOW,
    Inspection,
    at,
    inspect_untrained,
)
from autograder.checking.student import InProcess, Model
from course_utils.data import load_digits_subset
from tests.assignments.cnns.improved.unusual_networks import (
    AlwaysDropout,
    Averaged,
    FrozenFeatures,
    NarrowHead,
    RandomRoll,
    WideRim,
    ZeroStart,
)

BY_NAME = {family.name: family for family in FAMILIES}
FORGETFUL = ("guesser", "untrained")  # draw their answers, or hardly have any
SEE_POSITIONS = (
    *("linear", "pixels", "coarse convolution"),
    *("Net", "Net, half as wide", "convolution as head", "spatial transformer", "rolling"),
)
SEE_THE_BORDER = (
    *("average", "average, bottleneck", "average, padding 2, bottleneck", "average, padding 2"),
    *("maximum, no padding", "maximum, padding 2", "average normalised"),
    *("textbook", "textbook without norm", "textbook, twice as wide", "strided", "instance norm"),
    "patch transformer",
)
SEE_NEITHER = (
    *("reference", "reference, narrower", "reference, wider", "network in network"),
    *("third convolution", "batch norm", "all-convolutional", "crop"),
)
IN_BETWEEN = ("attention pooling", "GeM")  # what its biases put into the padding shows a little


def test_every_family_is_looked_at() -> None:
    groups = (FORGETFUL, SEE_POSITIONS, SEE_THE_BORDER, SEE_NEITHER, IN_BETWEEN)
    assert sorted(name for group in groups for name in group) == sorted(BY_NAME)


def found(name: str, seed: int) -> Inspection:
    student = InProcess({"ImprovedNet": BY_NAME[name].build})
    return inspect_untrained(Model(student, "ImprovedNet", seed=seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SEE_POSITIONS)
def test_a_layer_with_a_weight_for_each_position_shows(name: str, seed: int) -> None:
    assert found(name, seed).interior > 2 * POSITIONS_SHOW


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SEE_THE_BORDER)
def test_a_convolution_that_sees_the_border_shows_in_the_corners_alone(
    name: str, seed: int
) -> None:
    seen = found(name, seed)
    assert seen.interior < POSITIONS_SHOW / 2
    assert seen.border > BORDER_SHOWS


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SEE_NEITHER)
def test_nothing_shows_of_a_network_that_is_blind_to_position(name: str, seed: int) -> None:
    seen = found(name, seed)
    assert seen.interior < POSITIONS_SHOW / 2
    assert seen.border < BORDER_SHOWS / 2


def test_layers_are_named_as_the_hand_in_names_them() -> None:
    class Bottleneck(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Linear(3136, 8)
            self.out = nn.Linear(8, 10)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.out(self.wide(images.flatten(1)))

    seen = inspect_untrained(Model(InProcess({"ImprovedNet": Bottleneck}), "ImprovedNet"))
    assert (seen.widest, seen.widest_name) == (3136, "wide")
    assert (seen.narrowest, seen.narrowest_name) == (8, "out")
    assert seen.parameters == 3136 * 8 + 8 + 80 + 10


def test_digits_stand_where_they_are_put() -> None:
    digits = load_digits_subset().test_images[:3]
    canvas = at(digits, 10)
    assert canvas.shape == (3, 1, 56, 56)
    assert torch.allclose(canvas[:, 0, 10:38, 10:38] * 255, digits.float())
    assert canvas.sum().item() == pytest.approx(float(digits.sum() / 255), rel=1e-5)


class Patches(nn.Module):
    """A transformer over patches that knows no positions: only sums over them reach the end."""

    patch = 7

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 16, self.patch, stride=self.patch)
        self.mix = nn.MultiheadAttention(16, 2, batch_first=True)
        self.out = nn.Linear(16, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        return self.out((x + self.mix(x, x, x)[0]).amax(dim=1))


class Gated(nn.Module):
    """A gate of four numbers beside the path, which loses nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 5, padding=2)
        self.gate = nn.Sequential(nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 16), nn.Sigmoid())
        self.out = nn.Linear(16, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.conv(images).relu()
        return self.out((x * self.gate(x.mean(dim=(2, 3)))[:, :, None, None]).amax(dim=(2, 3)))


class FewMaps(nn.Module):
    """A 1x1 convolution to four maps, behind which there is a map's worth of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 5), nn.ReLU(), nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)),
            *(nn.ReLU(), nn.Conv2d(16, 32, 5), nn.ReLU()),
        )
        self.out = nn.Linear(32, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(self.body(images).amax(dim=(2, 3)))


def inspected(network: type[nn.Module]) -> Inspection:
    student = InProcess({"ImprovedNet": lambda **sizes: network()})
    return inspect_untrained(Model(student, "ImprovedNet", seed=1))


@pytest.mark.parametrize("patch", [4, 7, 8, 14])
def test_patches_without_positions_have_no_weight_for_each_position(patch: int) -> None:
    network = type("OfThatSize", (Patches,), {"patch": patch})
    assert inspected(network).interior < POSITIONS_SHOW / 2


@pytest.mark.parametrize("network", [Gated, FewMaps])
def test_what_stands_beside_the_path_or_before_the_pooling_is_no_bottleneck(
    network: type[nn.Module],
) -> None:
    seen = inspected(network)
    assert seen.narrowest < 10
    assert seen.rank > seen.narrowest


def test_a_bottleneck_shows_in_the_rank_of_the_answers() -> None:
    seen = found("average, bottleneck", 0)
    assert seen.rank <= seen.narrowest < 10


def test_how_much_averages_differ_is_seen_where_they_are_taken() -> None:
    for name in ("average", "reference"):
        differ = found(name, 0).averages
        assert differ is not None
        assert 0 < differ < 0.3
    assert found("maximum, no padding", 0).averages is None
    assert inspected(FewMaps).averages is None
    assert inspected(Gated).averages is None  # beside the path


def test_what_explains_all_else_is_seen() -> None:
    assert inspected(ZeroStart).constant
    assert inspected(AlwaysDropout).chance
    assert inspected(RandomRoll).chance
    assert inspected(FrozenFeatures).never_learns == ("conv1", "conv2")
    assert found("untrained", 0).never_learns == ("layers.0", "classify.2")


def test_a_network_that_looks_at_the_whole_batch_is_not_taken_for_chance() -> None:
    class Batchwise(Averaged):
        def maps(self, images: torch.Tensor) -> torch.Tensor:
            return super().maps(images - images.mean(dim=0))

    assert not inspected(Batchwise).chance


def test_a_parameter_that_never_learns_is_told_from_its_layer() -> None:
    class FrozenBias(Averaged):
        def __init__(self) -> None:
            super().__init__()
            self.conv1.bias.requires_grad_(False)
            self.last.requires_grad_(False)

    assert inspected(FrozenBias).never_learns == ("conv1.bias", "last")


@pytest.mark.parametrize("name", [*SEE_POSITIONS, *SEE_THE_BORDER, *SEE_NEITHER])
def test_none_of_it_is_seen_in_a_network_that_learns(name: str) -> None:
    seen = found(name, 0)
    assert (seen.chance, seen.constant, seen.never_learns, seen.jumps) == (False, False, (), ())


@pytest.mark.parametrize(("patch", "jumps"), [(4, False), (7, False), (8, True), (14, False)])
def test_blocks_that_do_not_go_into_28_pixels_are_seen(patch: int, jumps: bool) -> None:
    network = type("OfThatSize", (Patches,), {"patch": patch})
    assert bool(inspected(network).jumps) == jumps


def test_a_border_that_the_biases_show_is_told_from_one_that_the_kernels_show() -> None:
    wide = inspected(WideRim)
    assert wide.border > BORDER_SHOWS
    assert wide.background
    assert not inspected(Averaged).background
    assert inspected(NarrowHead).border < BORDER_SHOWS / 2  # enough padding, and no bias
