"""A function's run as a graph: what each step computes, and from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.checking.kit.mutant import labels
from autograder.checking.kit.running import Step, cast, run

END = "end"
_SHAPES = """
    __getitem__ transpose permute reshape view unsqueeze squeeze flatten unflatten expand T mT
    movedim swapaxes
"""
_MOVES = frozenset(_SHAPES.split())  # steps of one tensor that change none of its numbers
Values = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Edge:
    """What one step takes of another, or of the arguments.

    Attributes:
        source: the name of what it comes from.
        target: the name of the step that takes it.
        moves: what is done to its shape on the way.
        right: what goes through it in the reference, float64.
    """

    source: str
    target: str
    moves: tuple[Callable[[Tensor], Tensor], ...]
    right: Tensor

    def carry(self, value: Tensor) -> Tensor:
        """Return what arrives where this value leaves."""
        for move in self.moves:
            value = move(value)
        return value


@dataclass(frozen=True)
class Node:
    """One step that computes something.

    Attributes:
        name: "conv2d-1".
        edges: what it takes.
        compute: from what its edges carry to its result.
    """

    name: str
    edges: tuple[Edge, ...]
    compute: Callable[..., Tensor]


@dataclass(frozen=True)
class StepGraph:
    """A run of a reference.

    Attributes:
        inputs: its arguments that are tensors, by name, float64.
        nodes: its steps, in the order in which they run.
        end: what it returns.
    """

    inputs: Values
    nodes: tuple[Node, ...]
    end: Edge


def graph_of(
    reference: Callable[..., Any], names: Sequence[str], inputs: Sequence[Any]
) -> StepGraph | None:
    """Return the graph of a function's run; None if it returns no tensor, or one from elsewhere.

    Args:
        reference: the function.
        names: of its arguments.
        inputs: its arguments.
    """
    steps: list[Step] = []
    output = run(reference, inputs, record=steps)
    given = {
        name: cast(value, torch.float64)
        for name, value in zip(names, inputs, strict=True)
        if isinstance(value, Tensor)
    }
    known = [Edge(name, "", (), value) for name, value in given.items()]
    nodes = []
    for step, (name, _) in zip(steps, labels(steps), strict=True):
        taken = [_edge(value, name, known) for value in _tensors(step)]
        edges = tuple(edge for edge in taken if edge is not None)
        if not isinstance(step.output, Tensor) or not edges or len(edges) < len(taken):
            continue
        if step.op in _MOVES and len(edges) == 1:
            move = _Compute(step)
            known.append(Edge(edges[0].source, "", (*edges[0].moves, move), step.output))
        else:
            nodes.append(Node(name, edges, _Compute(step)))
            known.append(Edge(name, "", (), step.output))
    end = _edge(output, END, known) if isinstance(output, Tensor) else None
    return StepGraph(given, tuple(nodes), end) if end else None


@dataclass(frozen=True)
class _Compute:
    """A step as a function of the tensors that it takes."""

    step: Step

    def __call__(self, *tensors: Tensor) -> Tensor:
        left = iter(tensors)
        arguments = [next(left) if isinstance(a, Tensor) else a for a in self.step.arguments]
        keywords = {
            key: next(left) if isinstance(a, Tensor) else a for key, a in self.step.keywords.items()
        }
        result: Tensor = self.step.compute(*arguments, **keywords)
        return result


def _tensors(step: Step) -> list[Tensor]:
    values = [*step.arguments, *step.keywords.values()]
    return [value for value in values if isinstance(value, Tensor)]


def _edge(value: Tensor, target: str, known: Sequence[Edge]) -> Edge | None:
    """Return the edge that carries a value: from the last of the known ones that is the same."""
    for edge in reversed(known):
        same = edge.right.shape == value.shape and edge.right.dtype == value.dtype
        if same and torch.equal(edge.right, value.detach()):
            return Edge(edge.source, target, edge.moves, edge.right)
    return None
