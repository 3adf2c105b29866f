"""The figures as the page docs/bench.md, with the machine that they were taken on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from autograder.batch.grade_class import cores
from autograder.maintain.bench.setting import Figure

PACKAGES = ("torch", "nbgrader", "distributed")


def machine() -> str:
    """Return a line on the machine and on what is installed."""
    gib = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{cores()} cores ({_processor()}), {gib:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, {packages}"
    )


def page(command: str, figures: Sequence[Figure], tables: Sequence[str]) -> str:
    """Return the page, as Markdown.

    Args:
        command: what has measured the figures.
        figures: a row each.
        tables: lines of Markdown to stand below them.
    """
    rows = [" ".join(f"| {f.what} | {f.wanted} | {f.got} |".split()) for f in figures]
    return "\n".join(
        [
            "# What grading a class costs",
            "",
            f"Measured by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.",
            "",
            "| what | wanted | measured |",
            "|---|---|---|",
            *rows,
            "",
            *tables,
        ]
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
