"""Pictures of a verdict: what a check leaves in `CheckResult.figures`, drawn as inline SVG.

A check that puts one of these into its figures gets the picture; no other code needs to know.

    "accuracies"    a list of {"name", "value"}, in [0, 1]: bars; with them, as the last
                    one's "marks", {"accuracy", "points"}
    "layers"        a list of {"name", "size", "right"}: the first wrong one marked
    "activations"   {"expected": image, "got": image} from `checking.thumbnail`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.pages.pictures._accuracy import accuracy_bars
from autograder.pages.pictures._activations import activation_pair
from autograder.pages.pictures._layers import layer_sizes


def pictures(figures: Mapping[str, Any]) -> list[str]:
    """Return the pictures that these figures give, as SVG elements; often none."""
    drawn = []
    if "layers" in figures:
        drawn.append(layer_sizes(figures["layers"]))
    if "activations" in figures:
        drawn.append(activation_pair(**figures["activations"]))
    if "accuracies" in figures:
        drawn.append(accuracy_bars(figures["accuracies"]))
    return drawn
