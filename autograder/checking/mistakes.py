"""One form for all that a check recognises in a wrong answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One departure from the right answer.

    Attributes:
        name: in the assignment's catalogue, such as "conv2-padding"; "" if it has none.
        words: for the student: a sentence, or what completes "Found in your network: ...".
        part: which part of the answer it belongs to, such as a layer; "" for the whole.
    """

    name: str
    words: str
    part: str = ""


def found_in(what: str, mistakes: Iterable[Mistake]) -> str:
    """Return mistakes as one sentence for the student, like words once; "" for none.

    Args:
        what: they were found in: "network".
        mistakes: whose words complete that sentence.
    """
    words = "; ".join(dict.fromkeys(mistake.words for mistake in mistakes))
    return f"Found in your {what}: {words}." if words else ""


def names(mistakes: Iterable[Mistake]) -> tuple[str, ...]:
    """Return the catalogue's names of mistakes, each once, in their order."""
    return tuple(dict.fromkeys(mistake.name for mistake in mistakes if mistake.name))
