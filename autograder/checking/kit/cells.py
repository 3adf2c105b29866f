"""The grade cells that follow from an exercise's points, and the sizes it is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograder.checking.kit import function_checks, module_checks
from autograder.checking.kit.exercise import Exercise, Points, shared
from autograder.checking.kit.reference import Reference, Size
from autograder.checking.trained.exercise import snake_case

Sizes = Sequence[Any] | Mapping[str, Any]
"""Each a tuple or a dict for the author's `inputs`; in a dict, by what a verdict calls it."""

FUNCTION = {"shape": function_checks.shape, "values": function_checks.values}
MODULE = {
    "shape": module_checks.shape,
    "parameters": module_checks.parameters,
    "function": module_checks.function,
}


def cells(
    reference: Reference,
    points: Mapping[str, Points],
    looks: Mapping[str, Any],
    alone: str,
) -> tuple[dict[str, tuple[float, ...]], dict[str, str]]:
    """Return the points and what is looked at, by grade id."""
    shares, asks = {}, {}
    for what, part in points.items():
        look = what or alone
        if look not in looks:
            raise ValueError(f"points for {what!r}; there are: {', '.join(looks)}")
        grade_id = snake_case(reference.name) + (f"_{what}" if what else "")
        asks[grade_id] = look
        shares[grade_id] = shared(part, _count(reference, look), f"{reference.name}, {look}")
    return shares, asks


def _count(reference: Reference, look: str) -> int:
    """Return how many things a grade cell looks at."""
    if look == "parameters":
        return module_checks.parameter_parts(Exercise(reference, {}, {}))
    return len(reference.sizes) + (look == "values")


def sizes_of(sizes: Sizes) -> tuple[Size, ...]:
    labelled = sizes.items() if isinstance(sizes, Mapping) else [("", size) for size in sizes]
    return tuple(
        Size(label, (), dict(size)) if isinstance(size, Mapping) else Size(label, tuple(size))
        for label, size in labelled
    )
