"""Twelve references of different kinds, on which the kit is measured."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.checking.kit import Lab

lab = Lab("references")


@lab.function(
    inputs=lambda draw, n, t, d: [draw.normal(n, t, d) for _ in range(3)],
    sizes=[(2, 7, 5), (3, 4, 8)],
    points={"shape": 5, "values": 20},
)
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return attention to what came before, (N, T, D)."""
    scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
    later = torch.ones_like(scores, dtype=torch.bool).triu(diagonal=1)
    return scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ v


@lab.module(
    inputs=lambda draw, vocab=27, **_: [draw.integers(vocab, size=(3, 6))],
    sizes=[{}, {"vocab": 11, "hidden": 7}],
    points={"shape": 5, "parameters": 10, "function": 20},
)
class CharRNN(nn.Module):
    """A recurrent network over letters: (N, T) int64 -> (N, T, vocab)."""

    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, 12)
        self.gru = nn.GRU(12, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits of the next letter at each position."""
        states, _ = self.gru(self.embedding(tokens))
        logits: Tensor = self.out(states)
        return logits


@lab.module(
    inputs=lambda draw, channels=4, **_: [draw.normal(2, channels, 6, 7)],
    sizes=[{}, {"channels": 3}],
    points=20,
)
class ResidualBlock(nn.Module):
    """Two convolutions beside a short cut: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the block makes of x."""
        return F.relu(self.conv2(F.relu(self.conv1(x))) + x)


@lab.module(
    inputs=lambda draw, channels=3, **_: [draw.normal(3, channels, 8, 9)],
    sizes=[{}, {"channels": 2, "features": 5}],
    points=20,
)
class NormedConvolution(nn.Module):
    """A convolution, batch normalisation, ReLU, pooling: (N, C, H, W) -> (N, F, H/2, W/2)."""

    def __init__(self, channels: int = 3, features: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, features, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the feature maps."""
        return F.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)


@lab.function(
    inputs=lambda draw, n, d: [draw.normal(n, d) * 2 + 1, draw.normal(d), draw.normal(d)],
    sizes=[(4, 6), (3, 9)],
    points=20,
)
def layer_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return rows of mean 0 and variance 1, scaled and moved, (N, D)."""
    mean = x.mean(dim=-1, keepdim=True)
    var = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias


@lab.module(
    inputs=lambda draw, features=5, **_: [draw.normal(4, 6, features)],
    sizes=[{}, {"features": 8, "classes": 2}],
    points=20,
)
class SequenceClassifier(nn.Module):
    """An LSTM of which the last output is classified: (N, T, D) -> (N, K)."""

    def __init__(self, features: int = 5, hidden: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        outputs, _ = self.lstm(x)
        logits: Tensor = self.fc(torch.relu(outputs[:, -1]))
        return logits


@lab.module(
    inputs=lambda draw, channels=4: [
        draw.normal(2, 2 * channels, 3, 4),
        draw.normal(2, channels, 6, 8),
    ],
    sizes=[{}, {"channels": 2}],
    points=20,
)
class UpStep(nn.Module):
    """One step up of a U-Net: (N, 2C, H, W) and (N, C, 2H, 2W) -> (N, C, 2H, 2W)."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.conv = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return the feature maps of twice the size."""
        return torch.relu(self.conv(torch.cat([skip, self.up(x)], dim=1)))


@lab.function(
    inputs=lambda draw, n, d: [draw.normal(n, d), draw.normal(n, d)],
    sizes=[(5, 6), (3, 9)],
    points=20,
)
def cosine_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of the angle between the rows of a and of b, (N,)."""
    lengths = (a**2).sum(dim=1).sqrt() * (b**2).sum(dim=1).sqrt()
    return (a * b).sum(dim=1) / lengths


@lab.function(
    inputs=lambda draw, n, k: [2 * draw.normal(n, k), draw.integers(k, size=(n,)), 0.2],
    sizes=[(6, 5), (9, 3)],
    points=20,
)
def smoothed_loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross-entropy with smoothed labels, ()."""
    log_probabilities = logits.log_softmax(dim=1)
    target = F.one_hot(labels, logits.shape[1]) * (1 - smoothing) + smoothing / logits.shape[1]
    return -(target * log_probabilities).sum(dim=1).mean()


@lab.function(
    inputs=lambda draw, n, step: [
        *(draw.normal(n) for _ in range(3)),
        draw.uniform(n, low=0.5),
        step,
    ],
    sizes=[(7, 1), (5, 4)],
    points=20,
)
def adam_step(
    weight: Tensor, gradient: Tensor, m: Tensor, v: Tensor, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return weight, first and second moment after one step of Adam, each (N,)."""
    m = 0.9 * m + 0.1 * gradient
    v = 0.99 * v + 0.01 * gradient**2
    moved = 0.1 * (m / (1 - 0.9**step)) / ((v / (1 - 0.99**step)).sqrt() + 1e-8)
    return weight - moved, m, v


@lab.function(
    inputs=lambda draw, n, d: [draw.normal(n, d), draw.uniform(n, d), 0.3],
    sizes=[(6, 7), (3, 11)],
    points=20,
)
def dropout(x: Tensor, noise: Tensor, p: float) -> Tensor:
    """Return x in training mode, zero where the noise in [0, 1) is below p, (N, D)."""
    return torch.where(noise < p, 0.0, x / (1 - p))


@lab.module(
    inputs=lambda draw, vocab=20, **_: [draw.integers(vocab, size=(4, 5))],
    sizes=[{}, {"vocab": 9, "classes": 2}],
    points=20,
)
class BagOfWords(nn.Module):
    """The mean of words' vectors, classified: (N, T) int64 -> (N, K)."""

    def __init__(self, vocab: int = 20, classes: int = 3) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, 6, mode="mean")
        self.hidden = nn.Linear(6, 8)
        self.fc = nn.Linear(8, classes)

    def forward(self, words: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.fc(torch.relu(self.hidden(self.bag(words))))
        return logits
