"""Which layers of a `Net` never learn, although it computes what it should."""

from __future__ import annotations

from autograder.assignments.cnns.net.reference import LAYERS
from autograder.assignments.cnns.net.under_test import NetUnderTest
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentFault

_MOST = 2  # layers that one cut costs: it takes along all that stand before it


def never_learns(net: NetUnderTest) -> list[Mistake]:
    """Return the layers that training leaves as they are, the last ones of them.

    Args:
        net: whose parameters pair with those of its description.
    """
    try:
        if net.fault:
            return []  # of an array there is no gradient; that it is one is told
        reached = net.model.reached(net.images)
    except StudentFault as fault:
        return [Mistake("fc3-frozen", f"no gradient can be computed: {fault}", "fc3")]
    left = {}
    for layer in LAYERS:
        own = {n: slot for n, slot in net.ways[0].items() if n.startswith(f"{layer}.")}
        cut = [
            n.rpartition(".")[2] for n, slot in own.items() if slot.parameter.name not in reached
        ]
        if cut:
            left[layer] = layer if len(cut) == len(own) else f"the {cut[0]} of {layer}"
    words = f"no gradient reaches {', '.join(left.values())}, so training changes nothing there"
    return [Mistake(f"{layer}-frozen", words, layer) for layer in left][-_MOST:]
