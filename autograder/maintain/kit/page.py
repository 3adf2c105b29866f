"""docs/mutants.md: how many mutants each operator makes of each reference."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from autograder.checking.kit.catalogue import Catalogue
from autograder.checking.kit.mutant import LESSONS
from autograder.maintain.kit.references import lab

PAGE = Path("docs/mutants.md")
_SPECIAL = ("layers", "in-place", "unknown")
KINDS = [kind for kind in LESSONS if kind not in _SPECIAL]
_HEAD = """# Mutants, counted

Made by `python -m autograder.maintain.kit`. For twelve references of different kinds
(`autograder/maintain/kit/references.py`) this says what [the kit](kit.md) makes of them.

"Told apart" are the mutants that compute another function than the reference and than each other:
they are what a wrong answer can be named after, alone or in pairs. A "twin" computes the same as
one of them (leaving out the mask, and a mask of zeros), so one name stands for both. "Equivalent"
ones compute what the reference does, or something within a thousandth of it, such as another
epsilon: they are listed, and no answer loses points for them. "Do not run" are those that raise, or
give no finite number, at every size.

## By reference
"""


def made() -> dict[str, Catalogue]:
    """Return the catalogue of each reference, by its name."""
    return {name: exercise.catalogue for name, exercise in lab.exercises.items()}


def page(catalogues: dict[str, Catalogue]) -> str:
    """Return the page."""
    rows = [
        "| reference | steps | told apart | twins | equivalent | do not run |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in catalogues.items():
        counts = (found.mutants, found.twins, found.equivalent, found.broken)
        cells = " | ".join(str(len(one)) for one in counts)
        rows.append(f"| `{name}` | {found.steps} | {cells} |")
    operators = ["", "## By operator", "", "Told apart, of all that was made.", ""]
    operators += [f"| reference | {' | '.join(KINDS)} |", "|---" * (len(KINDS) + 1) + "|"]
    for name, found in catalogues.items():
        apart = Counter(mutant.kind for mutant in found.mutants)
        every = Counter(apart)
        every.update(mutant.kind for mutant in (*found.equivalent, *found.broken))
        every.update(mutant.kind for mutant, _ in found.twins)
        cells = " | ".join(f"{apart[k]} of {every[k]}" if every[k] else "" for k in KINDS)
        operators.append(f"| `{name}` | {cells} |")
    same = ["", "## Equivalent", ""]
    for name, found in catalogues.items():
        listed = ", ".join(f"`{mutant.name}`" for mutant in found.equivalent)
        same += [f"- `{name}`: {listed}"] if listed else []
    return _HEAD + "\n" + "\n".join([*rows, *operators, *same]) + "\n"
