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
        reached = net.model.reached(net.images)
    except StudentFault as fault:
        return [Mistake("fc3-frozen", f"no gradient can be computed: {fault}", "fc3")]
    cut_off = {
        name.partition(".")[0]
        for name, slot in net.ways[0].items()
        if slot.parameter.name not in reached
    }
    return [
        Mistake(f"{layer}-frozen", f"{layer} never learns: no gradient reaches it", layer)
        for layer in LAYERS
        if layer in cut_off
    ][-_MOST:]
