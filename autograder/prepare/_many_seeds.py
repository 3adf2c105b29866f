"""Does each check give right answers full points, whatever is drawn? Many seeds tell."""

from __future__ import annotations

import time
from collections.abc import Iterable

from autograder import GraderFault
from autograder.checking import checks
from autograder.checking.challenge import derive_seed
from autograder.checking.untrained import Trains, Untrained
from autograder.prepare.doctor import Finding

SEEDS = 20
_LIMIT_S = 30.0  # for one check: what takes longer is asked with fewer seeds


def many_seeds(assignment: str, grade_ids: Iterable[str]) -> Finding:
    """Return whether the assignment's right answers score full for many seeds."""
    what = "many seeds"
    honest = checks.honest_of(assignment)
    if honest is None:
        return Finding(what, None, "not tried", "give checks.py a function `honest`")
    wrong, trained, fewest = [], [], SEEDS
    for grade_id in grade_ids:
        started, tried = time.monotonic(), 0
        while tried < SEEDS and time.monotonic() - started < _LIMIT_S:
            seed = derive_seed("check-assignment", grade_id, tried)
            said = _lost(assignment, grade_id, Untrained(honest()), seed)
            if said is None:
                trained.append(grade_id)
                break
            tried += 1
            if said:
                wrong.append(f"{grade_id} with the seed {seed}: {said}")
                break
        else:
            fewest = min(fewest, tried)
    says = "; ".join(wrong) or f"right answers score full with {fewest} of them"
    says += f" (not tried where something is trained: {', '.join(trained)})" if trained else ""
    mend = "a check must give a right answer full points, whatever it draws"
    return Finding(what, not wrong, says, mend if wrong else "")


def _lost(assignment: str, grade_id: str, student: Untrained, seed: int) -> str | None:
    """Return why points were lost; "" if none were, None if something is to be trained."""
    try:
        result = checks.run(assignment, grade_id, student, seed)
    except Trains:
        return None
    except GraderFault as fault:
        return str(fault)
    return "" if result.points == result.max_points else result.reason
