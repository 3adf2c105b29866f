"""Which block of the reference's weights is which of the student's: told by what it brings about.

All blocks of one shape get the same values; then it does not matter which is which, and a right
network gives what the reference gives. After that one block at a time gets other values: the block
of the student's that changes the output as the reference's does is its counterpart. So a network is
recognised however its layers are named, ordered or cut up, with one run for each block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from autograder.checking.kit.asking import Network
from autograder.checking.kit.blocks import Block, Fit, blocks_of, fits, zeros
from autograder.checking.kit.catalogue import run_safely
from autograder.checking.kit.draw import drawn_entries
from autograder.checking.kit.reference import Subject, is_running
from autograder.checking.kit.values import distance, leaves

_TIED, _OTHER = "tied", "other"  # names under which values are drawn
MAX_FITS = 6


class Paired:
    """A student's network whose weights can be set as a reference's are.

    Args:
        network: the student's.
        buffers: of it, by name.
        inputs: of the runs that pair blocks.
        seed: of the values in these runs.
        training: the mode.

    Attributes:
        parameters: the student's.
    """

    def __init__(
        self,
        network: Network,
        buffers: Mapping[str, Tensor],
        inputs: Sequence[Any],
        seed: int,
        training: bool,
    ) -> None:
        self._network, self._inputs = network, inputs
        self._seed, self._training = seed, training
        self.parameters = network.parameters
        self._shapes = {p.name: p.shape for p in network.parameters}
        self._kinds = {p.name: p.kind for p in network.parameters}
        self._buffers = {n: b for n, b in buffers.items() if _mean_or_var(n)}
        self._tied: dict[Fit, Any] = {}
        self._effects: dict[tuple[Fit, Block], Tensor] = {}
        self._fits: dict[tuple[Block, ...], list[Fit]] = {}

    def fits(self, subject: Subject) -> list[Fit]:
        """Return how the parameters of a reference or a mutant and the student's can be cut up."""
        blocks = tuple(blocks_of(subject.module))
        if blocks not in self._fits:
            found = fits(blocks, self._shapes, self._kinds)
            self._fits[blocks] = [fit for fit, _ in zip(found, range(MAX_FITS), strict=False)]
        return self._fits[blocks]

    def alike_tied(self, subject: Subject, fit: Fit, tolerance: float) -> bool:
        """Return whether both give the same while all blocks of one shape have the same values."""
        theirs = self._tied_output(fit)
        mine = run_safely(subject, self._inputs, self._tied_state(subject, fit))
        return distance(theirs, mine) <= tolerance

    def pairs(self, subject: Subject, fit: Fit) -> dict[Block, Block]:
        """Return the student's block of each of the reference's."""
        found: dict[Block, Block] = {}
        base, tied = self._tied_state(subject, fit), None
        for shape in dict.fromkeys(block.shape for block in fit.blocks):
            mine = [block for block in fit.blocks if block.shape == shape]
            theirs = [slot for slot in fit.slots if slot.shape == shape]
            if len(mine) == 1:
                found[mine[0]] = theirs[0]
                continue
            if tied is None:
                tied = _flat(run_safely(subject, self._inputs, base))
            effects = []
            for block in mine:
                state = {name: tensor.clone() for name, tensor in base.items()}
                block.write(state[block.tensor], _values(block.shape, _OTHER, self._seed))
                effects.append(_change(_flat(run_safely(subject, self._inputs, state)), tied))
            changes = [self._effect(fit, slot) for slot in theirs]
            cost = torch.stack([torch.stack([_far(e, c) for c in changes]) for e in effects])
            rows, columns = linear_sum_assignment(cost.numpy())
            found |= {mine[r]: theirs[c] for r, c in zip(rows, columns, strict=True)}
        return found

    def answer(
        self,
        subject: Subject,
        fit: Fit,
        pairs: Mapping[Block, Block],
        inputs: Sequence[Any],
        state: Mapping[str, Tensor],
    ) -> Any:
        """Return the student's output with a reference's weights.

        Args:
            subject: the reference.
            fit: how both are cut up.
            pairs: which block is which.
            inputs: the arguments.
            state: the reference's weights.
        """
        whole = zeros(self._shapes)
        for block, slot in pairs.items():
            slot.write(whole[slot.tensor], block.part(state[block.tensor].contiguous()))
        self._network.load({**whole, **self._statistics(subject, pairs, state)})
        return self._network.run(inputs, training=self._training)

    def without_zero(self, fit: Fit, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a reference's weights, those zero that the student has none of."""
        changed = {name: tensor.clone() for name, tensor in state.items()}
        for block in fit.zero:
            block.part(changed[block.tensor]).zero_()
        return changed

    def _tied_state(self, subject: Subject, fit: Fit) -> dict[str, Tensor]:
        tensors = subject.tensors()
        state = {
            name: _values(tensor.shape, name.rpartition(".")[2], self._seed)
            if is_running(name)
            else torch.zeros(tensor.shape, dtype=torch.float64)
            for name, tensor in tensors.items()
        }
        for block in fit.blocks:
            block.write(state[block.tensor], _values(block.shape, _TIED, self._seed))
        return state

    def _tied_output(self, fit: Fit) -> Any:
        if fit not in self._tied:
            self._network.load({**self._tied_whole(fit), **self._tied_buffers()})
            self._tied[fit] = self._network.run(self._inputs, training=self._training)
        return self._tied[fit]

    def _tied_whole(self, fit: Fit) -> dict[str, Tensor]:
        whole = zeros(self._shapes)
        for slot in fit.slots:
            slot.write(whole[slot.tensor], _values(slot.shape, _TIED, self._seed))
        return whole

    def _tied_buffers(self) -> dict[str, Tensor]:
        return {
            name: _values(buffer.shape, _statistic(name), self._seed)
            for name, buffer in self._buffers.items()
        }

    def _effect(self, fit: Fit, slot: Block) -> Tensor:
        """Return how the student's output changes with one block."""
        if (fit, slot) not in self._effects:
            whole = self._tied_whole(fit)
            slot.write(whole[slot.tensor], _values(slot.shape, _OTHER, self._seed))
            self._network.load({**whole, **self._tied_buffers()})
            output = _flat(self._network.run(self._inputs, training=self._training))
            self._effects[fit, slot] = _change(output, _flat(self._tied_output(fit)))
        return self._effects[fit, slot]

    def _statistics(
        self, subject: Subject, pairs: Mapping[Block, Block], state: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the running means and variances for the student's layers.

        They go to the module that holds the counterpart of the layer's weight, else in their order.
        """
        owners = {
            block.tensor.rpartition(".")[0]: slot.tensor.rpartition(".")[0]
            for block, slot in pairs.items()
        }
        free = dict(self._buffers)
        found = {}
        for name in [name for name in subject.tensors() if is_running(name)]:
            owner = owners.get(name.rpartition(".")[0])
            fitting = [
                other
                for other, buffer in free.items()
                if _statistic(other) == _statistic(name) and buffer.shape == state[name].shape
            ]
            own = [other for other in fitting if other.rpartition(".")[0] == owner]
            if own or fitting:
                found[(own or fitting)[0]] = state[name]
                free.pop((own or fitting)[0])
        return found


def _values(shape: Sequence[int], key: str, seed: int) -> Tensor:
    return drawn_entries(tuple(shape), key, seed)


def _mean_or_var(name: str) -> bool:
    return "mean" in name.rpartition(".")[2] or "var" in name.rpartition(".")[2]


def _statistic(name: str) -> str:
    return "running_var" if "var" in name.rpartition(".")[2] else "running_mean"


def _flat(output: Any) -> Tensor:
    entries = [leaf.double().flatten() for leaf in leaves(output) if isinstance(leaf, Tensor)]
    return torch.cat(entries).nan_to_num() if entries else torch.zeros(0, dtype=torch.float64)


def _change(now: Tensor, before: Tensor) -> Tensor:
    """Return the difference of two outputs; nothing where they have other sizes."""
    return now - before if now.shape == before.shape else now[:0]


def _far(a: Tensor, b: Tensor) -> Tensor:
    if a.shape != b.shape:
        return torch.tensor(1e30, dtype=torch.float64)
    return (a - b).norm().clamp(max=1e30)
