"""Which of a hand-in's files is which notebook of the assignment, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.intake import Repair
from autograder.intake._plain_files import PlainFile, Refused, printable


def choose(
    entries: list[PlainFile], notebook_names: Sequence[str]
) -> tuple[dict[str, PlainFile], list[Repair]]:
    """Return each expected notebook's file: that of its name, else of the likeliest name."""
    left = {entry.path: entry for entry in entries if entry.path.lower().endswith(".ipynb")}
    chosen = {n: left.pop(f"{n}.ipynb") for n in notebook_names if f"{n}.ipynb" in left}
    repairs = []
    for likeness in (_same_name, _copy_of, _named_within):
        for name in notebook_names:
            found = [e for e in left.values() if name not in chosen and likeness(e, name)]
            if found:
                chosen[name] = max(found, key=lambda e: (-len(e.parts), e.modified_ns, e.path))
                del left[chosen[name].path]
                others = f", the newest of {len(found)}" if len(found) > 1 else ""
                repairs.append(_renamed(chosen[name], name, others))
    missing = [name for name in notebook_names if name not in chosen]
    if len(missing) == len(left) == 1:
        chosen[missing[0]] = next(iter(left.values()))
        repairs.append(_renamed(chosen[missing[0]], missing[0], ", the only notebook"))
    return chosen, repairs


def _renamed(entry: PlainFile, name: str, why: str) -> Repair:
    return Repair(None, f"{printable(entry.path)}{why} was taken for {name}.ipynb")


def _stem(entry: PlainFile) -> str:
    return entry.parts[-1][: -len(".ipynb")]


def _same_name(entry: PlainFile, name: str) -> bool:
    """Accept cnns.ipynb in a folder, or CNNs.IPYNB."""
    return _stem(entry).lower() == name.lower()


def _copy_of(entry: PlainFile, name: str) -> bool:
    """Accept cnns-1, cnns (1), cnns-Copy1, cnns - Copy (2), Copy of cnns, Kopie von cnns."""
    after = r"(?:[ _-]*+(?:\(\d++\)|copy\d*+|\d++))*+"  # possessive: linear on any name
    return bool(re.fullmatch(rf"(\w+ \w+ )?{re.escape(name)}{after}", _stem(entry), re.IGNORECASE))


def _named_within(entry: PlainFile, name: str) -> bool:
    """Accept cnns_final, mueller-cnns."""
    within = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
    return bool(re.search(within, _stem(entry), re.IGNORECASE))


def why_missing(name: str, refused: list[Refused]) -> str:
    for entry in refused:
        if entry.name == f"{name}.ipynb":
            return f"{entry.name} was refused: {entry.reason}"
    return "no notebook was handed in"
