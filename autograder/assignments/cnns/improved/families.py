"""Families of answers to `ImprovedNet`, each with the marks that it is meant to reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.assignments.cnns.improved.reference import reference
from autograder.checking.trained.exercise import Family

CLASSES = 10
PIXELS = 56 * 56


def _family(
    name: str,
    about: str,
    build: Callable[[], nn.Module],
    *,
    top_left: int | None = 1,
    bottom_right: int | tuple[int, int] = 3,
) -> Family:
    """Return a family by the marks that it is meant to reach: all, unless it says which.

    Args:
        name: short, unique.
        about: its architecture.
        build: makes a network with fresh weights.
        top_left: how many marks; None for neither way.
        bottom_right: how many marks, or at least and at most how many.
    """
    least_most = (bottom_right, bottom_right) if isinstance(bottom_right, int) else bottom_right
    meant = {"bottom_right": least_most}
    if top_left is not None:
        meant["top_left"] = (top_left, top_left)
    return Family(name, about, build, meant)


def _layers(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def _features(padding: int, channels: tuple[int, ...] = (8, 16), bias: bool = True) -> nn.Module:
    """Return 5x5 convolutions with ReLU, and max pooling between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in zip((1, *channels), channels, strict=False):
        if layers:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Conv2d(fan_in, fan_out, 5, padding=padding, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers)


def _average(*head: nn.Module) -> nn.Module:
    return _layers(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head)


def _maximum(*head: nn.Module) -> nn.Module:
    return _layers(nn.AdaptiveMaxPool2d(1), nn.Flatten(), *head)


def _bottleneck(features: int = 16) -> list[nn.Module]:
    return [nn.Linear(features, 8), nn.ReLU(), nn.Linear(8, CLASSES)]


def _net(channels: int) -> nn.Module:
    """Return the exercise's `Net`."""
    c = channels
    head = [nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU()]
    return _layers(
        _features(0, (c, 2 * c)),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *head,
        nn.Linear(2 * c, CLASSES),
    )


_Norm = Callable[[int], nn.Module]


def _block(fan_in: int, fan_out: int, norm: _Norm = nn.BatchNorm2d, **how: Any) -> nn.Module:
    """Return a 5x5 convolution with padding 2, unless it says how else, with a norm and a ReLU."""
    convolution = nn.Conv2d(fan_in, fan_out, **{"kernel_size": 5, "padding": 2, **how})
    return _layers(convolution, norm(fan_out), nn.ReLU())


def _textbook(norm: _Norm = nn.BatchNorm2d, channels: int = 8, **how: Any) -> nn.Module:
    """Return two blocks with pooling, averages and one linear layer."""
    c = channels
    return _layers(
        _block(1, c, norm, **how),
        nn.MaxPool2d(2),
        _block(c, 2 * c, norm, **how),
        nn.MaxPool2d(2),
        _average(nn.Linear(2 * c, CLASSES)),
    )


class Frozen(nn.Module):
    """A network that learns nothing but the biases of its last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 16, 8, stride=4), nn.ReLU())
        self.classify = _average(nn.Linear(16, CLASSES))
        self.bias = nn.Parameter(torch.zeros(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) for images (N, 1, 56, 56)."""
        return self.classify(self.layers(images)).detach() + self.bias


class Guesser(nn.Module):
    """Draws its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) that have nothing to do with images (N, 1, 56, 56)."""
        return self.scale * torch.randn(len(images), CLASSES)


class AttentionPooling(nn.Module):
    """A mean over places, each weighed by what is there."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(features, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return features (N, C) of maps (N, C, H, W)."""
        weights = self.score(maps).flatten(2).softmax(dim=2)
        return (maps.flatten(2) * weights).sum(dim=2)


class GeM(nn.Module):
    """The generalised mean over places, with a power that is learned.

    Source: Radenović et al. 2018, "Fine-tuning CNN Image Retrieval with No Human Annotation".
    """

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, maps: Tensor) -> Tensor:
        """Return features (N, C) of maps (N, C, H, W)."""
        return maps.clamp(min=1e-6).pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)


class PatchTransformer(nn.Module):
    """Patches of 8 x 8 pixels as tokens without positions, one layer of attention, their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 32, 8, stride=4)
        self.mix = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.classify = nn.Linear(32, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) for images (N, 1, 56, 56)."""
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        return self.classify(self.mix(tokens).mean(dim=1))


class Cropped(nn.Module):
    """Cuts out what is not black, and reads it with a fully connected network."""

    def __init__(self) -> None:
        super().__init__()
        self.read = _layers(nn.Flatten(), nn.Linear(28 * 28, 32), nn.ReLU(), nn.Linear(32, CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) for images (N, 1, 56, 56)."""
        rows = images.amax(dim=(1, 3)).gt(0.2).float().argmax(dim=1)
        columns = images.amax(dim=(1, 2)).gt(0.2).float().argmax(dim=1)
        cut = [
            image[:, top : top + 28, left : left + 28]
            for image, top, left in zip(
                F.pad(images, (0, 28, 0, 28)), rows.tolist(), columns.tolist(), strict=True
            )
        ]
        return self.read(torch.stack(cut))


class Rolling(nn.Module):
    """The exercise's Net, which moves each batch by a random step while it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _net(8)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) for images (N, 1, 56, 56)."""
        if self.training:
            down, right = torch.randint(29, (2,)).tolist()
            images = images.roll((down, right), dims=(2, 3))
        return self.net(images)


class SpatialTransformer(nn.Module):
    """Looks for the digit, cuts it out, reads it.

    Source: Jaderberg et al. 2015, "Spatial Transformer Networks".
    """

    def __init__(self) -> None:
        super().__init__()
        transform = nn.Linear(16, 6)
        self.find = _layers(
            nn.Conv2d(1, 8, 7, padding=3),
            nn.MaxPool2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 14 * 14, 16),
            nn.ReLU(),
            transform,
        )
        nn.init.zeros_(transform.weight)
        transform.bias.data = torch.tensor([1.0, 0, 0, 0, 1.0, 0])
        self.read = _net(8)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 10) for images (N, 1, 56, 56)."""
        grid = F.affine_grid(self.find(images).view(-1, 2, 3), list(images.shape), False)
        return self.read(F.grid_sample(images, grid, align_corners=False))


FAMILIES = (
    _family("guesser", "random answers", Guesser, top_left=0, bottom_right=0),
    _family(
        "untrained",
        "nothing but the biases of its answers learns",
        Frozen,
        top_left=0,
        bottom_right=0,
    ),
    _family(
        "linear",
        "one linear layer from pixels to classes",
        lambda: _layers(nn.Flatten(), nn.Linear(PIXELS, CLASSES)),
        bottom_right=0,
    ),
    _family(
        "pixels",
        "no convolution: pixels to 20, to 10",
        lambda: _layers(nn.Flatten(), nn.Linear(PIXELS, 20), nn.ReLU(), nn.Linear(20, CLASSES)),
        bottom_right=0,
    ),
    _family(
        "coarse convolution",
        "one 8x8 convolution with stride 4, one linear layer",
        lambda: _layers(
            nn.Conv2d(1, 8, 8, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 169, CLASSES)
        ),
        bottom_right=0,
    ),
    _family("Net", "the exercise's Net: a fully connected head", lambda: _net(8), bottom_right=0),
    _family(
        "Net, half as wide",
        "the exercise's Net with num_channel=4",
        lambda: _net(4),
        bottom_right=0,
    ),
    _family(
        "convolution as head",
        "an 11x11 convolution in place of the fully connected head",
        lambda: _layers(_features(0), nn.MaxPool2d(2), nn.Conv2d(16, CLASSES, 11), nn.Flatten()),
        bottom_right=0,
    ),
    _family(
        "average, bottleneck",
        "Net with averages for its first linear layer: no padding, head 16-8-10",
        lambda: _layers(_features(0), nn.MaxPool2d(2), _average(*_bottleneck())),
        top_left=None,
        bottom_right=(0, 1),
    ),
    _family(
        "average",
        "no padding, averages, head 16-10",
        lambda: _layers(_features(0), nn.MaxPool2d(2), _average(nn.Linear(16, CLASSES))),
        bottom_right=(0, 1),
    ),
    _family(
        "average, padding 2, bottleneck",
        "padding 2, averages, head 16-8-10",
        lambda: _layers(_features(2), nn.MaxPool2d(2), _average(*_bottleneck())),
        top_left=None,
        bottom_right=(0, 3),
    ),
    _family(
        "average, padding 2",
        "padding 2, averages, head 16-10",
        lambda: _layers(_features(2), nn.MaxPool2d(2), _average(nn.Linear(16, CLASSES))),
    ),
    _family(
        "maximum, no padding",
        "no padding, maxima over places, head 16-10",
        lambda: _layers(_features(0), nn.MaxPool2d(2), _maximum(nn.Linear(16, CLASSES))),
        bottom_right=(2, 3),
    ),
    _family(
        "maximum, padding 2",
        "padding 2, maxima over places, head 16-10",
        lambda: _layers(_features(2), nn.MaxPool2d(2), _maximum(nn.Linear(16, CLASSES))),
    ),
    _family(
        "network in network",
        "padding 4 without bias, a 1x1 convolution to 32, averages normalised, head 32-10",
        lambda: _layers(
            _features(4, bias=False),
            nn.Conv2d(16, 32, 1, bias=False),
            nn.ReLU(),
            _average(nn.BatchNorm1d(32), nn.Linear(32, CLASSES)),
        ),
    ),
    _family(
        "third convolution",
        "three convolutions, padding 4 without bias, averages normalised, head 32-10",
        lambda: _layers(
            _features(4, (8, 16, 32), bias=False),
            _average(nn.BatchNorm1d(32), nn.Linear(32, CLASSES)),
        ),
    ),
    _family(
        "batch norm",
        "two convolutions with batch norm, padding 4, averages, head 16-10",
        lambda: _textbook(padding=4, bias=False),
    ),
    _family(
        "all-convolutional",
        "strides in place of pooling, batch norm, averages, head 32-10",
        lambda: _layers(
            _block(1, 8, stride=2, padding=4, bias=False),
            _block(8, 16, stride=2, padding=4, bias=False),
            _block(16, 32, kernel_size=3, bias=False),
            _average(nn.Linear(32, CLASSES)),
        ),
    ),
    _family(
        "textbook",
        "padding 2, batch norm, averages, one linear layer",
        _textbook,
    ),
    _family("textbook without norm", "the same without norm", lambda: _textbook(nn.Identity)),
    _family(
        "textbook, twice as wide",
        "without norm, 16 and 32 channels",
        lambda: _textbook(nn.Identity, 16),
    ),
    _family(
        "strided",
        "the textbook's with strides in place of pooling",
        lambda: _layers(
            _block(1, 8, stride=2, bias=False),
            _block(8, 16, stride=2, bias=False),
            _average(nn.Linear(16, CLASSES)),
        ),
    ),
    _family(
        "instance norm", "the textbook's with InstanceNorm2d", lambda: _textbook(nn.InstanceNorm2d)
    ),
    _family(
        "average normalised",
        "no padding, averages, BatchNorm1d, head 16-10",
        lambda: _layers(
            _features(0), nn.MaxPool2d(2), _average(nn.BatchNorm1d(16), nn.Linear(16, CLASSES))
        ),
        bottom_right=(1, 2),
    ),
    _family("patch transformer", "8x8 patches as tokens, no positions", PatchTransformer),
    _family(
        "attention pooling",
        "padding 4, a weighed mean over places, head 16-10",
        lambda: _layers(_features(4), AttentionPooling(16), nn.Linear(16, CLASSES)),
    ),
    _family(
        "GeM",
        "padding 4, the generalised mean, head 16-10",
        lambda: _layers(_features(4), GeM(), nn.Linear(16, CLASSES)),
    ),
    _family("crop", "cuts the sign out, fully connected", Cropped),
    _family("spatial transformer", "finds, cuts out, reads", SpatialTransformer, bottom_right=0),
    _family(
        "rolling",
        "the exercise's Net, each batch rolled by chance in training",
        Rolling,
        top_left=None,
        bottom_right=(0, 3),
    ),
    _family("reference, narrower", "it with 6 and 12 channels", lambda: reference(6, 12)),
    _family("reference", "padding 4, no bias, averages normalised, head 16-10", reference),
    _family("reference, wider", "it with 8 and 24 channels", lambda: reference(8, 24)),
)
