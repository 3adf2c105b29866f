"""The training protocol that grading uses too: a fixed budget, from scratch, on top-left digits.

A student rehearses with `rehearse`; the grader runs the same `Training` on permuted labels. Nothing
here depends on who calls it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_utils.data import load_digits_subset
from course_utils.tiers import Accuracies, Scale, published_scale
from course_utils.transforms import place

IMAGE_SIZE = 56  # pixels: a 28x28 digit in one quadrant of a canvas twice as high and wide


@dataclass(frozen=True)
class Protocol:
    """A training budget.

    Attributes:
        batch_size: images a step.
        checkpoints: after how many steps to look whether the outcome is settled; the last is all.
        max_lr: peak learning rate of the one-cycle schedule.
        weight_decay: AdamW's decoupled weight decay.
    """

    checkpoints: tuple[int, ...] = (200, 300)
    batch_size: int = 32
    max_lr: float = 1e-2
    weight_decay: float = 1e-2

    @property
    def steps(self) -> int:
        """Return the number of optimiser steps in all."""
        return self.checkpoints[-1]


GRADING = Protocol()


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators with `seed`."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Training:
    """A training run under a `Protocol` that can be stopped and carried on.

    The model is trained in place, in `train()` mode, in channels-last memory layout where it can be
    (about twice as fast on a CPU). Digits stay uint8 and are placed on their canvas a batch at a
    time.

    Args:
        model: maps images (N, 1, 56, 56) float32 in [0, 1] to logits (N, K).
        digits: (N, 28, 28) uint8.
        labels: (N,) int64 in [0, K).
        protocol: the budget.
        seed: decides the order of the batches, and torch's global generator (dropout).
        quadrant: where the digits are placed.
    """

    def __init__(
        self,
        model: nn.Module,
        digits: Tensor,
        labels: Tensor,
        *,
        protocol: Protocol = GRADING,
        seed: int = 0,
        quadrant: str = "top_left",
    ) -> None:
        self._layout = lay_out(model)
        self.model = model
        self.digits, self.labels = digits, labels
        self.protocol, self.quadrant = protocol, quadrant
        self.steps_done = 0
        self._generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.int64)
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=protocol.max_lr, weight_decay=protocol.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, max_lr=protocol.max_lr, total_steps=protocol.steps
        )

    def run(self, steps: int | None = None, progress: bool = False) -> None:
        """Train for `steps` more steps, or for all that are left."""
        left = self.protocol.steps - self.steps_done
        steps = left if steps is None else min(steps, left)
        self.model.train()
        bar = tqdm(range(steps), desc="training", unit="step", disable=not progress)
        for _ in bar:
            batch = self._next_batch()
            images = place(self.digits[batch], self.quadrant)
            logits = self.model(images.contiguous(memory_format=self._layout))
            loss = F.cross_entropy(logits, self.labels[batch])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            self._schedule.step()
            self.steps_done += 1
            if progress and self.steps_done % 10 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}")

    def _next_batch(self) -> Tensor:
        if len(self._order) < self.protocol.batch_size:
            self._order = torch.randperm(len(self.digits), generator=self._generator)
        batch = self._order[: self.protocol.batch_size]
        self._order = self._order[self.protocol.batch_size :]
        return batch


@torch.no_grad()
def lay_out(model: nn.Module) -> torch.memory_format:
    """Put a model's weights into the layout to feed images in, and return that layout.

    Channels last, unless the model cannot take it: one that flattens with `view` needs the default
    layout, since `view` moves no data.
    """
    was_training = model.training
    images = torch.zeros(2, 1, IMAGE_SIZE, IMAGE_SIZE)
    layout = torch.channels_last
    try:
        model.eval().to(memory_format=layout)
        model(images.contiguous(memory_format=layout))
    except RuntimeError:  # one that has another cause comes again with the first real batch
        layout = torch.contiguous_format
        model.to(memory_format=layout)
    finally:
        model.train(was_training)
    return layout


@torch.no_grad()
def predict(model: nn.Module, digits: Tensor, quadrant: str, batch_size: int = 250) -> Tensor:
    """Return logits (N, K) float32 of `digits` (N, 28, 28) uint8 placed in `quadrant`.

    The model is evaluated in `eval()` mode; its mode is afterwards what it was.
    """
    was_training, layout = model.training, lay_out(model)
    model.eval()
    try:
        parts = [
            model(place(part, quadrant).contiguous(memory_format=layout))
            for part in digits.split(batch_size)
        ]
    finally:
        model.train(was_training)
    return torch.cat(parts).float()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share in [0, 1] of rows of `logits` (N, K) whose largest entry is the label."""
    return float((logits.argmax(dim=1) == labels).float().mean())


def looks(
    train: Callable[[int], None],
    evaluate: Callable[[str], float],
    protocol: Protocol = GRADING,
) -> Iterator[Accuracies]:
    """Yield the accuracies at each checkpoint; whoever has seen enough stops asking.

    Student and grader run this same function; they differ in where the network lives.

    Args:
        train: trains a fresh network for so many more steps.
        evaluate: gives the accuracy in [0, 1] in a quadrant.
        protocol: the budget and its checkpoints.
    """
    done = 0
    for checkpoint in protocol.checkpoints:
        train(checkpoint - done)
        done = checkpoint
        yield Accuracies(evaluate("top_left"), evaluate("bottom_right"), done)


def outcome(looks: Iterable[Accuracies], scale: Scale) -> Accuracies:
    """Return the first look that settles what the run is worth, or else the last."""
    for look in looks:
        if scale.settled(look):
            break
    return look


def rehearse(
    factory: Callable[[], nn.Module],
    *,
    protocol: Protocol = GRADING,
    seed: int = 0,
    progress: bool = True,
) -> Accuracies:
    """Measure a network by the graded protocol, print it with the tiers, and return it.

    The grader's run differs by secret labels and another seed alone, so expect nearly the same
    figures from it; it repeats a run that comes near the threshold of a tier.

    Args:
        factory: the class to be trained, for instance ImprovedNet.
        protocol: the budget.
        seed: of the initial weights and the order of the batches.
        progress: whether to show a progress bar.
    """
    digits, scale = load_digits_subset(), published_scale()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = factory()
        training = Training(
            model, digits.train_images, digits.train_labels, protocol=protocol, seed=seed
        )
        result = outcome(
            looks(
                lambda steps: training.run(steps, progress=progress),
                lambda quadrant: accuracy(
                    predict(model, digits.test_images, quadrant), digits.test_labels
                ),
                protocol,
            ),
            scale,
        )
    print(scale.describe(result))
    return result
