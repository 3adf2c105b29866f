"""Draws the accuracy top-left beside the one bottom-right, with the tiers of the graded scale."""

from __future__ import annotations

from autograder.assignments.cnns.improved import calibration
from autograder.pages.pictures.svg import (
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

_WIDTH, _LEFT, _BAR = 400, 96, 26  # legible on a phone


def accuracy_bars(top_left: float, bottom_right: float) -> str:
    """Return two bars; dashed lines mark the tiers of the lower one.

    Args:
        top_left: accuracy in [0, 1] where the network was trained.
        bottom_right: accuracy in [0, 1] where it was not.
    """
    room = _WIDTH - _LEFT - 60
    shapes = []
    for row, (name, value, colour) in enumerate(
        (("top left", top_left, BLUE), ("bottom right", bottom_right, ORANGE))
    ):
        y = 8 + row * 40
        shapes += [
            text(_LEFT - 10, y + 18, name, anchor="end"),
            rectangle(_LEFT, y, room, _BAR, PALE),
            rectangle(_LEFT, y, room * value, _BAR, colour),
            text(_LEFT + room + 8, y + 18, f"{value:.1%}", bold=True),
        ]
    for tier in calibration.scale().bottom_right:
        x = _LEFT + room * tier.accuracy
        shapes += [
            line(x, 42, x, 92, INK, dash="4 3"),
            text(x, 108, f"{tier.accuracy:.0%}", anchor="middle", size=12),
            text(x, 123, f"{tier.points:g} points", GREY, "middle", size=12),
        ]
    tiers = ", ".join(
        f"{t.accuracy:.0%} for {t.points:g} points" for t in calibration.scale().bottom_right
    )
    description = (
        f"Accuracy on test digits: top left {top_left:.1%}, bottom right {bottom_right:.1%}. "
        f"Tiers for the bottom right: {tiers}."
    )
    return picture(_WIDTH, 130, description, *shapes)
