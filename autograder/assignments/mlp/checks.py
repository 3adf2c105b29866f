"""The checks of the assignment `mlp`: two right answers, and what is said of wrong ones."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.checking.kit import Lab

lab = Lab("mlp")


@lab.module(
    inputs=lambda draw, count=4, **_: [draw.uniform(count, 1, 56, 56)],
    sizes=[{}, {"count": 3, "num_hidden": 9, "num_classes": 6}, {"count": 1}],
    points={"shape": (2, 2, 1), "function": (15, 5)},
)
class MLP(nn.Module):
    def __init__(self, num_hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.first = nn.Linear(56 * 56, num_hidden)
        self.second = nn.Linear(num_hidden, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.second(torch.relu(self.first(images.flatten(start_dim=1))))
        return logits


@lab.function(
    inputs=lambda draw, n, d, k, scale=1: [
        draw.normal(k, d) / d**0.5,
        draw.uniform(n, d) * scale,
        draw.integers(k, size=(n,)),
        torch.tensor(0.5),
    ],
    sizes={"one batch": (16, 20, 5), "other sizes": (9, 33, 3), "large logits": (16, 20, 5, 300)},
    points=(8, 6, 3, 3),
)
def training_step(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    error = (images @ weight.T).softmax(dim=1) - F.one_hot(labels, len(weight))
    return weight - learning_rate * (error.T @ images) / len(images)


def _unstable(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    error = (images @ weight.T).exp()
    error = error / error.sum(dim=1, keepdim=True) - F.one_hot(labels, len(weight))
    return weight - learning_rate * (error.T @ images) / len(images)


def _mean_of_all(weight: Tensor, images: Tensor, labels: Tensor, learning_rate: Tensor) -> Tensor:
    return training_step(weight, images, labels, learning_rate / len(weight))


say, step = partial(lab.say, "MLP"), partial(lab.say, "training_step")
MEAN = "Write down the loss of a batch of two images as a formula. By which number is it divided? "
MEAN += "The same number divides the gradient."
ERROR = "The exercise gives the gradient with respect to the logits: the softmax, minus 1 at the "
ERROR += "label. Write out both parts for one image with two classes, logits 0 and 0, and label 1."

say(
    "without-relu",
    name="missing-relu",
    words="the ReLU were missing. Two linear layers without anything between them are one layer",
)
say("relu-as-(.*)", name=r"\1")
say(
    "end-(.*)",
    name=r"extra-\1",
    lesson="nn.CrossEntropyLoss expects raw logits: it takes the softmax itself. A second one "
    "squeezes the differences between classes, and training slows down.",
)
say("Linear-.-without-bias", name="layers")
step(
    "without-div",
    name="step-sum",
    words="the gradients of the images were summed up, not averaged: what would a batch twice as "
    "large do to the size of your step?",
    lesson=MEAN,
)
step(
    "sub-2-add",
    name="step-uphill",
    words="the step went uphill: the gradient points to where the loss grows",
    lesson="Compute the loss before and after one step with a small learning rate. Does it fall?",
)
step("without-softmax", name="step-no-softmax", lesson=ERROR)
step("without-sub-1", name="step-no-labels", words="the labels did not matter", lesson=ERROR)
step("in-place", name="step-in-place")
lab.mistake(
    "training_step",
    _mean_of_all,
    name="step-mean-of-all",
    words="the gradient were divided by the number of classes too",
    lesson=MEAN,
)
lab.mistake(
    "training_step",
    _unstable,
    name="step-overflow",
    words="exp were taken of large logits: exp(1000) is infinite. What happens to a softmax if the "
    "same number is taken from all logits?",
    lesson="torch.exp(torch.tensor(1000.0)) is infinite, and infinity divided by infinity is not a "
    "number. PyTorch has a softmax that keeps clear of that.",
)
