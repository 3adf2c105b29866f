"""Draws accuracies beside each other, with the marks that earn points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograder.pages.pictures._svg import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    line,
    picture,
    rectangle,
    text,
)

_WIDTH, _LEFT, _BAR, _ROW = 400, 96, 26, 40  # legible on a phone


def accuracy_bars(accuracies: Sequence[Mapping[str, Any]]) -> str:
    """Return a bar for each accuracy; dashed lines are the marks of the last one.

    Args:
        accuracies: of each its "name", its "value" in [0, 1] and, if it earns points by them, its
            "marks": what "accuracy" is worth how many "points".
    """
    room, floor = _WIDTH - _LEFT - 60, _ROW * len(accuracies) + 12
    shapes, said, marks = [], [], accuracies[-1].get("marks", [])
    for row, shown in enumerate(accuracies):
        y, value = 8 + row * _ROW, shown["value"]
        colour = ORANGE if row == len(accuracies) - 1 else BLUE
        shapes += [
            text(_LEFT - 10, y + 18, shown["name"], anchor="end"),
            rectangle(_LEFT, y, room, _BAR, PALE),
            rectangle(_LEFT, y, room * value, _BAR, colour),
            text(_LEFT + room + 8, y + 18, f"{value:.1%}", bold=True),
        ]
        said.append(f"{shown['name']} {value:.1%}")
    for mark in marks:
        x = _LEFT + room * mark["accuracy"]
        percent, points = ("%", " points") if mark is marks[-1] else ("", "")  # they stand close
        shapes += [
            line(x, floor - 50, x, floor, INK, dash="4 3"),
            text(x, floor + 16, f"{100 * mark['accuracy']:.0f}{percent}", anchor="middle", size=12),
            text(x, floor + 31, f"{mark['points']:g}{points}", GREY, "middle", size=12),
        ]
    description = f"Accuracy on test images: {', '.join(said)}."
    if marks:
        worth = ", ".join(f"{mark['accuracy']:.0%} for {mark['points']:g} points" for mark in marks)
        description += f" Marks for {accuracies[-1]['name']}: {worth}."
    return picture(_WIDTH, floor + 38, description, *shapes)
