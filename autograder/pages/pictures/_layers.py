"""Draws what each layer of a network should put out, and marks the first that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograder.pages.pictures._svg import GREEN, GREY, INK, RED, line, picture, rectangle, text

_WIDTH, _ROW = 380, 46


def layer_sizes(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return the layers from top to bottom, each with the size that it should put out.

    Args:
        layers: of each its "name", its "size" in words, and whether it is "right".
    """
    first = next((i for i, layer in enumerate(layers) if not layer["right"]), None)
    shapes, words = [], []
    for row, layer in enumerate(layers):
        y, right = 6 + row * _ROW, layer["right"]
        mark = "✓" if right else "✗"
        note = " ← start here" if row == first else ""
        colour = GREEN if right else RED
        dash = "" if right or row == first else "5 4"
        shapes += [
            rectangle(4, y, 260, 32, "#ffffff", colour, dash),
            text(16, y + 21, mark, colour, bold=True),
            text(36, y + 21, layer["name"], INK, bold=row == first),
            text(254, y + 21, layer["size"], GREY, anchor="end"),
            text(270, y + 21, note, RED, bold=True),
        ]
        if row + 1 < len(layers):
            shapes.append(line(134, y + 33, 134, y + _ROW - 1))
        words.append(f"{layer['name']} ({layer['size']}) {'right' if right else 'wrong'}{note}")
    description = "What each layer should put out, and whether it does: " + "; ".join(words) + "."
    return picture(_WIDTH, 6 + len(layers) * _ROW - 8, description, *shapes)
