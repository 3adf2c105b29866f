"""Draws activations beside those that were expected."""

from __future__ import annotations

from autograder.checking.check_result import ActivationImage
from autograder.pages.pictures._svg import INK, picture, png, rectangle, text

_PANEL = 190  # two of them are legible on a phone


def activation_pair(expected: ActivationImage, got: ActivationImage) -> str:
    """Return what was expected on the left, and what came on the right, in the same colours."""
    shapes = []
    for column, (name, image) in enumerate((("expected", expected), ("yours", got))):
        height, width = image["size"]
        scale = _PANEL / max(height, width, *expected["size"])
        x, shown = 4 + column * (_PANEL + 20), (width * scale, height * scale)
        shapes += [
            text(x, 14, f"{name}: {height} x {width}", INK, bold=True),
            png(x, 22, *shown, image["png"]),
            rectangle(x, 22, *shown, "none", "#59636e"),
        ]
    description = (
        "The activations on a photograph, expected "
        f"({expected['size'][0]} x {expected['size'][1]}) beside yours "
        f"({got['size'][0]} x {got['size'][1]})."
    )
    return picture(2 * _PANEL + 28, _PANEL + 28, description, *shapes)
