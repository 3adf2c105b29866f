"""A character GRU and an LSTM classifier, each written in several right ways and some wrong."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CharRNN(nn.Module):
    """The reference: PyTorch's own layer."""

    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, 12)
        self.gru = nn.GRU(12, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.gru(self.embedding(tokens))
        return self.out(states)


class WithCells(nn.Module):
    """Other names, another order, a cell and a loop."""

    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__()
        self.head = nn.Linear(hidden, vocab)
        self.cell = nn.GRUCell(12, hidden)
        self.letters = nn.Embedding(vocab, 12)

    def forward(self, tokens: Tensor) -> Tensor:
        state = torch.zeros(len(tokens), self.cell.hidden_size)
        outputs = []
        for t in range(tokens.shape[1]):
            state = self.cell(self.letters(tokens[:, t]), state)
            outputs.append(self.head(state))
        return torch.stack(outputs, dim=1)


class GateByGate(nn.Module):
    """One linear layer for each gate and side, lazy where it can be."""

    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Embedding(vocab, 12)
        self.n_x, self.n_h = nn.LazyLinear(hidden), nn.Linear(hidden, hidden)
        self.z_h, self.z_x = nn.Linear(hidden, hidden), nn.LazyLinear(hidden)
        self.r_x, self.r_h = nn.LazyLinear(hidden), nn.Linear(hidden, hidden)
        self.out = nn.LazyLinear(vocab)

    def forward(self, tokens: Tensor) -> Tensor:
        h, outputs = torch.zeros(tokens.shape[0], self.hidden), []
        for x in self.embedding(tokens).unbind(dim=1):
            r = torch.sigmoid(self.r_x(x) + self.r_h(h))
            z = torch.sigmoid(self.z_x(x) + self.z_h(h))
            n = torch.tanh(self.n_x(x) + r * self.n_h(h))
            h = (1 - z) * n + z * h
            outputs.append(h)
        return self.out(torch.stack(outputs, 1))


class OneBias(GateByGate):
    """The same with one bias for the gates r and z."""

    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__(vocab, hidden)
        self.z_h, self.r_h = (nn.Linear(hidden, hidden, bias=False) for _ in range(2))


class ByHand(nn.Module):
    """Bare parameters, transposed, the embedding as a product with one-hot vectors."""

    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__()
        self.vocab, self.hidden = vocab, hidden
        self.e = nn.Parameter(torch.randn(vocab, 12))
        self.wx = nn.Parameter(torch.randn(12, 3 * hidden))
        self.wh = nn.Parameter(torch.randn(hidden, 3 * hidden))
        self.bx, self.bh = (nn.Parameter(torch.zeros(3 * hidden)) for _ in range(2))
        self.w_out, self.b_out = nn.Parameter(torch.randn(hidden, vocab)), None
        self.b_out = nn.Parameter(torch.zeros(vocab))

    def forward(self, tokens: Tensor) -> Tensor:
        h, outputs = torch.zeros(len(tokens), self.hidden), []
        for x in (F.one_hot(tokens, self.vocab).float() @ self.e).transpose(0, 1):
            zx, rx, nx = (x @ self.wx + self.bx).chunk(3, dim=-1)
            zh, rh, nh = (h @ self.wh + self.bh).chunk(3, dim=-1)
            z, r = torch.sigmoid(zx + zh), torch.sigmoid(rx + rh)
            h = torch.lerp(torch.tanh(nx + r * nh), h, z)
            outputs.append(h @ self.w_out + self.b_out)
        return torch.stack(outputs, 1)


RIGHT = (CharRNN, WithCells, GateByGate, OneBias, ByHand)


class PlainRNN(CharRNN):
    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__(vocab, hidden)
        self.gru = nn.RNN(12, hidden, batch_first=True)


class TimeFirst(CharRNN):
    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__(vocab, hidden)
        self.gru = nn.GRU(12, hidden)


class EndsInSoftmax(WithCells):
    def forward(self, tokens: Tensor) -> Tensor:
        powers = super().forward(tokens).exp()
        return powers / powers.sum(-1, keepdim=True)


class HeadWithoutBias(GateByGate):
    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__(vocab, hidden)
        self.out = nn.Linear(hidden, vocab, bias=False)


class AsLSTM(CharRNN):
    def __init__(self, vocab: int = 27, hidden: int = 16) -> None:
        super().__init__(vocab, hidden)
        self.gru = nn.LSTM(12, hidden, batch_first=True)  # type: ignore[assignment]


WRONG = (
    (PlainRNN, "GRU-as-RNN"),
    (AsLSTM, "GRU-as-LSTM"),
    (TimeFirst, "GRU-batch-first"),
    (EndsInSoftmax, "end-softmax"),
    (HeadWithoutBias, "Linear-without-bias"),
)


class Classifier(nn.Module):
    """The reference: an LSTM of which the last output is classified."""

    def __init__(self, features: int = 5, hidden: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.lstm(x)
        return self.fc(outputs[:, -1])


class OneMatrix(nn.Module):
    """One linear layer for all gates, on the state and the input beside each other; one bias."""

    def __init__(self, features: int = 5, hidden: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.gates = nn.Linear(hidden + features, 4 * hidden)
        self.classify = nn.Linear(hidden, classes)
        self.hidden = hidden

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.shape[0], self.hidden)
        for t in range(x.shape[1]):
            o, f, g, i = self.gates(torch.cat([h, x[:, t]], dim=1)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.classify(h)


class FourLayers(nn.Module):
    """A linear layer a gate, on the input and the state beside each other."""

    def __init__(self, features: int = 5, hidden: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(features + hidden, hidden) for _ in range(4))
        self.last = nn.Linear(hidden, classes)
        self.hidden = hidden

    def forward(self, x: Tensor) -> Tensor:
        h, c = x.new_zeros(len(x), self.hidden), x.new_zeros(len(x), self.hidden)
        for step in x.unbind(1):
            g, i, f, o = (part(torch.cat([step, h], 1)) for part in self.parts)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return self.last(h)


RIGHT_CLASSIFIERS = (Classifier, OneMatrix, FourLayers)


class FirstOutput(Classifier):
    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.lstm(x)
        return self.fc(outputs[:, 0])


class NoForget(OneMatrix):
    """A cell that keeps all it has: no operator makes it."""

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.shape[0], self.hidden)
        for t in range(x.shape[1]):
            o, f, g, i = self.gates(torch.cat([h, x[:, t]], dim=1)).chunk(4, dim=1)
            c = c + torch.sigmoid(i) * torch.tanh(g) + 0 * f
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.classify(h)


WRONG_CLASSIFIERS = ((FirstOutput, "index-first"), (NoForget, "unknown"))
