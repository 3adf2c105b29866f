"""The protocol by which `ImprovedNet` is graded: from scratch, on top-left signs, a fixed budget.

Student and grader run this same code. A student rehearses with `rehearse`, on signs of their own;
the grader draws others, and keeps them to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from course_utils.environment import quick_run
from course_utils.procedure import Budget, Data, Measured, Part, looks, measure
from course_utils.protocol import Protocol, Training, accuracy, predict
from course_utils.scale import Accuracies, Mark, Scale
from course_utils.signs import draw_signs
from course_utils.transforms import padding

IMAGE_SIZE = 56  # pixels: a 28x28 sign in one quadrant of a canvas twice as high and wide
BUDGET = Budget(
    short=Protocol(checkpoints=(150, 300)), long=Protocol(checkpoints=(500, 750, 1000, 1500))
)
# The marks stand where families of networks leave gaps: docs/calibration/improved_net.md.
SCALE = Scale(
    marks={
        "top_left": (
            Mark("guesses", accuracy=0.4, points=0),
            Mark("reads most of the signs that it was trained on", accuracy=0.6, points=5),
        ),
        "bottom_right": (
            Mark("guesses", accuracy=0.15, points=0),
            Mark("reads some of the signs", accuracy=0.25, points=3),
            Mark("reads more than half of the signs", accuracy=0.55, points=10),
            Mark("reads most of the signs", accuracy=0.75, points=20),
        ),
    },
    learns=0.2,
)


def sign_data(seed: int) -> Data:
    """Return signs to learn top left, and signs to be asked for in both corners."""
    signs = draw_signs(seed)
    tests = {
        corner: Part(images[:, None], signs.test_labels[corner], padding(corner))
        for corner, images in signs.test_images.items()
    }
    return Data(Part(signs.train_images[:, None], signs.train_labels, padding("top_left")), tests)


def rehearse(
    factory: Callable[[], nn.Module], *, seed: int = 0, progress: bool = True
) -> Measured[Accuracies] | None:
    """Measure a network as grading does, print what it is worth, and return what was measured.

    The grader draws other signs and other initial weights; the rest is the same.

    Args:
        factory: the class to be trained, for instance ImprovedNet.
        seed: of the signs, the initial weights and the order of the batches.
        progress: whether to show progress bars.

    Returns:
        What was measured; None while the notebook is graded, when its grade cells do this anyway.
    """
    if quick_run():
        return None

    def run(protocol: Protocol, number: int) -> Iterator[Accuracies]:
        if protocol is BUDGET.long:
            print(
                "It is about as good in the bottom right as in the top left, but learns slowly: "
                f"one more run, of up to {protocol.steps:,} steps."
            )
        elif number:
            print("Luck could still change the points: one more run.")
        return _looks_here(factory, seed + number, protocol, progress)

    with torch.random.fork_rng():
        measured = measure(run, SCALE, BUDGET)
    print(SCALE.describe(measured.counted))
    return measured


def _looks_here(
    factory: Callable[[], nn.Module], seed: int, protocol: Protocol, progress: bool
) -> Iterator[Accuracies]:
    """Return what the checkpoints of one run in this process show."""
    torch.manual_seed(seed)
    drawn, model = sign_data(seed), factory()
    training = Training(
        model,
        drawn.train.inputs,
        drawn.train.labels,
        protocol=protocol,
        seed=seed,
        padding=drawn.train.padding,
    )

    def look(steps: int) -> Accuracies:
        right = {
            name: accuracy(predict(model, test.inputs, test.padding), test.labels)
            for name, test in drawn.tests.items()
        }
        return Accuracies(right, steps)

    return looks(lambda steps: training.run(steps, progress=progress), look, protocol)
