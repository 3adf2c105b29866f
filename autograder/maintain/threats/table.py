"""The page: each attack, what came of it under stock nbgrader and under ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version

from autograder.maintain.threats import HARM, HONEST, POINTS, READING
from autograder.maintain.threats.assignment import FULL
from autograder.maintain.threats.attack import Attack
from autograder.maintain.threats.run import Result

SECTIONS: Mapping[str, tuple[Attack, ...]] = {
    "It takes points that it did not earn": POINTS,
    "It breaks the grading of others": HARM,
    "It reads or writes where it does not belong": READING,
    "It is honest, and must not suffer": HONEST,
}


def page(results: Mapping[str, tuple[Result, Result]]) -> str:
    """Return the page in Markdown.

    Args:
        results: name of an attack -> what came of it under stock nbgrader, and under ours.
    """
    blocks = [_preface()]
    for title, attacks in SECTIONS.items():
        rows = [attack for attack in attacks if attack.name in results]
        if rows:
            blocks.append("\n".join([f"## {title}", "", *_table(rows, results)]))
    return "\n\n".join(blocks) + "\n"


def _preface() -> str:
    return (
        "# What hand-ins try, and what comes of it\n\n"
        "Written by `python -m autograder.maintain.threats`, which runs each of these hand-ins in "
        "two throw-away courses with one small assignment:\n\n"
        f"- **stock**: nbgrader {version('nbgrader')} as it comes, hidden tests made of "
        "assertions, as its documentation has them;\n"
        "- **ours**: the configuration of this repository.\n\n"
        f"There are {FULL:g} points. *Deserved* is what the hand-in's answers are worth. The tests "
        "`tests/maintain/threats/` hold the last column to it."
    )


def _table(rows: Iterable[Attack], results: Mapping[str, tuple[Result, Result]]) -> Iterable[str]:
    yield "| what it does | deserved | stock | ours |"
    yield "|---|---|---|---|"
    for attack in rows:
        stock, ours = results[attack.name]
        yield f"| {attack.does} | {attack.earned:g} | {stock} | {ours} |"
