"""Draws one accuracy against another, a dot a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autograder.pages.pictures._svg import BLUE, GREY, PALE, circle, line, picture, rectangle, text

_SIDE, _LEFT, _TOP = 260, 52, 12


def scatter(
    networks: Sequence[tuple[str, float, float]],
    names: tuple[str, str],
    marks: Sequence[Mapping[str, float]],
) -> str:
    """Return the dots, with the marks of the second accuracy as dashed lines.

    Args:
        networks: of each whose it is, and two accuracies in [0, 1].
        names: what these are.
        marks: what "accuracy" of the second is worth how many "points".
    """
    across, up = names
    right, floor = _LEFT + _SIDE, _TOP + _SIDE
    shapes = [
        rectangle(_LEFT, _TOP, _SIDE, _SIDE, "#ffffff", PALE),
        line(_LEFT, floor, right, _TOP, PALE),
    ]
    for share in (0.0, 0.5, 1.0):
        shapes += [
            text(_LEFT + share * _SIDE, floor + 18, f"{share:.0%}", GREY, "middle"),
            text(_LEFT - 8, floor - share * _SIDE + 5, f"{share:.0%}", GREY, "end"),
        ]
    for mark in marks:
        y = floor - mark["accuracy"] * _SIDE
        shapes += [
            line(_LEFT, y, right, y, GREY, dash="4 3"),
            text(right + 6, y + 4, f"{mark['points']:g} points", GREY, size=12),
        ]
    shapes += [
        circle(
            _LEFT + left * _SIDE,
            floor - below * _SIDE,
            5,
            BLUE,
            f"{student}: {across} {left:.1%}, {up} {below:.1%}",
        )
        for student, left, below in networks
    ]
    shapes += [
        text(_LEFT + _SIDE / 2, floor + 36, f"accuracy {across}", GREY, "middle"),
        text(_LEFT + 8, _TOP + 18, f"accuracy {up}", GREY),
    ]
    reached = ", ".join(
        f"{sum(below >= mark['accuracy'] for _, _, below in networks)} reach {mark['accuracy']:.0%}"
        for mark in marks
    )
    description = f"Accuracy {across} against {up} of {len(networks)} networks." + (
        f" {up}: {reached}." if marks else ""
    )
    return picture(right + 80, floor + 42, description, *shapes)
