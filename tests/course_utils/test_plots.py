"""course_utils.plots: each picture shows what it is given, labelled, and returns its axes."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from torch import nn
from torchvision.transforms import v2

from course_utils import plots
from course_utils.data import SubsetMNIST, load_digits_subset
from course_utils.transforms import RandomQuadrantPad


@pytest.fixture(autouse=True)
def _figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No window, no call of show, every figure drawn once and closed."""
    mpl.use("Agg")
    monkeypatch.setitem(mpl.rcParams, "figure.dpi", 40)

    def forbidden() -> None:
        raise AssertionError("plt.show() was called")

    monkeypatch.setattr(plt, "show", forbidden)
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")


def assert_labelled(axes: Axes | np.ndarray) -> None:
    for ax in np.ravel(axes):
        assert isinstance(ax, Axes)
        assert ax.get_xlabel()
        assert ax.get_ylabel()


def drawn(ax: Axes) -> np.ndarray:
    return np.asarray(ax.images[0].get_array())


def labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def bar_labels(ax: Axes) -> set[str]:
    return {other.get_ylabel() for other in ax.figure.axes} - {"row (pixels)", "row", ""}


@pytest.mark.parametrize("shape", [(3, 6, 8), (1, 6, 8), (6, 8)])
def test_show_image_takes_colour_and_grey(shape: tuple[int, ...]) -> None:
    image = torch.rand(shape)
    ax = plots.show_image(image, "A title")
    assert_labelled(ax)
    assert ax.get_title() == "A title"
    expected = image.permute(1, 2, 0) if shape[0] == 3 else image.reshape(6, 8)
    np.testing.assert_array_equal(drawn(ax), expected.numpy())


def test_show_image_draws_where_it_is_told() -> None:
    ax = plt.subplots()[1]
    assert plots.show_image(torch.rand(3, 4, 4), ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("shape", [(8,), (2, 6, 8), (4, 3, 6, 8)])
def test_show_image_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected one image .* got \(.*: pick one"):
        plots.show_image(torch.rand(shape))


@pytest.mark.parametrize(("shape", "count"), [((1, 3, 3, 3), 3), ((3, 3, 3), 3), ((3, 3), 1)])
def test_show_kernel_writes_each_weight_in_its_cell(shape: tuple[int, ...], count: int) -> None:
    kernel = torch.arange(9.0).view(3, 3).sub(4).expand(shape)
    axes = plots.show_kernel(kernel)
    assert_labelled(axes)
    assert axes.shape == (count,)
    for ax in axes:
        assert [text.get_text() for text in ax.texts] == [f"{n}" for n in range(-4, 5)]
        assert ax.images[0].get_clim() == (-4, 4)  # zero in the middle, which is pale
    assert bar_labels(axes[0]) == {"weight"}


def test_show_kernel_takes_parameters_and_zeros() -> None:
    plots.show_kernel(nn.Conv2d(3, 1, 3).weight)
    plots.show_kernel(torch.zeros(3, 3))


def test_compare_activations_shows_centres_of_the_same_scene() -> None:
    image, activations = torch.rand(3, 80, 60), torch.randn(1, 40, 30)
    axes = plots.compare_activations(image, activations, crop=30)
    assert_labelled(axes)
    assert axes.shape == (2, 2)
    shapes = [[drawn(ax).shape[:2] for ax in row] for row in axes]
    assert shapes == [[(80, 60), (40, 30)], [(40, 30), (20, 15)]]
    np.testing.assert_array_equal(drawn(axes[1, 1]), activations[0, 10:30, 7:22].numpy())
    assert bar_labels(axes[0, 0]) == {"activation"}


def test_compare_activations_gives_a_grey_image_a_colour_bar_too() -> None:
    axes = plots.compare_activations(torch.rand(1, 20, 20), torch.randn(1, 1, 8, 8))
    assert bar_labels(axes[0, 0]) == {"activation", "intensity"}
    whole, centre = axes[0, 0].images[0], axes[1, 0].images[0]
    assert whole.get_clim() == centre.get_clim()  # the bar is of both
    assert drawn(axes[1, 0]).shape == (20, 20)  # a crop larger than the image is the image


def test_show_digits_takes_a_dataset_and_its_labels() -> None:
    to_tensor = v2.Compose([RandomQuadrantPad(), v2.ToImage()])
    for transform in (None, to_tensor):
        axes = plots.show_digits(SubsetMNIST(transform=transform), count=11, title="Digits")
        assert axes.shape == (2,)
        assert_labelled(axes)
        assert labels(axes[1]) == ["label 8", "label 9", "label 0"]
        assert axes[0].figure.get_suptitle() == "Digits"


def test_show_digits_takes_tensors_with_and_without_labels() -> None:
    split = load_digits_subset()
    axes = plots.show_digits(split.train_images, split.train_labels, count=3)
    assert labels(axes[0]) == ["label 0", "label 1", "label 2"]
    third = split.train_images[2].numpy() / split.train_images[2].numpy().max()
    np.testing.assert_allclose(drawn(axes[0])[:, -28:], third, rtol=1e-6)
    assert axes[0].get_xticks()[2] == drawn(axes[0]).shape[1] - 14.5  # above it
    bare = plots.show_digits(split.train_images[:2, None])
    assert labels(bare[0]) == ["", ""]


def test_compare_accuracy_puts_the_quadrants_side_by_side() -> None:
    accuracy = {
        "Net": {"top_left": 0.98, "bottom_right": 0.11},
        "ImprovedNet": {"top_left": 0.95, "bottom_right": 0.94},
    }
    ax = plots.compare_accuracy(accuracy)
    assert_labelled(ax)
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers]
    assert heights == [[0.98, 0.95], [0.11, 0.94]]
    assert [text.get_text() for text in ax.texts] == ["98%", "95%", "11%", "94%"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Net", "ImprovedNet"]
    legend = ax.get_legend()
    assert legend is not None
    names = {text.get_text() for text in legend.get_texts()}
    assert names == {"top-left", "bottom-right", "guessing"}
    hatches = {bars[0].get_hatch() for bars in ax.containers}
    assert len(hatches) == 2  # told apart in grey as well


def test_compare_accuracy_takes_one_network_and_four_quadrants() -> None:
    names = ("top_left", "top_right", "bottom_left", "bottom_right")
    ax = plots.compare_accuracy({"Net": dict.fromkeys(names, 0.5)})
    assert len(ax.containers) == 4


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list])
def test_confusion_matrix_counts_by_true_row_and_predicted_column(kind) -> None:
    ax = plots.confusion_matrix(kind([0, 0, 0, 3]), kind([0, 7, 7, 3]), "Title")
    assert_labelled(ax)
    expected = np.zeros((10, 10))
    expected[0, 0], expected[0, 7], expected[3, 3] = 1 / 3, 2 / 3, 1
    np.testing.assert_allclose(drawn(ax), expected)
    shown = {text.get_position(): text.get_text() for text in ax.texts if text.get_text()}
    assert shown == {(0, 0): "1", (7, 0): "2", (3, 3): "1"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_confusion_matrix_refuses_numbers_that_do_not_match() -> None:
    with pytest.raises(ValueError, match=r"got \(2,\) for \(3,\)"):
        plots.confusion_matrix([1, 2, 3], [1, 2])


def convolutions(padding: int) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 8), (8, 16)):
        layers += [nn.Conv2d(inputs, outputs, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def change(axes: np.ndarray) -> int:
    """The per cent in a border_effect's title."""
    return int(axes[0, 0].figure.get_suptitle().split("%")[0].split()[-1])


def test_border_effect_shows_that_padding_makes_places_alike() -> None:
    digit = load_digits_subset().train_images[4]
    bare, padded = (plots.border_effect(convolutions(n), digit) for n in (0, 4))
    assert change(bare) > 10
    assert change(padded) < 5
    for axes in (bare, padded):
        assert axes.shape == (2, 2)
        assert_labelled(axes)
    assert drawn(axes[0, 0])[:28, :28].any()
    assert not drawn(axes[0, 0])[28:].any()
    assert drawn(axes[0, 1])[28:, 28:].any()
    # Padded by 4, both maps are one, shifted by 28 pixels of the canvas: 7 of the feature map.
    first, second = drawn(padded[1, 0]), drawn(padded[1, 1])
    np.testing.assert_allclose(first[3:9, 3:9], second[10:16, 10:16], atol=0.02)


def test_border_effect_finds_the_feature_map_within_a_whole_network() -> None:
    digit = load_digits_subset().train_images[4]
    alone = plots.border_effect(convolutions(0), digit)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10))
    whole = plots.border_effect(nn.Sequential(convolutions(0), *head), digit[None])
    np.testing.assert_allclose(drawn(alone[1, 1]), drawn(whole[1, 1]), atol=1e-6)


def test_border_effect_leaves_the_network_as_it_was() -> None:
    network = nn.Sequential(convolutions(2), nn.BatchNorm2d(16), nn.Dropout())
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    plots.border_effect(network, load_digits_subset().train_images[0])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [layer.training for layer in network] == [True, False, True]
    assert not any(layer._forward_hooks for layer in network.modules())


def test_border_effect_needs_a_feature_map() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(56 * 56, 10))
    with pytest.raises(ValueError, match="got one without a feature map"):
        plots.border_effect(network, load_digits_subset().train_images[0])
