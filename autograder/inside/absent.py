"""What a notebook asks for and the machine that grades it does not have."""

from __future__ import annotations

import sys
from collections import defaultdict

MAX_NAMES = 50  # of a kind
MAX_CHARACTERS = 80


class Absent:
    """Remembers what was asked for, and tells it once in the cell that asks.

    Attributes:
        asked: kind ("package", "device", ...) -> names, in the order in which they were asked for.
        answering: whether the judge's question is being answered, not one of the cells run.
    """

    def __init__(self) -> None:
        self.asked: defaultdict[str, list[str]] = defaultdict(list)
        self.answering = False

    def note(self, kind: str, name: str, text: str) -> None:
        """Remember one name, and tell the student what is done instead.

        Args:
            kind: "package", "magic", "backend", "device", ...
            name: what is not there.
            text: a sentence without its full stop.
        """
        names, name = self.asked[kind], name[:MAX_CHARACTERS]
        if name not in names and len(names) < MAX_NAMES:
            names.append(name)
            say(text)


def say(text: str) -> None:
    """Write a sentence below the cell that runs."""
    print(f"Note from the grader: {text}.", file=sys.stderr)
