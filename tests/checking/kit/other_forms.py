"""Each reference written in another form, and what is changed in it to make wrong answers.

The form is right as it stands. `MISTAKES` are those that the operators make of the reference, here
made of other layers, other operations or loops; `OTHERS` are wrong in ways that no operator makes.
"""

from __future__ import annotations

from dataclasses import dataclass

Changes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Form:
    """One reference in another form.

    Attributes:
        name: of the reference.
        source: the right answer.
        mistakes: from a text in the source to what makes it wrong.
        others: the same, wrong in ways that no operator makes.
    """

    name: str
    source: str
    mistakes: Changes
    others: Changes


FORMS = (
    Form(
        "causal_attention",
        """
def causal_attention(q, k, v):
    n, t, d = q.shape
    out = torch.zeros_like(v)
    for i in range(t):
        last = i + 1
        weights = torch.einsum("nd,nsd->ns", q[:, i], k[:, :last]) / math.sqrt(d)
        weights = torch.exp(weights - weights.amax(1, keepdim=True))
        weights = weights / weights.sum(1, keepdim=True)
        out[:, i] = torch.einsum("ns,nsd->nd", weights, v[:, :last])
    return out
""",
        (
            (" / math.sqrt(d)", ""),
            (" / math.sqrt(d)", " / d"),
            (" / math.sqrt(d)", " * math.sqrt(d)"),
            ("last = i + 1", "last = t"),
            ("last = i + 1", "last = min(i + 2, t)"),
            ("torch.zeros_like(v)\n", "torch.zeros_like(v)\n    q, k = k, q\n"),
            ("torch.zeros_like(v)\n", "torch.zeros_like(v)\n    k, v = v, k\n"),
            ("return out", "return out.exp() / out.exp().sum(-1, keepdim=True)"),
            ("return out", "return out * (out > 0)"),
            ("return out", "return -out"),
        ),
        (
            ("return out", "return out.roll(1, dims=1)"),
            ("return out", "return (out + v) / 2"),
            ("/ math.sqrt(d)", "/ math.sqrt(d) + 0.3 * torch.arange(last)"),
            ("k[:, :last])", "k[:, :last].flip(1))"),
            ("return out", "return out.cumsum(1)"),
        ),
    ),
    Form(
        "CharRNN",
        """
class CharRNN(nn.Module):
    def __init__(self, vocab=27, hidden=16):
        super().__init__()
        self.head = nn.Linear(hidden, vocab)
        self.cell = nn.GRUCell(12, hidden)
        self.letters = nn.Embedding(vocab, 12)
        self.vocab = vocab

    def forward(self, tokens):
        h, seen = torch.zeros(len(tokens), self.cell.hidden_size), []
        for t in range(tokens.shape[1]):
            h = self.cell(self.letters(tokens[:, t]), h)
            seen.append(self.head(h))
        return torch.stack(seen, dim=1)
""",
        (
            ("nn.GRUCell", "nn.RNNCell"),
            ("nn.Linear(hidden, vocab)", "nn.Linear(hidden, vocab, bias=False)"),
            ("nn.GRUCell(12, hidden)", "nn.GRUCell(12, hidden, bias=False)"),
            ("return torch.stack(seen, dim=1)", "return F.softmax(torch.stack(seen, 1), dim=2)"),
            ("return torch.stack(seen, dim=1)", "return torch.stack(seen, 1).log_softmax(2)"),
            ("return torch.stack(seen, dim=1)", "return F.relu(torch.stack(seen, 1))"),
            ("return torch.stack(seen, dim=1)", "return torch.stack(seen, 1).tanh()"),
            ("return torch.stack(seen, dim=1)", "return 1 / (1 + (-torch.stack(seen, 1)).exp())"),
        ),
        (
            ("self.letters(tokens[:, t])", "self.letters(tokens[:, -1 - t])"),
            ("self.letters(tokens[:, t]), h)", "self.letters(tokens[:, t]), 0 * h)"),
            ("self.letters(tokens[:, t])", "self.letters(tokens[:, t] // 2)"),
            ("seen.append(self.head(h))", "seen.append(self.head(h * h))"),
            ("torch.zeros(len(tokens)", "0.5 + torch.zeros(len(tokens)"),
        ),
    ),
    Form(
        "ResidualBlock",
        """
class ResidualBlock(nn.Module):
    def __init__(self, channels=4):
        super().__init__()
        self.second = nn.Conv2d(channels, channels, 3, padding="same")
        self.first = nn.Conv2d(channels, channels, (3, 3), 1, 1)

    def forward(self, x):
        y = self.first(x).clamp(min=0)
        y = torch.add(self.second(y), x)
        return y * (y > 0)
""",
        (
            (".clamp(min=0)", ""),
            (".clamp(min=0)", ".tanh()"),
            (".clamp(min=0)", ".sigmoid()"),
            ("return y * (y > 0)", "return y"),
            ("return y * (y > 0)", "return F.gelu(y)"),
            ("return y * (y > 0)", "return F.leaky_relu(y, 0.01)"),
            ("torch.add(self.second(y), x)", "self.second(y)"),
            ("torch.add(self.second(y), x)", "self.second(y) * x"),
            ("torch.add(self.second(y), x)", "torch.sub(self.second(y), x)"),
            ("torch.add(self.second(y), x)", "F.relu(self.second(y)) + x"),
            ('padding="same")', 'padding="same", bias=False)'),
            ("(3, 3), 1, 1)", "(3, 3), 1, 1, bias=False)"),
        ),
        (
            ("torch.add(self.second(y), x)", "torch.add(self.second(y), x, alpha=0.5)"),
            ("torch.add(self.second(y), x)", "self.second(y) + x.roll(1, -1)"),
            ("return y * (y > 0)", "return y.flip(-1).relu()"),
            (".clamp(min=0)", ".abs()"),
            ("return y * (y > 0)", "return (y - y.mean()).relu()"),
        ),
    ),
    Form(
        "NormedConvolution",
        """
class NormedConvolution(nn.Module):
    def __init__(self, channels=3, features=4):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, features, 3, padding=1, bias=False),
            nn.BatchNorm2d(features),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )

    def forward(self, x):
        return self.body(x)
""",
        (
            ("            nn.ReLU(),\n", ""),
            ("nn.ReLU()", "nn.Tanh()"),
            ("nn.ReLU()", "nn.ELU()"),
            ("nn.MaxPool2d(2)", "nn.AvgPool2d(2)"),
            ("nn.MaxPool2d(2)", "nn.MaxPool2d(3)"),
            ("            nn.BatchNorm2d(features),\n", ""),
            ("            nn.MaxPool2d(2),\n", "            nn.MaxPool2d(2),\n    nn.Sigmoid(),\n"),
            ("padding=1, bias=False", "padding=1"),
            ("3, padding=1", "5, padding=2"),
            ("3, padding=1", "3, padding=2"),
            ("3, padding=1", "3, padding=1, stride=2"),
            ("nn.BatchNorm2d(features)", "nn.BatchNorm2d(features, affine=False)"),
        ),
        (
            ("return self.body(x)", "return self.body(x.flip(-1))"),
            ("return self.body(x)", "return self.body(x / 2)"),
            ("return self.body(x)", "return self.body(x - x.mean(dim=(2, 3), keepdim=True))"),
            ("return self.body(x)", "return self.body(x).roll(1, 1)"),
            ("nn.MaxPool2d(2)", "nn.LPPool2d(2, 2)"),
        ),
    ),
    Form(
        "layer_norm",
        """
def layer_norm(x, weight, bias):
    rows = []
    for row in x:
        centred = row - row.sum() / len(row)
        scale = (centred.pow(2).sum() / len(row) + 1e-5).rsqrt()
        rows.append(torch.addcmul(bias, centred * scale, weight))
    return torch.stack(rows)
""",
        (
            ("row - row.sum() / len(row)", "row"),
            ("pow(2).sum() / len(row)", "pow(2).sum()"),
            ("row.sum() / len(row)", "row.sum()"),
            ("centred * scale", "row * scale"),
            ("centred * scale", "centred"),
            (".rsqrt()", ".reciprocal()"),
            (".rsqrt()", ".sqrt()"),
            ("torch.addcmul(bias, centred * scale, weight)", "centred * scale * weight"),
            ("torch.addcmul(bias, centred * scale, weight)", "centred * scale + bias"),
            ("torch.addcmul(bias, centred * scale, weight)", "centred * scale * weight - bias"),
            ("rows = []", "rows, weight, bias = [], bias, weight"),
            ("row.sum() / len(row)", "x.mean()"),
        ),
        (
            ("row.sum() / len(row)", "row.median()"),
            ("return torch.stack(rows)", "return torch.stack(rows).flip(1)"),
            ("centred.pow(2).sum() / len(row)", "centred.abs().sum()"),
            ("weight)", "weight ** 2)"),
            ("centred * scale", "(centred * scale).clamp(-1, 1)"),
        ),
    ),
    Form(
        "SequenceClassifier",
        """
class SequenceClassifier(nn.Module):
    def __init__(self, features=5, hidden=8, classes=3):
        super().__init__()
        self.gates = nn.Linear(hidden + features, 4 * hidden)
        self.last = nn.Linear(hidden, classes)
        self.hidden = hidden

    def forward(self, x):
        h = c = torch.zeros(x.shape[0], self.hidden)
        for t in range(x.shape[1]):
            o, f, g, i = self.gates(torch.cat([h, x[:, t]], dim=1)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        y = h.clamp(min=0)
        return self.last(y)
""",
        (
            ("y = h.clamp(min=0)", "y = h"),
            ("y = h.clamp(min=0)", "y = h.tanh()"),
            ("y = h.clamp(min=0)", "y = h.sigmoid()"),
            ("y = h.clamp(min=0)", "y = F.gelu(h)"),
            ("range(x.shape[1])", "range(1)"),
            ("return self.last(y)", "return F.softmax(self.last(y), -1)"),
            ("return self.last(y)", "return self.last(y).relu()"),
            ("return self.last(y)", "z = self.last(y)\n        return z - z.logsumexp(1, True)"),
            ("nn.Linear(hidden, classes)", "nn.Linear(hidden, classes, bias=False)"),
            ("4 * hidden)", "4 * hidden, bias=False)"),
        ),
        (
            ("c = torch.sigmoid(f) * c +", "c = c +"),
            ("h = torch.sigmoid(o) * torch.tanh(c)", "h = torch.sigmoid(o) * c"),
            ("x[:, t]], dim=1", "x[:, -1 - t]], dim=1"),
            ("torch.tanh(g)", "torch.relu(g)"),
            ("range(x.shape[1])", "range(x.shape[1] - 1)"),
        ),
    ),
    Form(
        "UpStep",
        """
class UpStep(nn.Module):
    def __init__(self, channels=4):
        super().__init__()
        self.after = nn.LazyConv2d(channels, 3, padding=1)
        self.grow = nn.LazyConvTranspose2d(channels, kernel_size=2, stride=2)

    def forward(self, x, skip):
        n, c, h, w = skip.shape
        both = skip.new_empty(n, 2 * c, h, w)
        both[:, :c] = skip
        both[:, c:] = self.grow(x)
        y = self.after(both)
        return y.clamp(min=0)
""",
        (
            ("return y.clamp(min=0)", "return y"),
            ("return y.clamp(min=0)", "return y.tanh()"),
            ("return y.clamp(min=0)", "return F.silu(y)"),
            ("return y.clamp(min=0)", "return F.softplus(y)"),
            ("return y.clamp(min=0)", "return y.relu().softmax(-1)"),
            ("= self.after(both)", "= self.after(both * 1.0)\n        y = y.sigmoid()"),
            ("both[:, :c] = skip", "both[:, :c] = 0"),
            ("self.grow(x)", "self.grow(0 * x)"),
            ("3, padding=1)", "3, padding=1, bias=False)"),
            ("kernel_size=2, stride=2)", "kernel_size=2, stride=2, bias=False)"),
            ("3, padding=1)", "5, padding=2)"),
        ),
        (
            ("both[:, :c] = skip", "both[:, :c] = skip.flip(-1)"),
            ("self.grow(x)", "self.grow(x).transpose(2, 3).reshape(skip.shape)"),
            ("both[:, :c] = skip", "both[:, :c] = skip - skip.mean()"),
            ("self.grow(x)", "self.grow(x) + skip"),
            ("return y.clamp(min=0)", "return y.clamp(0, 1)"),
        ),
    ),
    Form(
        "cosine_similarity",
        """
def cosine_similarity(a, b):
    found = []
    for x, y in zip(a, b):
        above = torch.dot(x, y)
        found.append(above / (torch.linalg.norm(x) * torch.linalg.norm(y)))
    return torch.stack(found)
""",
        (
            ("above / (torch.linalg.norm(x) * torch.linalg.norm(y))", "above"),
            ("(torch.linalg.norm(x) * torch.linalg.norm(y))", "torch.linalg.norm(x)"),
            ("(torch.linalg.norm(x) * torch.linalg.norm(y))", "torch.linalg.norm(y)"),
            ("norm(x) * torch.linalg.norm(y)", "norm(x) + torch.linalg.norm(y)"),
            ("torch.linalg.norm(x) *", "torch.linalg.norm(x) ** 2 *"),
            ("above / (", "above * ("),
            ("torch.dot(x, y)", "(x + y).sum()"),
            ("torch.dot(x, y)", "torch.dot(x, y) / len(x)"),
            ("torch.dot(x, y)", "(x * y).max()"),
            ("return torch.stack(found)", "return -torch.stack(found)"),
            ("torch.stack(found)", "torch.stack(found).softmax(0)"),
        ),
        (
            ("torch.stack(found)", "1 - torch.stack(found)"),
            ("torch.stack(found)", "torch.stack(found).acos()"),
            ("torch.dot(x, y)", "torch.dot(x - x.mean(), y - y.mean())"),
            ("torch.dot(x, y)", "torch.dot(x, y.flip(0))"),
            ("torch.linalg.norm(x)", "torch.linalg.norm(x, ord=3)"),
        ),
    ),
    Form(
        "smoothed_loss",
        """
def smoothed_loss(logits, labels, smoothing):
    n, k = logits.shape
    total = torch.zeros(())
    for row, label in zip(logits, labels):
        logs = row - torch.logsumexp(row, 0)
        share = smoothing / k
        total = total - (1 - smoothing) * logs[label] - share * logs.sum()
    loss = total / n
    return loss
""",
        (
            ("loss = total / n", "loss = total"),
            ("loss = total / n", "loss = total / n / k"),
            ("loss = total / n", "loss = -total / n"),
            ("row - torch.logsumexp(row, 0)", "row"),
            ("row - torch.logsumexp(row, 0)", "row.exp() / row.exp().sum()"),
            ("share = smoothing / k", "share = smoothing"),
            ("share = smoothing / k", "share = 0"),
            ("share = smoothing / k", "share = -smoothing / k"),
            ("(1 - smoothing) * logs[label]", "(1 + smoothing) * logs[label]"),
            ("(1 - smoothing) * logs[label]", "logs[label]"),
            ("n, k = logits.shape", "n, k = logits.shape\n    smoothing = 0"),
        ),
        (
            ("share * logs.sum()", "share * logs.max()"),
            ("logs[label]", "logs[label - 1]"),
            ("return loss", "return loss ** 2"),
            ("loss = total / n", "loss = total / (n + 1)"),
            ("return loss", "return loss + logits.pow(2).mean()"),
        ),
    ),
    Form(
        "adam_step",
        """
def adam_step(weight, gradient, m, v, step):
    first, second = torch.lerp(gradient, m, 0.9), torch.lerp(gradient.square(), v, 0.99)
    a, b = 1 - 0.9 ** step, 1 - 0.99 ** step
    root = torch.sqrt(second / b)
    size = 0.1 / (root + 1e-8)
    return weight.sub(first / a * size), first, second
""",
        (
            ("first / a * size", "first * size"),
            ("second / b", "second"),
            ("torch.sqrt(second / b)", "second / b"),
            ("weight.sub(", "weight.add("),
            ("size = 0.1 / (root + 1e-8)", "size = 1 / (root + 1e-8)"),
            ("size = 0.1 /", "size = 0.2 /"),
            ("gradient.square()", "gradient"),
            ("torch.lerp(gradient, m, 0.9)", "0.9 * m + gradient"),
            ("torch.lerp(gradient, m, 0.9)", "0.1 * gradient"),
            ("torch.lerp(gradient.square(), v, 0.99)", "0.99 * v + gradient.square()"),
            ("torch.lerp(gradient.square(), v, 0.99)", "0.01 * gradient.square()"),
            ("first / a * size", "first / a * 0.1 * root"),
        ),
        (
            ("first / a * size", "gradient * size"),
            ("return weight", "return (0.99 * weight)"),
            ("torch.sqrt(second / b)", "torch.sqrt(second / b).mean()"),
            ("torch.lerp(gradient, m, 0.9)", "torch.lerp(m, gradient, 0.9)"),
            ("first / a * size", "first.sign() * size"),
        ),
    ),
    Form(
        "dropout",
        """
def dropout(x, noise, p):
    kept = (noise >= p).float()
    scale = 1 / (1 - p)
    return torch.mul(x, kept).mul(scale)
""",
        (
            ("scale = 1 / (1 - p)", "scale = 1"),
            ("scale = 1 / (1 - p)", "scale = 1 - p"),
            ("scale = 1 / (1 - p)", "scale = 1 / p"),
            ("noise >= p", "noise < p"),
            ("torch.mul(x, kept)", "x"),
            ("(1 - p)", "(1 + p)"),
            ("torch.mul(x, kept).mul(scale)", "F.relu(x * kept * scale)"),
            ("torch.mul(x, kept).mul(scale)", "-x * kept * scale"),
            ("torch.mul(x, kept).mul(scale)", "(x * kept * scale).tanh()"),
            ("torch.mul(x, kept).mul(scale)", "(x * kept * scale).sigmoid()"),
        ),
        (
            ("(noise >= p)", "(noise[:1] >= p)"),
            ("(noise >= p)", "(noise.flip(1) >= p)"),
            ("torch.mul(x, kept).mul(scale)", "x * kept * scale + (1 - kept) * x.mean()"),
            ("(noise >= p).float()", "noise"),
            ("scale = 1 / (1 - p)", "scale = 1 / kept.mean()"),
        ),
    ),
    Form(
        "BagOfWords",
        """
class BagOfWords(nn.Module):
    def __init__(self, vocab=20, classes=3):
        super().__init__()
        self.fc = nn.Linear(8, classes)
        self.words = nn.Embedding(vocab, 6)
        self.middle = nn.Linear(6, 8)

    def forward(self, words):
        total = 0
        for column in words.T:
            total = total + self.words(column)
        bag = total / words.shape[1]
        y = self.middle(bag).clamp(min=0)
        return self.fc(y)
""",
        (
            ("bag = total / words.shape[1]", "bag = total"),
            ("bag = total / words.shape[1]", "bag = self.words(words).amax(1)"),
            (".clamp(min=0)", ""),
            (".clamp(min=0)", ".tanh()"),
            (".clamp(min=0)", ".sigmoid()"),
            ("return self.fc(y)", "return self.fc(y).softmax(-1)"),
            ("return self.fc(y)", "return F.relu(self.fc(y))"),
            ("return self.fc(y)", "return self.fc(y).sigmoid()"),
            ("nn.Linear(8, classes)", "nn.Linear(8, classes, bias=False)"),
            ("nn.Linear(6, 8)", "nn.Linear(6, 8, bias=False)"),
        ),
        (
            ("bag = total / words.shape[1]", "bag = self.words(words[:, 0])"),
            ("bag = total / words.shape[1]", "bag = self.words(words).median(1).values"),
            ("bag = total / words.shape[1]", "bag = total / words.shape[1] ** 0.5"),
            ("bag = total / words.shape[1]", "bag = self.words(words.unique(dim=1)).mean(1) ** 2"),
            ("return self.fc(y)", "return self.fc(y.flip(1) * y)"),
        ),
    ),
)
