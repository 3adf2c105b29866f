"""A fixed training budget, and the training under it: of any network, on any tensors.

Student and grader train by this same code. Nothing here depends on who calls it, or on what the
inputs show. What it is made of is bound when it is imported, before a notebook can replace it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm.auto import tqdm

Padding = tuple[int, int, int, int]
"""Zeros around each input: left, right, top, bottom, as `torch.nn.functional.pad` takes them."""

NO_PADDING: Padding = (0, 0, 0, 0)


@dataclass(frozen=True)
class Protocol:
    """A training budget.

    Attributes:
        batch_size: images a step.
        checkpoints: after how many steps to look whether the outcome is settled; the last is all.
        max_lr: peak learning rate of the one-cycle schedule.
        weight_decay: AdamW's decoupled weight decay.
    """

    checkpoints: tuple[int, ...]
    batch_size: int = 32
    max_lr: float = 1e-2
    weight_decay: float = 1e-2

    @property
    def steps(self) -> int:
        """Return the number of optimiser steps in all."""
        return self.checkpoints[-1]


class Training:
    """A training run under a `Protocol` that can be stopped and carried on.

    The model is trained in place, in `train()` mode, in channels-last memory layout where it can be
    (about twice as fast on a CPU). Inputs are kept as they come, and padded and scaled a batch at a
    time.

    Args:
        model: maps a batch of inputs, float32, to logits (N, K).
        inputs: (N, ...) uint8, which stands for [0, 1], or float32.
        labels: (N,) int64 in [0, K).
        protocol: the budget.
        seed: decides the order of the batches, and torch's global generator (dropout).
        padding: what is laid around each input.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        *,
        protocol: Protocol,
        seed: int = 0,
        padding: Padding = NO_PADDING,
    ) -> None:
        self._layout = lay_out(model, as_batch(inputs[:2], padding))
        self.model = model
        self.inputs, self.labels = inputs, labels
        self.protocol, self.padding = protocol, padding
        self.steps_done = 0
        self._generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.int64)
        self._optimizer = AdamW(
            model.parameters(), lr=protocol.max_lr, weight_decay=protocol.weight_decay
        )
        self._schedule = OneCycleLR(
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
            inputs = as_batch(self.inputs[batch], self.padding)
            logits = self.model(_laid_out(inputs, self._layout))
            loss = cross_entropy(logits, self.labels[batch])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            self._schedule.step()
            self.steps_done += 1
            if progress and self.steps_done % 10 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}")

    def _next_batch(self) -> Tensor:
        if len(self._order) < self.protocol.batch_size:
            self._order = torch.randperm(len(self.inputs), generator=self._generator)
        batch = self._order[: self.protocol.batch_size]
        self._order = self._order[self.protocol.batch_size :]
        return batch


def as_batch(inputs: Tensor, padding: Padding = NO_PADDING) -> Tensor:
    """Return inputs as a model takes them: float32, uint8 scaled to [0, 1], zeros laid around."""
    batch = inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs
    if not any(padding):
        return batch
    left, right, top, bottom = padding
    *before, height, width = batch.shape
    canvas = batch.new_zeros(*before, top + height + bottom, left + width + right)
    canvas[..., top : top + height, left : left + width] = batch
    return canvas


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of logits (N, K) and labels (N,) int64.

    PyTorch's own functions are looked up by name while they run: a notebook can replace them.
    """
    return -logits.log_softmax(dim=1).gather(1, labels[:, None]).mean()


@torch.no_grad()
def lay_out(model: nn.Module, sample: Tensor) -> torch.memory_format:
    """Put a model's weights into the layout to feed images in, and return that layout.

    Channels last, unless the model cannot take it: one that flattens with `view` needs the default
    layout, since `view` moves no data.

    Args:
        model: is given back in the mode that it came in.
        sample: a batch of two.
    """
    was_training = model.training
    layout = torch.channels_last
    try:
        model.eval().to(memory_format=layout)
        model(_laid_out(sample, layout))
    except RuntimeError:  # one that has another cause comes again with the first real batch
        layout = torch.contiguous_format
        model.to(memory_format=layout)
    finally:
        model.train(was_training)
    return layout


@torch.no_grad()
def predict(
    model: nn.Module, inputs: Tensor, padding: Padding = NO_PADDING, batch_size: int = 50
) -> Tensor:
    """Return logits (N, K) float32 of inputs (N, ...) uint8 or float32, with zeros laid around.

    The model is evaluated in `eval()` mode; its mode is afterwards what it was.

    Few inputs go in at once: the memory that many need is taken from the system anew for each
    batch, which can take as long as the computation.
    """
    layout = lay_out(model, as_batch(inputs[:2], padding))
    was_training = model.training
    model.eval()
    try:
        parts = [
            model(_laid_out(as_batch(part, padding), layout)) for part in inputs.split(batch_size)
        ]
    finally:
        model.train(was_training)
    return torch.cat(parts).float()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share in [0, 1] of rows of `logits` (N, K) whose largest entry is the label."""
    return float((logits.argmax(dim=1) == labels).float().mean())


def _laid_out(batch: Tensor, layout: torch.memory_format) -> Tensor:
    """Return the batch in that layout, where it has one: it is for images (N, C, H, W)."""
    return batch.contiguous(memory_format=layout) if batch.dim() == 4 else batch
