"""Which steps of a student's function are right, read from what PyTorch took and gave in it.

The reference's steps are looked for one after the other among the tensors that were seen. A step is
found where one of them is what the step makes of others. Where it takes something else than it
should, something was changed on the way to it; where it is found nowhere, it is wrong itself. Of
all ways to read a run, the one with the fewest mistakes counts. What is seen is the student's
claim: it can earn a part of the points, as much as the steps are worth that were really computed.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from autograder.checking.kit.run_seen import RunSeen, is_same
from autograder.checking.kit.step_graph import END, Edge, Node, StepGraph

_CHANGED = 1.0  # what it costs to read that a step takes something else
_BESIDE = 1.6  # the same where the step before is passed over, so that both may be one mistake
_WRONG = 2.5  # the same of a step that is found nowhere
_WAYS = 8  # to read one step, with the same number of mistakes
_COMPUTED = 3000  # results in one reading, at most: what was seen is the student's choice
_FOLLOWED = 300  # readings of the first steps; after so many only the cheapest one is
_OTHERS = 30  # that a step may take in place of what it should: those of the most likely size
_LARGER = 8  # times as many entries as is right: what is larger is not tried


@dataclass(frozen=True)
class Expected:
    """A mistake that an author expects.

    Attributes:
        at: the step that computes something else; or where another step takes something else,
            "conv2d-1>relu".
        function: of what the step takes; or of what it should take there.
        says: what to call it.
        count: of the mistakes that it is.
        passes: whether the step, or a part of it, is passed over.
    """

    at: str
    function: Callable[..., Tensor]
    says: Any
    count: int = 1
    passes: bool = False


@dataclass(frozen=True, eq=False)
class Taken:
    """What a step takes through one edge.

    Attributes:
        edge: which.
        value: what.
        place: where it was seen; -1 for what came in.
        is_other: whether it is something else than the edge carries.
    """

    edge: Edge
    value: Tensor
    place: int
    is_other: bool = False


@dataclass(frozen=True, eq=False)
class Departure:
    """One place where a run differs from the reference's.

    Attributes:
        at: the step.
        taken: what it takes in place of something else; None if it is wrong itself.
        says: of a mistake that was expected; else None.
        shifted: whether the step gives what it should but for a number that is added.
        passes: whether the step, or a part of it, is passed over.
        cost: of reading it.
    """

    at: str
    taken: Taken | None = None
    says: Any = None
    shifted: bool = False
    passes: bool = False
    cost: float = _CHANGED

    @property
    def source(self) -> str:
        """Return from where the step should take what it takes otherwise; "" if it is wrong."""
        return self.taken.edge.source if self.taken else ""


@dataclass(frozen=True)
class Reading:
    """How a run is read.

    Attributes:
        values: what each input and step is in this run; None of a step that is found nowhere.
        taken: what each step takes that is found, by source and step.
        departures: from the reference, in the order of its steps.
        cost: how bad it is; less is better.
    """

    values: Mapping[str, Tensor | None]
    taken: Mapping[tuple[str, str], Taken] = field(default_factory=dict)
    departures: tuple[Departure, ...] = ()
    cost: float = 0.0

    def plus(
        self, name: str, value: Tensor | None, taken: Sequence[Taken], *more: Departure
    ) -> Reading:
        """Return this reading and one more step."""
        passed = {name for one in more if one.passes} | {d.at for d in self.departures if d.passes}
        others = [
            Departure(name, one, cost=_BESIDE if {name, one.edge.source} & passed else _CHANGED)
            for one in taken
            if one.is_other
        ]
        departures = [*others, *more]
        known = {(one.edge.source, name): one for one in taken}
        return Reading(
            {**self.values, name: value},
            {**self.taken, **known},
            (*self.departures, *departures),
            self.cost + sum(departure.cost for departure in departures),
        )

    def leaving(self, name: str) -> Taken | None:
        """Return what the next step takes of a step; None if nothing is known to take it."""
        return next((taken for (source, _), taken in self.taken.items() if source == name), None)

    def carried(self, edge: Edge) -> Iterator[Tensor]:
        """Yield what an edge may carry; of an input also what it was changed into before."""
        value = self.values[edge.source]
        changed = [d.taken.value for d in self.departures if d.taken and d.source == edge.source]
        for source in [*([] if value is None else [value]), *changed]:
            result = _computed(edge.carry, [source])
            if result is not None:
                yield result


def read(graph: StepGraph, run: RunSeen, expected: Sequence[Expected] = ()) -> Reading:
    """Return the reading with the fewest mistakes.

    Args:
        graph: of the reference, for the same arguments.
        run: the student's.
        expected: mistakes that have a name.
    """
    reader, numbers = _Reader(graph, run, expected), itertools.count()
    waiting: list[tuple[float, int, Reading, int, int]] = []
    followed: list[Reading] = []

    def wait(cost: float, reading: Reading, step: int, mistakes: int = 0) -> None:
        heapq.heappush(waiting, (cost, next(numbers), reading, step, mistakes))

    wait(0.0, Reading(dict(graph.inputs)), 0)
    while True:  # the cheapest one is followed up first, so the first one that is whole is the best
        if len(followed) > _FOLLOWED:
            farthest = max(step for _, _, _, step, _ in waiting)
            waiting = [one for one in waiting if one[3] == farthest]
            heapq.heapify(waiting)
        _, _, reading, step, mistakes = heapq.heappop(waiting)
        if step > len(graph.nodes):
            return reader.named(reading)
        if step == len(graph.nodes):
            ended = reader.ended(reading, graph.end)
            wait(ended.cost, ended, step + 1)
            continue
        if not mistakes:
            if waiting and any(_leads_where(reading, other, graph) for other in followed):
                continue
            followed.append(reading)
        node = graph.nodes[step]
        found = reader.found(reading, node, mistakes)
        if mistakes <= len(node.edges) and (mistakes or not found):
            wait(reading.cost + _CHANGED * (mistakes + 1), reading, step, mistakes + 1)
        if not found and not mistakes:
            found = [reading.plus(node.name, None, [], Departure(node.name, cost=_WRONG))]
        for more in found:
            wait(more.cost, more, step + 1)


def _leads_where(reading: Reading, other: Reading, graph: StepGraph) -> bool:
    """Return whether what may follow a reading is the same as after another one."""
    if reading.values.keys() != other.values.keys():
        return False
    if not all(_is_equal(value, other.values[name]) for name, value in reading.values.items()):
        return False
    changed, theirs = (_changed_inputs(one, graph) for one in (reading, other))
    return len(changed) == len(theirs) and all(
        a.edge == b.edge and is_same(a.value, b.value) for a, b in zip(changed, theirs, strict=True)
    )


def _changed_inputs(reading: Reading, graph: StepGraph) -> list[Taken]:
    return [d.taken for d in reading.departures if d.taken and d.source in graph.inputs]


def _is_equal(value: Tensor | None, other: Tensor | None) -> bool:
    if value is None or other is None:
        return value is other
    return value is other or is_same(value, other)


class _Reader:
    def __init__(self, graph: StepGraph, run: RunSeen, expected: Sequence[Expected]) -> None:
        self._inputs, self._run, self._left = graph.inputs, run, _COMPUTED
        self._expected: dict[str, list[Expected]] = defaultdict(list)
        for one in expected:
            self._expected[one.at].append(one)

    def found(self, reading: Reading, node: Node, mistakes: int) -> list[Reading]:
        """Return where a step is seen with that many mistakes."""
        return list(itertools.islice(self._found(reading, node, mistakes), _WAYS))

    def ended(self, reading: Reading, end: Edge) -> Reading:
        """Return a reading with what is returned."""
        found = reading.values[end.source] is not None
        right = any(is_same(self._run.output, right) for right in reading.carried(end))
        returned = Taken(end, self._run.output, len(self._run.seen), found and not right)
        return reading.plus(END, self._run.output, [returned])

    def named(self, reading: Reading) -> Reading:
        """Return a reading whose changes are those that were expected, where there are such."""
        departures = [
            replace(d, says=self._says(d.taken, reading)) if d.taken else d
            for d in reading.departures
        ]
        return replace(reading, departures=tuple(departures))

    def _says(self, taken: Taken, reading: Reading) -> Any:
        value = reading.values[taken.edge.source]
        for expected in self._expected[f"{taken.edge.source}>{taken.edge.target}"]:
            right = None if value is None else _computed(taken.edge.carry, [value])
            result = None if right is None else _computed(expected.function, [right])
            if result is not None and is_same(taken.value, result):
                return expected.says
        return None

    def _found(self, reading: Reading, node: Node, mistakes: int) -> Iterator[Reading]:
        for expected in self._expected[node.name]:
            for taken in self._combinations(reading, node, mistakes - expected.count):
                result = self._seen(expected.function, taken)
                if result is not None:
                    wrong = Departure(
                        node.name,
                        says=expected.says,
                        passes=expected.passes,
                        cost=expected.count * _CHANGED,
                    )
                    yield reading.plus(node.name, result, taken, wrong)
        for taken in self._combinations(reading, node, mistakes):
            result = self._seen(node.compute, taken)
            if result is not None:
                yield reading.plus(node.name, result, taken)
        for taken in self._combinations(reading, node, mistakes - 1):
            result = self._result(node.compute, taken)
            shifted = None if result is None else self._run.shifted(result, _last(taken))
            if shifted is not None:
                yield reading.plus(node.name, shifted, taken, Departure(node.name, shifted=True))

    def _seen(self, compute: Callable[..., Tensor], taken: Sequence[Taken]) -> Tensor | None:
        """Return what is computed of what a step takes, if it is seen and not just what was taken.

        A step that leaves something else as it is shows nothing.
        """
        result = self._result(compute, taken)
        if result is None or any(one.is_other and _is_as(one.value, result) for one in taken):
            return None
        return result if self._run.has(result, _last(taken)) else None

    def _result(self, compute: Callable[..., Tensor], taken: Sequence[Taken]) -> Tensor | None:
        """Return what is computed of what a step takes; None where it cannot be, or no more."""
        self._left -= 1
        if self._left < 0:
            return None
        return _computed(compute, [one.value for one in taken])

    def _combinations(
        self, reading: Reading, node: Node, mistakes: int
    ) -> Iterator[tuple[Taken, ...]]:
        """Yield what a step may take, with so many edges that carry something else."""
        if mistakes < 0:
            return
        known = [edge for edge in node.edges if reading.values[edge.source] is not None]
        for wrong in itertools.combinations(known, mistakes):
            options = [
                list(self._others(edge, reading, edge in known))
                if edge in wrong or edge not in known
                else list(self._right(edge, reading))
                for edge in node.edges
            ]
            yield from itertools.product(*options)

    def _right(self, edge: Edge, reading: Reading) -> Iterator[Taken]:
        """Yield what an edge carries of what was found."""
        for carried in reading.carried(edge):
            yield Taken(edge, carried, self._run.place(carried))

    def _others(self, edge: Edge, reading: Reading, is_other: bool) -> Iterator[Taken]:
        """Yield what else was seen, later than the source, that a step can take through an edge."""
        value, rights = reading.values[edge.source], list(reading.carried(edge))
        after = -1
        if value is not None and edge.source not in self._inputs:
            after = self._run.place(value)
        later = [(place, tensor) for place, tensor in self._run.tensors if place > after]
        later.sort(key=lambda one: abs(one[1].numel() - edge.right.numel()))
        for place, tensor in later[:_OTHERS]:
            fitted = _fitted(tensor, edge.right)
            if fitted is not None and not any(is_same(fitted, right) for right in rights):
                yield Taken(edge, fitted, place, is_other)


def _computed(compute: Callable[..., Tensor], values: Sequence[Tensor]) -> Tensor | None:
    """Return what a step makes of what it takes; None where that does not fit together."""
    try:
        result = compute(*values)
    except Exception:  # whatever a step makes of what it is not meant for
        return None
    return result if isinstance(result, Tensor) and result.numel() else None


def _is_as(value: Tensor, result: Tensor) -> bool:
    return is_same(value.flatten(), result.flatten())


def _last(taken: Sequence[Taken]) -> int:
    return max(one.place for one in taken)


def _fitted(tensor: Tensor, right: Tensor) -> Tensor | None:
    """Return a tensor with as many axes as the one in whose place it stands; None if it cannot."""
    if tensor.numel() > _LARGER * right.numel():
        return None
    if tensor.numel() == right.numel():
        return tensor.reshape(right.shape)
    if tensor.dim() == right.dim() + 1 and len(tensor) == 1:
        return tensor[0]
    if tensor.dim() + 1 == right.dim():
        return tensor[None]
    return tensor if tensor.dim() == right.dim() else None
