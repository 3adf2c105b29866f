"""What is said of unusual networks is true of them: texts that were read with that question.

After a change, `GOLDEN=write pytest` on this file writes them anew: read them beside the networks.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from torch import nn

from autograder.assignments.cnns.improved.advice import in_the_way
from autograder.assignments.cnns.improved.inspection import inspect_untrained
from autograder.assignments.cnns.improved.training_runs import Found
from autograder.checking.lessons import lesson
from autograder.checking.student import InProcess, Model
from course_utils.procedure import Measured
from course_utils.scale import average
from course_utils.training import SCALE
from tests.assignments.cnns.corners import look
from tests.assignments.cnns.improved.unusual_networks import UNUSUAL

GOLDEN = Path(__file__).parent / "golden"


def advice(network: type[nn.Module]) -> str:
    """Return what the author of a network reads: of each mistake its name, words and lesson."""
    left, right = UNUSUAL[network]
    seen = inspect_untrained(Model(InProcess({"ImprovedNet": network}), "ImprovedNet", seed=1))
    runs = (look(left, right, 300, finite=left > 0),)
    said = in_the_way(Found(Measured(runs, None, average(runs)), seen), SCALE)
    parts = [f"{m.name}\n{m.words}\n{lesson('cnns', m.name)}\n" for m in said]
    return f"top left {left:.1%}, bottom right {right:.1%}\n\n" + "\n".join(parts)


@pytest.mark.parametrize("network", UNUSUAL, ids=[network.__name__ for network in UNUSUAL])
def test_what_is_said_of_an_unusual_network_is_as_it_was_reviewed(network: type[nn.Module]) -> None:
    path, text = GOLDEN / f"{network.__name__}.txt", advice(network)
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_there_are_no_other_texts() -> None:
    assert {p.stem for p in GOLDEN.glob("*.txt")} == {network.__name__ for network in UNUSUAL}
