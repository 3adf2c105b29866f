"""An author's marks: what accuracies of a network that is trained are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from course_utils.scale import Mark, Scale

Marks = Mapping[float, float]
"""Accuracy in [0, 1] -> points, rising."""


def scale_of(marks: Mapping[str, Marks], classes: int, **rules: float) -> Scale:
    """Return the scale of these marks.

    Args:
        marks: test set -> its marks.
        classes: by which chance is known: a network has begun to learn when it is better by a ninth
            of what there is above chance.
        rules: of the scale, in place of the usual ones.

    Raises:
        ValueError: marks do not rise, or the first of them is worth something.
    """
    made = {}
    for test, given in marks.items():
        accuracies, points = sorted(given), [given[accuracy] for accuracy in sorted(given)]
        if len(given) < 2 or points[0] != 0 or points != sorted(set(points)):
            raise ValueError(
                f"the marks of {test!r}: expected an accuracy that is worth 0 points and others "
                f"that are worth more and more, got {dict(given)}"
            )
        if not (accuracies[0] >= 0 and accuracies[-1] <= 1) or not test.isidentifier():
            raise ValueError(
                f"the marks of {test!r}: expected accuracies in [0, 1], and a Python name of the "
                f"test set, got {dict(given)}"
            )
        made[test] = tuple(
            Mark(f"{accuracy:.0%}", accuracy, points) for accuracy, points in sorted(given.items())
        )
    if not made:
        raise ValueError("expected marks of a test set, got none")
    allowed = {field.name for field in fields(Scale)} - {"marks"}
    if not set(rules) <= allowed:
        wrong = ", ".join(sorted(set(rules) - allowed))
        raise ValueError(f"no rule {wrong}; there are: {', '.join(sorted(allowed))}")
    chance = 1 / classes
    return Scale(made, **{"learns": chance + (1 - chance) / 9, **rules})
