"""Pictures of images, kernels, activations, digits and accuracies. Each returns matplotlib axes.

The space around axes is fixed, as finding out how much there must be (a constrained layout) takes
time; and digits share an axes, as its ticks and labels take most of the time of drawing.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast
from unittest.mock import MagicMock

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor, nn

from course_utils.environment import quick_run
from course_utils.transforms import QUADRANTS, place

# Blue and orange of Okabe and Ito's palette: told apart by every kind of colour vision.
# Source: https://jfly.uni-koeln.de/color/
# Hatches besides, so that the bars differ in grey as well.
_BARS = {
    "top_left": ("#0072B2", ""),
    "top_right": ("#56B4E9", ".."),
    "bottom_left": ("#D55E00", "xx"),
    "bottom_right": ("#E69F00", "//"),
}
DIVERGING, SEQUENTIAL, GREY = "PuOr_r", "viridis", "gray"
_TICKS = 4  # intervals at most


_Picture = TypeVar("_Picture", bound=Callable[..., Any])


def _picture(draw: _Picture) -> _Picture:
    """Have a function draw nothing in a quick run, where nobody looks: it returns empty axes.

    They are real axes, so that a student's own lines go on; all pictures of a process share them.
    """

    @functools.wraps(draw)
    def drawn(*args: Any, **options: Any) -> Any:
        axes = draw(*args, **options)
        if not quick_run() or isinstance(axes, Axes):
            return axes
        if isinstance(axes, np.ndarray):
            return _empty_axes(axes.size).reshape(axes.shape)
        return _empty_axes(1)[0]

    return cast(_Picture, drawn)


@functools.cache
def _empty_axes(count: int) -> np.ndarray:
    """Return so many axes of a closed figure: Jupyter does not show it."""
    figure, axes = plt.subplots(1, count, squeeze=False)
    plt.close(figure)
    return axes[0]


@_picture
def show_image(image: Tensor, title: str = "", ax: Axes | None = None) -> Axes:
    """Return the axes with one image.

    Args:
        image: (3, H, W) colour or (1, H, W) or (H, W) grey; float in [0, 1] or uint8.
        title: what stands above it.
        ax: where to draw; a new figure otherwise.

    Raises:
        ValueError: the image has another shape.
    """
    ax = ax or _new_axes(4.5, 4.5)
    picture = image.detach().cpu()
    if picture.ndim == 3 and picture.shape[0] == 3:
        ax.imshow(picture.permute(1, 2, 0).numpy())
    else:
        ax.imshow(_plane(picture).numpy(), cmap=GREY)
    _label(ax, title)
    return ax


@_picture
def show_kernel(kernel: Tensor, title: str = "Kernel, by input channel") -> np.ndarray:
    """Return the axes, one a channel, with the kernel's weights as colours and as numbers.

    Args:
        kernel: (1, C, h, w) or (C, h, w) or (h, w) float.
        title: what stands above them.
    """
    planes = kernel.detach().cpu().float()
    planes = planes.reshape(-1, *planes.shape[-2:])
    figure, grid = _grid(1, len(planes), 2.6 * len(planes) + 0.8, 3.2, top=0.7)
    limit = float(planes.abs().max()) or 1.0
    for channel, (ax, plane) in enumerate(zip(grid[0], planes, strict=True)):
        drawn = ax.imshow(plane.numpy(), cmap=DIVERGING, vmin=-limit, vmax=limit)
        for (row, column), weight in np.ndenumerate(plane.numpy()):
            colour = "w" if abs(weight) > 0.6 * limit else "k"
            ax.text(column, row, f"{weight:g}", ha="center", va="center", color=colour)
        ax.set_xticks(range(plane.shape[1]))
        ax.set_yticks(range(plane.shape[0]))
        _label(ax, f"channel {channel}", "column", "row")
    _bar(drawn, grid[0], "weight")
    figure.suptitle(title)
    return grid[0]


@_picture
def compare_activations(
    image: Tensor, activations: Tensor, crop: int = 200, title: str = "Activations"
) -> np.ndarray:
    """Return the (2, 2) axes: image beside activations, and below the centre of each.

    Args:
        image: (3, H, W) or (1, H, W) float in [0, 1].
        activations: (1, h, w) or (1, 1, h, w) or (h, w) float, of any range.
        crop: height and width of the centre shown below, in pixels of the image. The activations'
            centre covers the same part of the scene.
        title: what stands above the activations.
    """
    maps = _plane(activations.detach().cpu())
    # Edges are rare: scaled to the strongest of them, the picture would be blank.
    limit = float(np.quantile(maps.abs().numpy(), 0.99)) or 1.0
    grid = _grid(2, 2, 8.6, 8, right=0.55)[1]
    for row, (share, where) in enumerate(
        ((1.0, ""), (min(1.0, crop / min(image.shape[-2:])), ", centre"))
    ):
        show_image(_centre(image, share), f"Image{where}", grid[row, 0])
        pixels = _centre(maps, share).numpy()
        drawn = grid[row, 1].imshow(pixels, cmap=DIVERGING, vmin=-limit, vmax=limit)
        _label(grid[row, 1], f"{title}{where}")
    if image.shape[0] == 1:  # a colour image's colours mean themselves
        whole, centre = (ax.images[0] for ax in grid[:, 0])
        centre.set_clim(whole.get_clim())
        _bar(whole, grid[:, 0], "intensity")
    _bar(drawn, grid[:, 1], "activation", extend="both")
    return grid


@_picture
def show_digits(
    images: Any, labels: Iterable[Any] | None = None, count: int = 8, title: str = ""
) -> np.ndarray:
    """Return the axes, one a row of up to eight digits, each with its label above.

    Args:
        images: a dataset of (image, label), or a tensor (N, 1, H, W) or (N, H, W).
        labels: of the tensor's images; a dataset brings its own.
        count: how many digits, from the first on.
        title: what stands above them all.
    """
    names = None if labels is None else list(labels)
    planes, words = [], []
    for index in range(min(count, len(images))):
        image, label = (images[index], "") if isinstance(images, Tensor) else images[index]
        label = label if names is None else names[index]
        pixels = image if isinstance(image, Tensor) else torch.from_numpy(np.array(image))
        planes.append(_plane(pixels.detach().cpu()).float().numpy())
        words.append("" if label == "" else f"label {int(label)}")
    columns, rows = max(1, min(8, len(planes))), max(1, -(-len(planes) // 8))
    figure, grid = _grid(rows, 1, 1.1 * columns + 1, 1.3 * rows + 1, top=0.7)
    for row, ax in enumerate(grid[:, 0]):
        here = slice(8 * row, 8 * row + 8)
        strip, centres = _strip(planes[here], columns)
        ax.imshow(strip, cmap=GREY, vmin=0, vmax=1)
        ax.set_xticks(centres, words[here])
        ax.set_yticks([])
        ax.tick_params(length=0, labeltop=True, labelbottom=False)
        ax.spines[:].set_visible(False)
        _label(ax, "")
    figure.suptitle(title)
    return grid[:, 0]


@_picture
def compare_accuracy(
    accuracy: Mapping[str, Mapping[str, float]], title: str = "Accuracy by quadrant"
) -> Axes:
    """Return the axes with a group of bars for each network, top-left beside bottom-right.

    Args:
        accuracy: for each network's name, its accuracy in [0, 1] by quadrant, such as
            `{"Net": {"top_left": 0.98, "bottom_right": 0.11}}`.
        title: what stands above.
    """
    quadrants = [name for name in QUADRANTS if any(name in one for one in accuracy.values())]
    ax = _new_axes(2.2 * len(accuracy) + 2.6, 3.8, right=1.6)
    width = 0.8 / max(1, len(quadrants))
    for index, quadrant in enumerate(quadrants):
        colour, hatch = _BARS[quadrant]
        x = np.arange(len(accuracy)) + (index - (len(quadrants) - 1) / 2) * width
        heights = [one.get(quadrant, float("nan")) for one in accuracy.values()]
        name = quadrant.replace("_", "-")
        bars = ax.bar(
            x, heights, 0.94 * width, color=colour, hatch=hatch, edgecolor="w", label=name
        )
        ax.bar_label(bars, labels=[f"{height:.0%}" for height in heights], padding=2)
    ax.axhline(0.1, color="k", linestyle=":", linewidth=1, label="guessing")
    ax.set_xticks(np.arange(len(accuracy)), list(accuracy))
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.set_ylim(0, 1.08)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, title="test digits")
    _label(ax, title, "network", "accuracy")
    return ax


@_picture
def confusion_matrix(
    labels: Iterable[Any], predictions: Iterable[Any], title: str = "", num_classes: int = 10
) -> Axes:
    """Return the axes with how often (row: true class) is taken for (column: predicted class).

    Args:
        labels: (N,) integers, the true classes.
        predictions: (N,) integers.
        title: what stands above.
        num_classes: rows and columns.

    Raises:
        ValueError: labels and predictions differ in number.
    """
    true, predicted = (torch.as_tensor(each).cpu().long() for each in (labels, predictions))
    if true.shape != predicted.shape or true.ndim != 1:
        raise ValueError(
            f"expected as many predictions as labels, got {tuple(predicted.shape)} for "
            f"{tuple(true.shape)}: did both come from the same evaluation?"
        )
    cells = torch.bincount(true * num_classes + predicted, minlength=num_classes**2)
    counts = cells.view(num_classes, num_classes)
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    ax = _new_axes(6.6, 5.6)
    drawn = ax.imshow(shares.numpy(), cmap=SEQUENTIAL, vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(counts.numpy()):
        if number:
            colour = "k" if shares[row, column] > 0.55 else "w"
            ax.text(column, row, number, ha="center", va="center", fontsize="small", color=colour)
    ax.set_xticks(range(num_classes))
    ax.set_yticks(range(num_classes))
    _bar(drawn, ax, "share of the true class").ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    _label(ax, title, "predicted class", "true class")
    return ax


@_picture
def border_effect(network: nn.Module, digit: Tensor) -> np.ndarray:
    """Return the (2, 2) axes that show how an untrained network answers to a digit's place.

    Above: the same digit top-left and bottom-right. Below: the last feature map, averaged over its
    channels, less what an empty canvas gives. The title tells how far its averages over the map,
    all that global average pooling passes on, differ between the two places. A convolution without
    padding stops at the border and misses windows that hold a part of the digit, others top-left
    than bottom-right; with enough padding the two maps are one, shifted.

    Args:
        network: takes (N, 1, 2h, 2w) images. A whole network or its convolutional layers; the
            feature map is the last output (N, C, H, W) of a layer within, with H and W above 1.
            Its mode and its parameters stay as they are.
        digit: (h, w) or (1, h, w) uint8.

    Raises:
        ValueError: no layer puts out a feature map.
    """
    digits = _plane(digit)[None]
    canvas = torch.cat([place(digits, "top_left"), place(digits, "bottom_right")])
    features = _last_feature_map(network, torch.cat([canvas, torch.zeros_like(canvas[:1])]))
    answer = features[:2] - features[2]  # (2, C, H, W)
    averages = answer.mean(dim=(2, 3))  # (2, C)
    change = (averages[0] - averages[1]).norm() / averages[0].norm().clamp(min=1e-12)
    response = answer.mean(dim=1)  # (2, H, W)
    limit = float(response.abs().max()) or 1.0
    figure, grid = _grid(2, 2, 7.6, 7, top=0.8)
    for column, name in enumerate(("top-left", "bottom-right")):
        show_image(canvas[column], f"Digit {name}", grid[0, column])
        pixels = response[column].numpy()
        drawn = grid[1, column].imshow(pixels, cmap=DIVERGING, vmin=-limit, vmax=limit)
        grid[1, column].locator_params(integer=True)
        _label(grid[1, column], f"Feature map, average {response[column].mean():.4f}")
    _bar(drawn, grid, "response to the digit")
    figure.suptitle(f"The channels' averages change by {change:.0%} with the digit's place")
    return grid


def _last_feature_map(network: nn.Module, images: Tensor) -> Tensor:
    """Return the last (N, C, H, W) output with H, W > 1 of a layer without layers of its own."""
    maps: list[Tensor] = []

    def keep(layer: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[-2:]) > 1:
            maps[:] = [output.detach().cpu().clone()]

    leaves = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(keep) for layer in leaves]
    modes = {layer: layer.training for layer in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            network(images.to(next(network.parameters(), images).device))
    finally:
        for hook in hooks:
            hook.remove()
        for layer, mode in modes.items():
            layer.training = mode
    if not maps:
        raise ValueError(
            "expected a network with convolutional layers, got one without a feature map "
            "(N, C, H, W): pass the network itself, with its layers as attributes"
        )
    return maps[0]


def _strip(planes: Sequence[np.ndarray], columns: int) -> tuple[np.ndarray, list[float]]:
    """Return images (H, W) beside each other, from 0 to 1, NaN between; and the middles."""
    height, width = planes[0].shape if planes else (1, 1)
    step = width + max(1, width // 12)
    strip = np.full((height, columns * step - (step - width)), np.nan)
    for index, plane in enumerate(planes):
        least, most = plane.min(), plane.max()
        strip[:, index * step : index * step + width] = (plane - least) / ((most - least) or 1)
    return strip, [index * step + (width - 1) / 2 for index in range(len(planes))]


def _new_axes(width: float, height: float, right: float = 0.25) -> Axes:
    return _grid(1, 1, width, height, right=right)[1][0, 0]


def _grid(
    rows: int, columns: int, width: float, height: float, top: float = 0.4, right: float = 0.25
) -> tuple[Figure, np.ndarray]:
    """Return a new figure and its (rows, columns) axes, with room for labels; in inches."""
    if quick_run():
        return _stand_ins(rows, columns)
    room = {
        "left": 0.75 / width,
        "right": 1 - right / width,
        "bottom": 0.6 / height,
        "top": 1 - top / height,
        "wspace": 0.35,
        "hspace": 0.3,
    }
    figure, grid = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, gridspec_kw=room
    )
    for ax in grid.flat:
        ax.locator_params(nbins=_TICKS)
    return figure, grid


def _stand_ins(rows: int, columns: int) -> tuple[Any, np.ndarray]:
    """Return what lets everything be drawn on it, and draws nothing."""
    grid = np.empty((rows, columns), dtype=object)
    for at in np.ndindex(rows, columns):
        grid[at] = MagicMock()
    return MagicMock(), grid


def _bar(drawn: Any, axes: Any, label: str, **options: Any) -> Colorbar:
    ax = axes.flat[0] if isinstance(axes, np.ndarray) else axes
    ticks = MaxNLocator(_TICKS)
    return ax.figure.colorbar(drawn, ax=axes, label=label, shrink=0.8, ticks=ticks, **options)


def _label(ax: Axes, title: str, x: str = "column (pixels)", y: str = "row (pixels)") -> None:
    ax.set_title(title, fontsize="medium", y=1)  # else matplotlib measures all labels first
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def _plane(image: Tensor) -> Tensor:
    """Return the (H, W) plane of an image with leading dimensions of size 1."""
    if image.ndim < 2 or image.numel() != image.shape[-2] * image.shape[-1]:
        raise ValueError(
            f"expected one image of shape (H, W) or (1, H, W), or (3, H, W) where colour makes "
            f"sense, got {tuple(image.shape)}: pick one, such as images[0]"
        )
    return image.reshape(image.shape[-2:])


def _centre(image: Tensor, share: float) -> Tensor:
    """Return the middle of (..., H, W), with that share of its height and width."""
    height, width = image.shape[-2:]
    rows, columns = max(1, round(share * height)), max(1, round(share * width))
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[..., top : top + rows, left : left + columns]
