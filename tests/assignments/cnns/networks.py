"""Small networks that several tests train."""

from __future__ import annotations

from torch import Tensor, nn


class FullyConnected(nn.Module):
    """A linear classifier: one weight for each pixel and class."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(56 * 56, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        return self.layers(images)


class PaddedPooling(nn.Module):
    """Convolutions that cannot see the border, averages over positions, a linear layer."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        c = num_channel
        self.features = nn.Sequential(
            nn.Conv2d(1, c, 5, padding=4, bias=False),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(c, 2 * c, 5, padding=4, bias=False),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classify = nn.Sequential(nn.BatchNorm1d(2 * c), nn.Linear(2 * c, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        return self.classify(self.features(images))
