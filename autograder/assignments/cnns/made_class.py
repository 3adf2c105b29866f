"""A made class: hand-ins of every kind, for `autograder demo` and for the tests."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent

import nbformat
from nbformat import NotebookNode

CHAIN = dedent("""
    def conv_pool_conv(image, kernel):
        activations = F.conv2d(image, kernel)
        pooled = F.max_pool2d(activations, kernel_size=2, stride=2)
        return F.conv2d(pooled, kernel[:, :1])
""").strip()

NET = dedent("""
    class Net(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            c = num_channel
            self.conv1 = nn.Conv2d(1, c, kernel_size=5)
            self.conv2 = nn.Conv2d(c, 2 * c, kernel_size=5)
            self.fc1 = nn.Linear(2 * c * 11 * 11, 4 * c)
            self.fc2 = nn.Linear(4 * c, 2 * c)
            self.fc3 = nn.Linear(2 * c, num_classes)

        def forward(self, images):
            x = F.max_pool2d(F.relu(self.conv1(images)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = x.flatten(start_dim=1)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)
""").strip()

IMPROVED = dedent("""
    class ImprovedNet(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            c = num_channel
            self.features = nn.Sequential(
                nn.Conv2d(1, c, kernel_size=5, padding=4, bias=False),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(c, 2 * c, kernel_size=5, padding=4, bias=False),
                nn.ReLU(),
            )
            self.normalise = nn.BatchNorm1d(2 * c)
            self.classify = nn.Linear(2 * c, num_classes)

        def forward(self, images):
            averages = self.features(images).mean(dim=(2, 3))
            return self.classify(self.normalise(averages))
""").strip()

_CHAIN_REWRITTEN = dedent("""
    def conv_pool_conv(image, kernel):
        conv1 = nn.Conv2d(3, 1, 3, bias=False)
        conv2 = nn.Conv2d(1, 1, 3, bias=False)
        conv1.weight = nn.Parameter(kernel)
        conv2.weight = nn.Parameter(kernel[:, 0].unsqueeze(1))
        steps = nn.Sequential(conv1, nn.MaxPool2d(2), conv2)
        return steps(image.unsqueeze(0)).detach()
""").strip()

_NET_REWRITTEN = dedent("""
    class Net(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            n = num_channel
            self.head = nn.Sequential(
                nn.LazyLinear(4 * n), nn.ReLU(), nn.Linear(4 * n, 2 * n), nn.ReLU(),
                nn.Linear(2 * n, num_classes),
            )
            self.body = nn.Sequential(
                nn.Conv2d(1, n, 5), nn.MaxPool2d(2), nn.ReLU(),
                nn.Conv2d(n, 2 * n, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
            )

        def forward(self, x):
            return self.head(self.body(x))
""").strip()

_IMPROVED_REWRITTEN = dedent("""
    class ImprovedNet(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            self.conv1 = nn.Conv2d(1, num_channel, 5, padding=2)
            self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 5, padding=2)
            self.fc = nn.Linear(2 * num_channel, num_classes)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.relu(self.conv2(x))
            return self.fc(x.amax(dim=(2, 3)))
""").strip()

_PLAIN_GAP = dedent("""
    class ImprovedNet(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            c = num_channel
            self.conv1 = nn.Conv2d(1, c, 5)
            self.conv2 = nn.Conv2d(c, 2 * c, 5)
            self.fc = nn.Linear(2 * c, num_classes)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            return self.fc(x.mean(dim=(2, 3)))
""").strip()

_NO_FIX = dedent("""
    class ImprovedNet(Net):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__(num_channel - 2, num_classes)
""").strip()

PERFECT = {"conv_pool_conv": CHAIN, "net": NET, "improved_net": IMPROVED}


@dataclass(frozen=True)
class MadeHandIn:
    """One made hand-in.

    Attributes:
        name: the student's folder.
        about: what is special about it, in a few words.
        answers: solution cell's `grade_id` -> its source; the stub stays where there is none.
        opening: source of a cell of the student's own at the top of the notebook; "" for none.
        raw: the file's whole content, where it is no notebook.
    """

    name: str
    about: str
    answers: Mapping[str, str] = field(default_factory=dict)
    opening: str = ""
    raw: bytes | None = None


HAND_INS = (
    MadeHandIn("ada", "everything right", PERFECT),
    MadeHandIn(
        "bela",
        "everything right, written another way",
        {"conv_pool_conv": _CHAIN_REWRITTEN, "net": _NET_REWRITTEN}
        | {"improved_net": _IMPROVED_REWRITTEN},
    ),
    MadeHandIn(
        "chen",
        "right, with warnings, a progress bar and bare expressions",
        PERFECT,
        opening=dedent("""
            from IPython.core.interactiveshell import InteractiveShell
            InteractiveShell.ast_node_interactivity = "all"
            import sys, warnings
            warnings.warn("an honest warning")
            print("50%|#####     |", file=sys.stderr)
            1 + 1
            -3.0
        """).strip(),
    ),
    MadeHandIn(
        "dora",
        "average pooling in the chain",
        PERFECT | {"conv_pool_conv": CHAIN.replace("max_pool2d", "avg_pool2d")},
    ),
    MadeHandIn(
        "emil",
        "convolutions with padding",
        PERFECT | {"net": NET.replace("size=5", "size=5, padding=2").replace("11", "14")},
    ),
    MadeHandIn(
        "fay",
        "a missing ReLU, and softmax at the end",
        PERFECT
        | {
            "net": NET.replace("F.relu(self.fc1(x))", "self.fc1(x)").replace(
                "self.fc3(x)", "self.fc3(x).softmax(dim=1)"
            )
        },
    ),
    MadeHandIn(
        "gus",
        "average pooling over positions, without padding",
        PERFECT | {"improved_net": _PLAIN_GAP},
    ),
    MadeHandIn("hana", "a smaller Net in place of a fix", PERFECT | {"improved_net": _NO_FIX}),
    MadeHandIn("iris", "handed in what was given out"),
    MadeHandIn("jon", "the file is cut off", raw=b'{"cells": [{"cell_type": "code", "sour'),
)


def hand_in(student: MadeHandIn, release: NotebookNode) -> bytes:
    """Return the notebook file that a made student hands in."""
    if student.raw is not None:
        return student.raw
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in student.answers:
            cell.source = student.answers[grade_id]
    if student.opening:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(student.opening))
    return nbformat.writes(notebook).encode()
