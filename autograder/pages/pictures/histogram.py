"""Draws how many students got how many points."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from autograder.pages.pictures._svg import BLUE, GREY, INK, PALE, line, picture, rectangle, text

_BINS, _WIDTH, _HEIGHT, _LEFT, _BOTTOM = 20, 440, 210, 6, 40  # legible on a phone


def histogram(points: Sequence[float], max_points: float) -> str:
    """Return bars, one for each twentieth of the points, with the median marked.

    Args:
        points: a number a student, in [0, max_points].
        max_points: the most.
    """
    counts = [0] * _BINS
    for value in points:
        counts[min(_BINS - 1, max(0, int(value / max_points * _BINS)))] += 1
    tallest, step = max(1, *counts), (_WIDTH - 2 * _LEFT) / _BINS
    floor = _HEIGHT - _BOTTOM
    shapes = [*_median(points, max_points, floor), line(_LEFT, floor, _WIDTH - _LEFT, floor)]
    for i, count in enumerate(counts):
        height = (floor - 44) * count / tallest
        x = _LEFT + i * step
        shapes.append(rectangle(x + 1, floor - height, step - 2, height, BLUE))
        if count:
            shapes.append(
                text(x + step / 2, floor - height - 5, str(count), INK, "middle", size=11)
            )
    for quarter in range(5):
        x = _LEFT + (_WIDTH - 2 * _LEFT) * quarter / 4
        anchor = ("start", "middle", "middle", "middle", "end")[quarter]
        shapes.append(text(x, floor + 16, f"{max_points * quarter / 4:g}", GREY, anchor))
    shapes.append(text(_WIDTH / 2, floor + 34, "points", GREY, "middle"))
    words = f"Distribution of points of {len(points)} students"
    if points:
        words += f": from {min(points):g} to {max(points):g}, "
        words += f"median {statistics.median(points):g}"
    return picture(_WIDTH, _HEIGHT, f"{words}, of {max_points:g}.", *shapes)


def _median(points: Sequence[float], max_points: float, floor: float) -> list[str]:
    """Return a mark above the bars, and a pale line that goes on behind them."""
    if not points:
        return []
    median = statistics.median(points)
    x = _LEFT + (_WIDTH - 2 * _LEFT) * median / max_points
    left = median > max_points / 2
    words = text(
        x - 6 if left else x + 6, 16, f"median {median:g}", INK, "end" if left else "start"
    )
    return [line(x, 5, x, 26, INK), line(x, 26, x, floor, PALE, dash="4 3"), words]
