"""Honest answers to the three exercises, each written another way: all of them are right.

Each source is what a student's solution cell may hold; `torch`, `nn` and `F` are imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Rewrite:
    """One right answer: a name for the test's id, the solution cell, and its source."""

    name: str
    exercise: str
    source: str


def _net(name: str, source: str) -> Rewrite:
    return Rewrite(name, "net", dedent(source).strip())


def _chain(name: str, source: str) -> Rewrite:
    return Rewrite(name, "conv_pool_conv", dedent(source).strip())


def _improved(name: str, source: str) -> Rewrite:
    return Rewrite(name, "improved_net", dedent(source).strip())


NETS = (
    _net(
        "modules and functions",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                self.conv1 = nn.Conv2d(1, num_channel, 5)
                self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 5)
                self.fc1 = nn.Linear(2 * num_channel * 11 * 11, 4 * num_channel)
                self.fc2 = nn.Linear(4 * num_channel, 2 * num_channel)
                self.fc3 = nn.Linear(2 * num_channel, num_classes)

            def forward(self, images):
                x = F.max_pool2d(F.relu(self.conv1(images)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                x = torch.flatten(x, 1)
                return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))
        """,
    ),
    _net(
        "one Sequential",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.layers = nn.Sequential(
                    nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2, stride=2),
                    nn.Flatten(), nn.Linear(2 * c * 121, 4 * c), nn.ReLU(),
                    nn.Linear(4 * c, 2 * c), nn.ReLU(), nn.Linear(2 * c, num_classes),
                )

            def forward(self, images):
                return self.layers(images)
        """,
    ),
    _net(
        "subclass of Sequential",
        """
        class Net(nn.Sequential):
            def __init__(self, num_channel=8, num_classes=10):
                c = num_channel
                super().__init__(
                    nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU(),
                    nn.Linear(2 * c, num_classes),
                )
        """,
    ),
    _net(
        "lazy layers",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                self.a = nn.LazyConv2d(num_channel, 5)
                self.b = nn.LazyConv2d(2 * num_channel, 5)
                self.c = nn.LazyLinear(4 * num_channel)
                self.d = nn.LazyLinear(2 * num_channel)
                self.e = nn.LazyLinear(num_classes)

            def forward(self, x):
                x = F.max_pool2d(self.a(x).relu(), 2)
                x = F.max_pool2d(self.b(x).relu(), 2).flatten(1)
                return self.e(self.d(self.c(x).relu()).relu())
        """,
    ),
    _net(
        "bare parameters",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.w1 = nn.Parameter(torch.randn(c, 1, 5, 5) * 0.1)
                self.w2 = nn.Parameter(torch.randn(2 * c, c, 5, 5) * 0.1)
                self.w3 = nn.Parameter(torch.randn(4 * c, 2 * c * 121) * 0.1)
                self.w4 = nn.Parameter(torch.randn(2 * c, 4 * c) * 0.1)
                self.w5 = nn.Parameter(torch.randn(num_classes, 2 * c) * 0.1)
                # the biases of fc2 and conv2 have the same size
                self.b4 = nn.Parameter(torch.zeros(2 * c))
                self.b1 = nn.Parameter(torch.zeros(c))
                self.b2 = nn.Parameter(torch.zeros(2 * c))
                self.b3 = nn.Parameter(torch.zeros(4 * c))
                self.b5 = nn.Parameter(torch.zeros(num_classes))

            def forward(self, x):
                x = F.max_pool2d(F.relu(F.conv2d(x, self.w1, self.b1)), 2)
                x = F.max_pool2d(F.relu(F.conv2d(x, self.w2, self.b2)), 2)
                x = F.relu(F.linear(x.flatten(1), self.w3, self.b3))
                return F.linear(F.relu(F.linear(x, self.w4, self.b4)), self.w5, self.b5)
        """,
    ),
    _net(
        "x @ W + b, biases with leading ones",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.kernels = nn.ParameterList(
                    [torch.randn(c, 1, 5, 5) * 0.1, torch.randn(2 * c, c, 5, 5) * 0.1]
                )
                sizes = [2 * c * 121, 4 * c, 2 * c, num_classes]
                self.weights = nn.ParameterList(
                    [torch.randn(a, b) * 0.1 for a, b in zip(sizes, sizes[1:])]
                )
                self.offsets = nn.ParameterList([torch.zeros(1, b) for b in sizes[1:]])
                self.shifts = nn.ParameterList([torch.zeros(1, n, 1, 1) for n in (c, 2 * c)])

            def forward(self, x):
                for kernel, shift in zip(self.kernels, self.shifts):
                    x = F.max_pool2d(F.relu(F.conv2d(x, kernel) + shift), 2)
                x = x.reshape(len(x), -1)
                for i in range(3):
                    x = x @ self.weights[i] + self.offsets[i]
                    x = x.clamp(min=0) if i < 2 else x
                return x
        """,
    ),
    _net(
        "fc1 as a convolution over all positions",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.fc1 = nn.Conv2d(2 * c, 4 * c, 11)
                self.fc2 = nn.Conv2d(4 * c, 2 * c, 1)
                self.fc3 = nn.Conv2d(2 * c, num_classes, 1)

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x))))).squeeze(-1).squeeze(-1)
        """,
    ),
    _net(
        "positions first when flattening",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.fc1 = nn.Linear(11 * 11 * 2 * c, 4 * c)
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
                return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))
        """,
    ),
    _net(
        "columns before rows when flattening",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.fc1 = nn.Linear(11 * 11 * 2 * c, 4 * c)
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                x = x.transpose(2, 3).flatten(1)
                return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))
        """,
    ),
    _net(
        "layers registered from last to first, names in German",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                k = num_channel
                self.ausgabe = nn.Linear(2 * k, num_classes)
                self.dicht_zwei = nn.Linear(4 * k, 2 * k)
                self.dicht_eins = nn.Linear(2 * k * 11 * 11, 4 * k)
                self.faltung_zwei = nn.Conv2d(k, 2 * k, 5)
                self.faltung_eins = nn.Conv2d(1, k, 5)
                self.größter = nn.MaxPool2d(2)

            def forward(self, bilder):
                x = self.größter(torch.relu(self.faltung_eins(bilder)))
                x = self.größter(torch.relu(self.faltung_zwei(x)))
                x = torch.relu(self.dicht_eins(x.view(x.size(0), -1)))
                return self.ausgabe(torch.relu(self.dicht_zwei(x)))
        """,
    ),
    _net(
        "nested modules of the student's own",
        """
        class Block(nn.Module):
            def __init__(self, before, after):
                super().__init__()
                self.convolution = nn.Conv2d(before, after, 5)

            def forward(self, x):
                return F.max_pool2d(F.relu(self.convolution(x)), 2)

        class Head(nn.Module):
            def __init__(self, *sizes):
                super().__init__()
                self.layers = nn.ModuleList(
                    [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
                )

            def forward(self, x):
                for layer in self.layers[:-1]:
                    x = layer(x).relu()
                return self.layers[-1](x)

        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.head = Head(2 * c * 121, 4 * c, 2 * c, num_classes)
                self.blocks = nn.Sequential(Block(1, c), Block(c, 2 * c))

            def forward(self, images):
                return self.head(self.blocks(images).flatten(1))
        """,
    ),
    _net(
        "a ModuleDict",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.layers = nn.ModuleDict({
                    "out": nn.Linear(2 * c, num_classes),
                    "c1": nn.Conv2d(1, c, (5, 5)),
                    "c2": nn.Conv2d(c, 2 * c, (5, 5)),
                    "l1": nn.Linear(2 * c * 121, 4 * c),
                    "l2": nn.Linear(4 * c, 2 * c),
                })

            def forward(self, x):
                for name in ("c1", "c2"):
                    x = F.max_pool2d(F.relu(self.layers[name](x)), (2, 2))
                x = x.flatten(start_dim=1)
                for name in ("l1", "l2"):
                    x = F.relu(self.layers[name](x))
                return self.layers["out"](x)
        """,
    ),
    _net(
        "convolution by unfold and matmul, (25, c) weights",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.w1 = nn.Parameter(torch.randn(25, c) * 0.1)
                self.b1 = nn.Parameter(torch.zeros(c))
                self.w2 = nn.Parameter(torch.randn(2 * c, 25 * c) * 0.1)
                self.b2 = nn.Parameter(torch.zeros(2 * c, 1))
                self.fc = nn.Sequential(
                    nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU(),
                    nn.Linear(2 * c, num_classes),
                )

            def forward(self, x):
                n = len(x)
                x = (F.unfold(x, 5).transpose(1, 2) @ self.w1 + self.b1).transpose(1, 2)
                x = F.max_pool2d(F.relu(x).reshape(n, -1, 52, 52), 2)
                x = self.w2 @ F.unfold(x, 5) + self.b2
                x = F.max_pool2d(F.relu(x).reshape(n, -1, 22, 22), 2)
                return self.fc(x.reshape(n, -1))
        """,
    ),
    _net(
        "pooling by reshape and amax",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.fc1 = nn.Linear(121 * 2 * c, 4 * c)
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)

            @staticmethod
            def pool(x):
                n, c, h, w = x.shape
                return x.reshape(n, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))

            def forward(self, x):
                x = self.pool(self.conv1(x).relu())
                x = self.pool(self.conv2(x).relu())
                x = torch.relu(self.fc1(x.flatten(1)))
                return self.fc3(torch.relu(self.fc2(x)))
        """,
    ),
    _net(
        "pooling before ReLU, which is the same",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.body = nn.Sequential(
                    nn.Conv2d(1, c, 5), nn.MaxPool2d(2), nn.ReLU(),
                    nn.Conv2d(c, 2 * c, 5), nn.MaxPool2d(2), nn.ReLU(),
                )
                self.head = nn.Sequential(
                    nn.Flatten(), nn.LazyLinear(4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c),
                    nn.ReLU(), nn.Linear(2 * c, num_classes),
                )

            def forward(self, x):
                return self.head(self.body(x))
        """,
    ),
    _net(
        "dropout, which does nothing in eval mode",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.drop2d, self.drop = nn.Dropout2d(0.1), nn.Dropout(0.5)
                self.fc1 = nn.Linear(121 * 2 * c, 4 * c)
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = self.drop2d(F.max_pool2d(F.relu(self.conv2(x)), 2))
                x = self.drop(F.relu(self.fc1(x.flatten(1))))
                x = F.dropout(F.relu(self.fc2(x)), 0.2, self.training)
                return self.fc3(x)
        """,
    ),
    _net(
        "bias added by hand, adaptive pooling, identity layers",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1 = nn.Conv2d(1, c, 5, bias=False)
                self.bias1 = nn.Parameter(torch.zeros(c, 1, 1))
                self.conv2 = nn.Conv2d(c, 2 * c, 5, bias=False)
                self.bias2 = nn.Parameter(torch.zeros(2 * c, 1, 1))
                self.fc1 = nn.Linear(121 * 2 * c, 4 * c)
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)
                self.nothing = nn.Identity()

            def forward(self, x):
                x = F.adaptive_max_pool2d(F.relu(self.conv1(x) + self.bias1), 26)
                x = F.adaptive_max_pool2d(F.relu(self.conv2(x) + self.bias2), (11, 11))
                x = self.nothing(F.relu(self.fc1(x.flatten(1))))
                return self.fc3(F.relu(self.fc2(x)))
        """,
    ),
    _net(
        "double precision inside",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.layers = nn.Sequential(
                    nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU(),
                    nn.Linear(2 * c, num_classes),
                ).double()

            def forward(self, images):
                return self.layers(images.double())
        """,
    ),
    _net(
        "channels last, einsum head",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.w = nn.Parameter(torch.randn(2 * c, 11, 11, 4 * c) * 0.1)
                self.b = nn.Parameter(torch.zeros(4 * c))
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)
                self.to(memory_format=torch.channels_last)

            def forward(self, x):
                x = x.contiguous(memory_format=torch.channels_last)
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                x = F.relu(torch.einsum("nchw,chwo->no", x, self.w) + self.b)
                return self.fc3(F.relu(self.fc2(x)))
        """,
    ),
    _net(
        "a function that builds, forward with keyword arguments",
        """
        class _Net(nn.Module):
            def __init__(self, c, k):
                super().__init__()
                self.convs = nn.ModuleList([nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)])
                self.fcs = nn.ModuleList(
                    [nn.Linear(242 * c, 4 * c), nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, k)]
                )

            def forward(self, images, verbose=False, *, scale=1.0):
                x = images * scale
                for conv in self.convs:
                    x = F.max_pool2d(F.relu(conv(x)), kernel_size=2)
                x = x.reshape(x.shape[0], -1)
                for i, fc in enumerate(self.fcs):
                    x = fc(F.relu(x) if i else x)
                    if verbose:
                        print(x.shape)
                return x

        def Net(num_channel=8, num_classes=10):
            return _Net(num_channel, num_classes)
        """,
    ),
    _net(
        "traced by torch.jit",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                body = nn.Sequential(
                    nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU(),
                    nn.Linear(2 * c, num_classes),
                )
                self.body = torch.jit.trace(body, torch.zeros(2, 1, 56, 56))

            def forward(self, images):
                return self.body(images)
        """,
    ),
    _net(
        "compiled by torch.jit.script",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                body = nn.Sequential(
                    nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU(),
                    nn.Linear(2 * c, num_classes),
                )
                self.body = torch.jit.script(body)

            def forward(self, images):
                return self.body(images)
        """,
    ),
    _net(
        "torch.compile",
        """
        class _Net(nn.Sequential):
            def __init__(self, c, k):
                super().__init__(
                    nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(2 * c * 121, 4 * c), nn.ReLU(), nn.Linear(4 * c, 2 * c), nn.ReLU(),
                    nn.Linear(2 * c, k),
                )

        def Net(num_channel=8, num_classes=10):
            return torch.compile(_Net(num_channel, num_classes), backend="eager")
        """,
    ),
    _net(
        "overridden listings hide nothing",
        """
        class Net(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
                self.fc1 = nn.Linear(121 * 2 * c, 4 * c)
                self.fc2, self.fc3 = nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)

            def parameters(self, recurse=True):
                return [p for p in super().parameters(recurse) if p.dim() > 1]

            def state_dict(self, *args, **kwargs):
                return {}

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))
        """,
    ),
)

CHAINS = (
    _chain(
        "functions",
        """
        def conv_pool_conv(image, kernel):
            return F.conv2d(F.max_pool2d(F.conv2d(image, kernel), 2), kernel[:, :1])
        """,
    ),
    _chain(
        "a batch of one",
        """
        def conv_pool_conv(image, kernel):
            x = F.conv2d(image.unsqueeze(0), kernel, bias=None, stride=1, padding="valid")
            x = nn.MaxPool2d(kernel_size=(2, 2))(x)
            return F.conv2d(x, kernel[:, 0].unsqueeze(1))
        """,
    ),
    _chain(
        "modules with the kernel copied into them",
        """
        def conv_pool_conv(image, kernel):
            first = nn.Conv2d(3, 1, 3, bias=False)
            second = nn.Conv2d(1, 1, 3, bias=False)
            with torch.no_grad():
                first.weight.copy_(kernel)
                second.weight.copy_(kernel[:, 1:2])
            return second(nn.MaxPool2d(2, 2)(first(image)))
        """,
    ),
    _chain(
        "modules whose weights are the kernel, biases set to zero",
        """
        def conv_pool_conv(image, kernel):
            first, second = nn.Conv2d(3, 1, 3), nn.Conv2d(1, 1, 3)
            first.weight, second.weight = nn.Parameter(kernel), nn.Parameter(kernel[:, :1])
            nn.init.zeros_(first.bias)
            nn.init.zeros_(second.bias)
            return nn.Sequential(first, nn.MaxPool2d(2), second)(image[None])[0]
        """,
    ),
    _chain(
        "unfold",
        """
        def conv_pool_conv(image, kernel):
            def convolve(x, k):
                h, w = x.shape[-2:]
                columns = F.unfold(x[None], 3)
                return (k.reshape(1, -1) @ columns).reshape(1, h - 2, w - 2)

            x = convolve(image, kernel)
            h, w = x.shape[1] // 2, x.shape[2] // 2
            x = x[:, : 2 * h, : 2 * w].reshape(1, h, 2, w, 2).amax(dim=(2, 4))
            return convolve(x, kernel[:, 0])
        """,
    ),
    _chain(
        "as_strided and einsum",
        """
        def conv_pool_conv(image, kernel):
            def windows(x, size, step):
                c, h, w = x.shape
                a, b, d = x.stride()
                rows, columns = (h - size) // step + 1, (w - size) // step + 1
                shape = (c, rows, columns, size, size)
                return x.as_strided(shape, (a, b * step, d * step, b, d))

            x = torch.einsum("chwij,ocij->ohw", windows(image.contiguous(), 3, 1), kernel)
            x = windows(x.contiguous(), 2, 2).flatten(3).max(dim=3).values
            return torch.einsum("chwij,ocij->ohw", windows(x.contiguous(), 3, 1), kernel[:, :1])
        """,
    ),
    _chain(
        "loops over channels and the kernel's entries",
        """
        def conv_pool_conv(image, kernel):
            def convolve(plane, k):
                h, w = plane.shape[0] - 2, plane.shape[1] - 2
                total = torch.zeros(h, w)
                for i in range(3):
                    for j in range(3):
                        total += k[i, j] * plane[i : i + h, j : j + w]
                return total

            x = sum(convolve(image[c], kernel[0, c]) for c in range(3))
            x = F.max_pool2d(x[None], 2)
            return convolve(x[0], kernel[0, 0])[None]
        """,
    ),
    _chain(
        "the image summed over channels first",
        """
        def conv_pool_conv(image, kernel):
            one = kernel[:, :1]
            x = F.conv2d(image.sum(dim=0, keepdim=True), one)
            return F.conv2d(F.max_pool2d(x, 2), one)
        """,
    ),
    _chain(
        "numpy inside",
        """
        import numpy as np

        def conv_pool_conv(image, kernel):
            def convolve(x, k):
                v = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
                return np.einsum("chwij,cij->hw", v, k)[None]

            x = convolve(image.numpy(), kernel[0].numpy())
            h, w = x.shape[1] // 2, x.shape[2] // 2
            x = x[:, : 2 * h, : 2 * w].reshape(1, h, 2, w, 2).max(axis=(2, 4))
            return torch.from_numpy(convolve(x, kernel[0, :1].numpy()).astype(np.float32))
        """,
    ),
    _chain(
        "the slice repeated and averaged, activations that require gradients",
        """
        def conv_pool_conv(image, kernel):
            image = image.clone().requires_grad_()
            x = F.max_pool2d(F.conv2d(image, kernel), kernel_size=2, stride=2, ceil_mode=False)
            return F.conv2d(x, kernel.mean(dim=1, keepdim=True))
        """,
    ),
    _chain(
        "grouped convolution, then summed, in double precision",
        """
        def conv_pool_conv(image, kernel):
            image, kernel = image.double(), kernel.double()
            slices = kernel.transpose(0, 1)
            x = F.conv2d(image[None], slices, groups=3).sum(dim=1, keepdim=True)
            return F.conv2d(F.max_pool2d(x, 2), slices[:1])
        """,
    ),
    _chain(
        "a lambda, shape (h, w)",
        """
        conv_pool_conv = lambda image, kernel: F.conv2d(
            F.max_pool2d(F.conv2d(image, kernel), 2), kernel[:, [0]]
        ).squeeze(0)
        """,
    ),
)

IMPROVED = (
    _improved(
        "as in the solution",
        """
        class ImprovedNet(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.features = nn.Sequential(
                    nn.Conv2d(1, c, 5, padding=4, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
                    nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5, padding=4, bias=False), nn.BatchNorm2d(2 * c),
                    nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(2 * c, 4 * c, 5, padding=4, bias=False), nn.BatchNorm2d(4 * c),
                    nn.ReLU(),
                )
                self.classify = nn.Linear(4 * c, num_classes)

            def forward(self, images):
                return self.classify(self.features(images).mean(dim=(2, 3)))
        """,
    ),
    _improved(
        "one Sequential with adaptive pooling",
        """
        class ImprovedNet(nn.Sequential):
            def __init__(self, num_channel=8, num_classes=10):
                sizes = (1, num_channel, 2 * num_channel, 4 * num_channel)
                layers = []
                for i in range(3):
                    layers += [nn.Conv2d(sizes[i], sizes[i + 1], 5, padding=4, bias=False)]
                    layers += [nn.BatchNorm2d(sizes[i + 1]), nn.ReLU()]
                    layers += [nn.MaxPool2d(2)] if i < 2 else []
                layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
                super().__init__(*layers, nn.Linear(sizes[3], num_classes))
        """,
    ),
    _improved(
        "global average pooling by F.avg_pool2d, zero padding by F.pad",
        """
        class ImprovedNet(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.convs = nn.ModuleList(
                    [nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5), nn.Conv2d(2 * c, 4 * c, 5)]
                )
                self.norms = nn.ModuleList([nn.BatchNorm2d(n * c) for n in (1, 2, 4)])
                self.out = nn.Linear(4 * c, num_classes)

            def forward(self, x):
                for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
                    x = F.relu(norm(conv(F.pad(x, (4, 4, 4, 4)))))
                    x = F.max_pool2d(x, 2) if i < 2 else x
                return self.out(F.avg_pool2d(x, x.shape[-2:]).flatten(1))
        """,
    ),
    _improved(
        "a 1x1 convolution as the classifier, before the average",
        """
        class ImprovedNet(nn.Module):
            def __init__(self, num_channel=8, num_classes=10):
                super().__init__()
                c = num_channel
                self.body = nn.Sequential(
                    nn.Conv2d(1, c, 5, padding=4), nn.BatchNorm2d(c), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(c, 2 * c, 5, padding=4), nn.BatchNorm2d(2 * c), nn.ReLU(),
                    nn.MaxPool2d(2), nn.Conv2d(2 * c, 4 * c, 5, padding=4),
                    nn.BatchNorm2d(4 * c), nn.ReLU(), nn.Conv2d(4 * c, num_classes, 1),
                )

            def forward(self, images):
                return self.body(images).mean(dim=(-2, -1))
        """,
    ),
)

REWRITES = (*CHAINS, *NETS, *IMPROVED)
