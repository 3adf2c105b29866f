"""Which of a hand-in's files is which notebook of the assignment, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from autograder.intake import Repair
from autograder.intake._kinship import Kind, Kinship
from autograder.intake._plain_files import TIMESTAMP, PlainFile, Refused, printable

MAX_NAMED = 5  # names in a sentence
_SET_ASIDE = re.compile(r"(?<![^\W_])(?:alt|archive|backup|bak|draft|old|tmp)(?![^\W_])", re.I)

Relation = Callable[[PlainFile, str], Kinship]
"""From a file and a notebook's name to how they are related."""


def choose(
    entries: Sequence[PlainFile], notebook_names: Sequence[str], related: Relation
) -> tuple[dict[str, PlainFile], list[Repair]]:
    """Return each expected notebook's file, and a sentence on each that was a choice.

    What holds work goes before what is as it was given out, then what has the expected name.

    Args:
        entries: the files that may be notebooks.
        notebook_names: those of the assignment.
        related: is asked only where there is a choice.
    """
    found: list[tuple[_Merit, str, PlainFile]] = []
    for name in notebook_names:
        for entry in entries:
            a_choice = len(entries) > 1
            kin = related(entry, name) if a_choice else Kinship(Kind.UNKNOWN)
            likeness = _likeness(entry, name)
            if likeness or kin.kind == Kind.WORKED:
                found.append((_merit(entry, likeness, kin), name, entry))
    found.sort(key=lambda candidate: candidate[0], reverse=True)
    chosen: dict[str, PlainFile] = {}
    for _, name, entry in found:
        if name not in chosen and entry not in chosen.values():
            chosen[name] = entry
    missing = [name for name in notebook_names if name not in chosen]
    left = [entry for entry in entries if entry not in chosen.values()]
    only = len(missing) == len(left) == 1
    if only:
        chosen[missing[0]], left = left[0], []
    repairs = [
        Repair(None, f"{printable(entry.path)}{why} was taken for {name}.ipynb")
        for name, entry in chosen.items()
        if entry.path != f"{name}.ipynb"
        for why in [", the only notebook" if only and name == missing[0] else _newest(found, name)]
    ]
    if chosen and left:
        names = listing(entry.path for entry in left)
        repairs.append(Repair(None, f"also handed in, and not graded: {names}"))
    return chosen, repairs


_Merit = tuple[int, int, int, int, bool, int, str]


def _merit(entry: PlainFile, likeness: int, kin: Kinship) -> _Merit:
    kind = Kind.UNKNOWN if kin.kind == Kind.UNREADABLE and not likeness else kin.kind
    given_up = bool(_SET_ASIDE.search("/".join(entry.parts)))
    depth = len(entry.parts)
    return (kind, likeness, kin.answered, -depth, not given_up, entry.modified_ns, entry.path)


def _newest(found: Sequence[tuple[_Merit, str, PlainFile]], name: str) -> str:
    """Return the words that say so where it was the time that decided."""
    merits = [merit for merit, whose, _ in found if whose == name]
    like = [merit for merit in merits if merit[:5] == merits[0][:5]]
    newer = all(merit[5] < like[0][5] for merit in like[1:])
    return f", the newest of {len(like)}" if len(like) > 1 and newer else ""


def listing(paths: Iterable[str]) -> str:
    """Return the first few of the names, and how many more there are."""
    names = [printable(path) for path in paths]
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _likeness(entry: PlainFile, name: str) -> int:
    """Return how like a file's name is to the expected one; 0 if it is not."""
    if entry.path == f"{name}.ipynb":
        return 4
    stem = re.split(r"[/\\]", entry.parts[-1])[-1][: -len(".ipynb")].strip(" .")
    stem = "".join(char for char in stem if char.isprintable())
    tests = (_same_name, _copy_of, _named_within)
    return next((3 - i for i, test in enumerate(tests) if test(stem, name)), 0)


def _same_name(stem: str, name: str) -> bool:
    """Accept cnns.ipynb in a folder, or CNNs.IPYNB."""
    return stem.lower() == name.lower()


def _copy_of(stem: str, name: str) -> bool:
    """Accept cnns-1, cnns (1), cnns-Copy1, cnns - Copy (2), Copy of cnns, Kopie von cnns."""
    after = r"(?:[ _-]*+(?:\(\d++\)|copy\d*+|\d++))*+"  # possessive: linear on any name
    return bool(re.fullmatch(rf"(\w+ \w+ )?{re.escape(name)}{after}", stem, re.IGNORECASE))


def _named_within(stem: str, name: str) -> bool:
    """Accept cnns_final, mueller-cnns."""
    within = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
    return bool(re.search(within, stem, re.IGNORECASE))


def why_missing(name: str, refused: Sequence[Refused], handed_in: Sequence[PlainFile]) -> str:
    """Return why there is no such notebook, with the names of what was handed in."""
    for entry in refused:
        if entry.name == f"{name}.ipynb":
            return f"{entry.name} was refused: {entry.reason}"
    names = [entry.path for entry in handed_in if entry.path != TIMESTAMP]
    notebooks = [path for path in names if path.lower().endswith(".ipynb")]
    if notebooks:
        return f"no notebook for {name} was handed in, only {listing(notebooks)}"
    if names:
        return f"no notebook was handed in, only {listing(names)}"
    return "no notebook was handed in"
