"""Draws the accuracy top-left against the one bottom-right, a dot a network."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.assignments.cnns.improved import calibration
from autograder.pages.pictures.svg import BLUE, GREY, PALE, circle, line, picture, rectangle, text

_SIDE, _LEFT, _TOP = 260, 52, 12


def scatter(networks: Sequence[tuple[str, float, float]]) -> str:
    """Return the dots, with the tiers of the bottom-right accuracy as dashed lines.

    Args:
        networks: of each whose it is, and its accuracies in [0, 1] top-left and bottom-right.
    """
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
    for tier in calibration.scale().bottom_right:
        y = floor - tier.accuracy * _SIDE
        shapes += [
            line(_LEFT, y, right, y, GREY, dash="4 3"),
            text(right + 6, y + 4, f"{tier.points:g} points", GREY, size=12),
        ]
    shapes += [
        circle(
            _LEFT + left * _SIDE,
            floor - below * _SIDE,
            5,
            BLUE,
            f"{student}: top left {left:.1%}, bottom right {below:.1%}",
        )
        for student, left, below in networks
    ]
    shapes += [
        text(_LEFT + _SIDE / 2, floor + 36, "accuracy top left", GREY, "middle"),
        text(_LEFT + 8, _TOP + 18, "accuracy bottom right", GREY),
    ]
    reached = ", ".join(
        f"{sum(below >= tier.accuracy for _, _, below in networks)} reach {tier.accuracy:.0%}"
        for tier in calibration.scale().bottom_right
    )
    description = (
        f"Accuracy top left against bottom right of {len(networks)} networks. "
        f"In the bottom right, {reached}."
    )
    return picture(right + 80, floor + 42, description, *shapes)
