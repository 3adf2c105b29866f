"""How many mistakes a reading tells of, and whether the run can be believed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from autograder.checking.kit.judge_steps import Departure, Reading
from autograder.checking.kit.run_seen import RunSeen, is_same
from autograder.checking.kit.step_graph import Edge, Node, StepGraph


@dataclass(frozen=True)
class Evidence:
    """A reading, and what shows how its numbers hang together.

    Attributes:
        graph: of the reference.
        reading: of the run.
        run: which was read.
        others: the run with another value of one argument, by that argument's name.
    """

    graph: StepGraph
    reading: Reading
    run: RunSeen
    others: Mapping[str, RunSeen]

    def depends(self, place: int, argument: str) -> bool:
        """Return whether what is seen at a place (the last one is the result) needs an argument."""
        here = [*self.run.seen, self.run.output]
        there = [*self.others[argument].seen, self.others[argument].output]
        return len(here) != len(there) or not is_same(here[place], there[place])


def mistakes_in(evidence: Evidence) -> list[Departure]:
    """Return the departures, each mistake once; [] for a run that shows nothing.

    What is done to several steps at once is one mistake: an argument that is not used, an expected
    mistake, a number that is added.
    """
    if not _is_credible(evidence):
        return []
    found: dict[Hashable, Departure] = {}
    for departure in evidence.reading.departures:
        found.setdefault(_kind(departure, evidence), departure)
    return [*found.values(), *_replaced(evidence)]


def _kind(departure: Departure, evidence: Evidence) -> Hashable:
    if departure.says is not None:
        return str(departure.says)
    if departure.shifted:
        return "shifted"
    taken, source = departure.taken, departure.source
    if taken and source in evidence.graph.inputs and not evidence.depends(taken.place, source):
        return "unused", source
    return departure.at, departure.source


def _is_credible(evidence: Evidence) -> bool:
    """Return whether steps are right in more than name.

    A result has to depend on each argument that is used as it should be. Where more than one step
    is found nowhere, one has to give what it does in the reference.
    """
    graph, reading = evidence.graph, evidence.reading
    edges = [edge for node in graph.nodes for edge in node.edges]
    used = {edge.source for edge in edges if _is_used(edge, reading)}
    if not all(evidence.depends(-1, name) for name in used & graph.inputs.keys()):
        return False
    wrong = [node for node in graph.nodes if reading.values[node.name] is None]
    return len(wrong) < len(graph.nodes) and (len(wrong) <= 1 or bool(_sound(graph, reading)))


def _sound(graph: StepGraph, reading: Reading) -> set[str]:
    """Return the steps that give what they give in the reference."""
    sound, departed = set(graph.inputs), {departure.at for departure in reading.departures}
    for node in graph.nodes:
        if node.name not in departed and all(edge.source in sound for edge in node.edges):
            sound.add(node.name)
    return sound - graph.inputs.keys()


def _is_used(edge: Edge, reading: Reading) -> bool:
    """Return whether a step takes what an edge carries, or may do so."""
    taken = reading.taken.get((edge.source, edge.target))
    return taken is None or is_same(taken.value, next(reading.carried(edge), taken.value))


def _replaced(evidence: Evidence) -> Iterator[Departure]:
    """Yield what stands in the place of a step without needing what the step needs."""
    graph, reading = evidence.graph, evidence.reading
    for node in graph.nodes:
        leaving = reading.leaving(node.name)
        if reading.values[node.name] is None and leaving:
            needed = _needed(node, graph)
            if not all(evidence.depends(leaving.place, name) for name in needed):
                yield Departure(leaving.edge.target, leaving)


def _needed(node: Node, graph: StepGraph) -> set[str]:
    """Return the arguments that a step depends on."""
    nodes = {other.name: other for other in graph.nodes}
    sources: list[Edge] = list(node.edges)
    found: set[str] = set()
    while sources:
        name = sources.pop().source
        found |= {name} & graph.inputs.keys()
        sources += nodes[name].edges if name in nodes else ()
    return found
