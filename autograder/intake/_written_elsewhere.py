"""Answers in words that a student wrote in another cell than the one for it."""

from __future__ import annotations

import re

from autograder.intake._records import Known, PlacedCell, Repair
from autograder.intake._release import plain_text

MAX_CHARS = 20_000
"""Characters brought to one question; the rest is read where it stands."""
_MARK = "\n\n---\n\n"  # between two texts: a line across in Markdown
_WORD = re.compile(r"\w")
_TEXT_MAGIC = re.compile(r"\s*%%(?:markdown|html|latex|svg)\b.*\n")
# What is left of a code cell without its comments, its texts and what shows them.
# One that does not end goes on to the end: so each character is looked at once.
_STRING = (
    r"'{3}(?s:.*?)(?:'{3}|\Z)|\"{3}(?s:.*?)(?:\"{3}|\Z)"
    r"|'(?:[^'\\\n]++|\\.)*+'?|\"(?:[^\"\\\n]++|\\.)*+\"?"
)
_NO_CODE = re.compile(
    rf"#[^\n]*|[rbfuRBFU]{{0,2}}(?:{_STRING})|\b(?:print|display|Markdown|HTML|Latex)\b"
    r"|^[ \t]*\w+[ \t]*=(?!=)|[\s(),;+\\]",
    re.MULTILINE,
)


def bring_answers(slots: list[PlacedCell], knowns: list[Known], repairs: list[Repair]) -> None:
    """Put into each unanswered question what the student wrote elsewhere, for a person to read.

    nbgrader gives 0 to a question whose cell is as it was released, and asks nobody. What was
    written stays where it is, too.
    """
    given = {line for known in knowns for line in _lines(known.plain)}
    texts = [(i, text) for i, slot in enumerate(slots) if (text := _new_text(slot, knowns, given))]
    if not texts:
        return
    for place, slot in enumerate(slots):
        known = None if slot.known is None else knowns[slot.known]
        if known is None or known.role != "answer" or not known.grade_id:
            continue
        if plain_text(slot.node.source) != known.plain:
            continue
        nearest = sorted(texts, key=lambda entry: abs(entry[0] - place))
        found = _MARK.join(text for _, text in nearest)
        if len(found) > MAX_CHARS:
            found = f"{found[:MAX_CHARS]}\n\n(There is more of it in the notebook.)"
        if slot.node.cell_type == "code":
            commented = "\n".join(f"# {line}" for line in found.splitlines())
            slot.node.source = f"{slot.node.source.rstrip()}\n{commented}"
        else:
            slot.node.source = found
        what = f"the answer cell {known.grade_id} was left as it was given out"
        then = "what you wrote in other cells was put into it, for a person to read"
        repairs.append(Repair(known.grade_id, f"{what}; {then}"))


def _new_text(slot: PlacedCell, knowns: list[Known], given: set[str]) -> str:
    """Return what a cell says that the release does not; "" if it is code, or says nothing new."""
    known = None if slot.known is None else knowns[slot.known]
    if known is not None and known.role is not None:
        return ""  # a question, an answer to another one, a solution
    source = str(slot.node.source)
    if slot.node.cell_type == "code":
        if known is not None and plain_text(source) == known.plain:
            return ""
        if not _TEXT_MAGIC.match(source) and _NO_CODE.sub("", source):
            return ""
    kept = [line for line in source.splitlines() if line.strip() not in given]
    text = "\n".join(kept).strip()
    return text if _WORD.search(text) else ""


def _lines(text: str) -> list[str]:
    """Return the lines that are the release's own: with a word in them, else all have them."""
    return [line.strip() for line in text.splitlines() if _WORD.search(line)]
