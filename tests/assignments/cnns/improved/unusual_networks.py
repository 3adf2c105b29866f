"""`ImprovedNet`s of unusual kinds, of which every word that is said has to be true.

`golden/` holds what their authors read.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Averaged(nn.Module):
    """What most of them begin with: two convolutions without padding, and averages."""

    padding, bias = 0, True

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        c, options = num_channel, {"padding": self.padding, "bias": self.bias}
        self.conv1 = nn.Conv2d(1, c, 5, **options)
        self.conv2 = nn.Conv2d(c, 2 * c, 5, **options)
        self.last = nn.Linear(2 * c, num_classes)

    def maps(self, images: Tensor) -> Tensor:
        return F.relu(self.conv2(F.max_pool2d(F.relu(self.conv1(images)), 2)))

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.maps(images).mean(dim=(2, 3)))


class ZeroStart(Averaged):
    """Begins with a last layer of zeros."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)


class FrozenFeatures(Averaged):
    """Learns its last layer alone."""

    padding = 4

    def maps(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return super().maps(images)


class AlwaysDropout(Averaged):
    """Drops numbers when it is tested too."""

    def forward(self, images: Tensor) -> Tensor:
        return self.last(F.dropout(self.maps(images).amax(dim=(2, 3)), 0.5))


class RandomRoll(Averaged):
    """Moves each batch by chance, so as to know no place."""

    padding = 2

    def forward(self, images: Tensor) -> Tensor:
        down, right = torch.randint(0, 56, (2,)).tolist()
        return super().forward(torch.roll(images, (down, right), (2, 3)))


class PatchMixer(nn.Module):
    """A transformer over patches of 8x8 that knows no positions."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        width = 4 * num_channel
        self.embed = nn.Conv2d(1, width, 8, stride=8)
        self.mix = nn.MultiheadAttention(width, 2, batch_first=True)
        self.last = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        return self.last((x + self.mix(x, x, x, need_weights=False)[0]).amax(dim=1))


class Coordinates(Averaged):
    """Is told where each pixel is."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        self.conv1 = nn.Conv2d(3, num_channel, 5)

    def maps(self, images: Tensor) -> Tensor:
        line = torch.linspace(-1, 1, 56)
        rows, columns = torch.meshgrid(line, line, indexing="ij")
        where = torch.stack([rows, columns]).expand(len(images), 2, 56, 56)
        return super().maps(torch.cat([images, where], dim=1))


class WideRim(Averaged):
    """Has enough padding, and biases that tell its rim from the black background."""

    padding = 4

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.maps(images).amax(dim=(2, 3)) + self.maps(images).mean(dim=(2, 3)))


class BrightRim(Averaged):
    """Has enough padding, biases, and averages."""

    padding = 4


class Gated(Averaged):
    """Averages for a gate beside the path alone."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        self.gate = nn.Linear(2 * num_channel, 2 * num_channel)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps(images)
        gate = torch.sigmoid(self.gate(maps.mean(dim=(2, 3))))
        return self.last((maps * gate[:, :, None, None]).amax(dim=(2, 3)))


class Logarithms(Averaged):
    """Takes logarithms of what may be zero."""

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps(images)
        return self.last(torch.log((maps - maps.mean(dim=(2, 3), keepdim=True)).mean(dim=(2, 3))))


class NarrowHead(Averaged):
    """Has a head of three numbers."""

    padding, bias = 4, False

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        self.narrow = nn.Linear(2 * num_channel, 3)
        self.last = nn.Linear(3, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.narrow(self.maps(images).amax(dim=(2, 3))))


class RowReader(nn.Module):
    """Reads the rows of the image one after the other."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.read = nn.GRU(56, 4 * num_channel, batch_first=True)
        self.last = nn.Linear(4 * num_channel, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.read(images[:, 0])[1][0])


# Accuracies top left and bottom right that one training gave.
UNUSUAL: dict[type[nn.Module], tuple[float, float]] = {
    Averaged: (0.600, 0.253),
    ZeroStart: (0.495, 0.328),
    FrozenFeatures: (0.129, 0.133),
    AlwaysDropout: (0.542, 0.296),
    RandomRoll: (0.434, 0.452),
    PatchMixer: (0.745, 0.055),
    Coordinates: (0.291, 0.115),
    BrightRim: (0.508, 0.507),
    Gated: (0.912, 0.658),
    Logarithms: (0.0, 0.0),
    NarrowHead: (0.739, 0.739),
    RowReader: (0.646, 0.100),
}
