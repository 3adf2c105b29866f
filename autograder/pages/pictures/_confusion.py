"""Draws a confusion matrix: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.pages.pictures._svg import GREY, INK, picture, rectangle, text

_CELL, _LEFT, _TOP = 30, 62, 34


def confusion_matrix(counts: Sequence[Sequence[int]]) -> str:
    """Return the matrix with its counts; darker is more.

    Args:
        counts: K rows of K, a row a label, a column a prediction.
    """
    size = len(counts)
    most = max(1, max(max(row) for row in counts))
    shapes = [
        text(_LEFT + size * _CELL / 2, 12, "read as", GREY, "middle"),
        text(4, _TOP + size * _CELL / 2, "class", GREY),
    ]
    for i, row in enumerate(counts):
        shapes += [
            text(_LEFT - 8, _TOP + i * _CELL + 20, str(i), anchor="end"),
            text(_LEFT + (i + 0.5) * _CELL, _TOP - 6, str(i), anchor="middle"),
        ]
        for j, count in enumerate(row):
            x, y, share = _LEFT + j * _CELL, _TOP + i * _CELL, count / most
            shapes.append(rectangle(x, y, _CELL - 1, _CELL - 1, _blue(share)))
            if count:
                ink = "#ffffff" if share > 0.5 else INK
                shapes.append(text(x + _CELL / 2, y + 19, str(count), ink, "middle", size=11))
    read = [sum(row[j] for row in counts) for j in range(size)]
    right = sum(counts[i][i] for i in range(size))
    favourite = max(range(size), key=lambda j: read[j])
    description = (
        f"Confusion matrix of {sum(read)} images: {right} are read right; "
        f"the most frequent answer is {favourite}, given {read[favourite]} times."
    )
    side = size * _CELL
    return picture(_LEFT + side + 4, _TOP + side + 4, description, *shapes)


def _blue(share: float) -> str:
    """Return a colour from nearly white (0) to dark blue (1)."""
    return "#" + "".join(
        f"{round(a + (b - a) * share):02x}" for a, b in ((244, 0), (247, 84), (250, 140))
    )
