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
    cut_off = [n for n, slot in net.ways[0].items() if slot.parameter.name not in reached]
    mistakes = []
    for layer in LAYERS:
        if f"{layer}.weight" in cut_off:
            words = f"{layer} never learns: no gradient reaches it"
        elif f"{layer}.bias" in cut_off:
            words = f"the bias of {layer} never learns: no gradient reaches it"
        else:
            continue
        mistakes.append(Mistake(f"{layer}-frozen", words, layer))
    return mistakes[-_MOST:]
