"""The published file as a page: tables in Markdown, and a plot of every trial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from course_utils.scale import MAX_RUNS

Published = dict[str, Any]

_INTRODUCTION = """\
# Calibration of the accuracy marks

`ImprovedNet` is graded by training it afresh, on signs that nobody has seen, and asking for
bottom-right ones. Training has an element of luck, so points have a spread, and a mark has an error
rate. This page states them. It was written by

    autograder calibrate cnns

which measures families of answers, at least {seeds} networks of each, each on signs of its own,
by the very procedure that grading uses: its budgets, its rule for stopping early, its repeats.
Points come from the same file as this page (`autograder/assignments/cnns/calibration/cnns.json`).

## The procedure

- A fresh network learns 4,000 top-left images of ten signs, drawn for this run: at most {short:,}
  steps of {batch} images, AdamW, one cycle to a learning rate of {lr:g}.
- It is looked at after {checkpoints} steps. A run ends early when both accuracies are
  {margin:.0%} above the highest marks, which is {errors:.1f} standard errors of an accuracy of
  {top:.0%} on 1,000 images. {stopped}
- Where one more run, {spread:.0%} away from the mean, would move the points by more than one, the
  network is trained afresh, up to {runs} times, and the mean counts.
- A network that has begun to learn (at least {learns:.0%} top left) and reads bottom right at least
  {follows:.0%} of what it reads top left gets one long run of up to {long:,} steps if it has not
  all points. That run counts if the same holds after it.

| corner | mark | accuracy | points |
|---|---|---|---|
{marks}

Between two marks points rise evenly, rounded to half a point. With a share of the points top left a
network gets the same share of those bottom right.

## How often the marks are wrong

Each family is meant to reach some mark bottom right at least and some mark at most. Where the two
differ its networks fall on both sides, and it is meant neither way in between.

| mark | wrongly withheld | wrongly given | worst family | meant neither way | kept |
|---|---|---|---|---|---|
{errors_table}

In brackets: exact {confidence:.0%} confidence intervals. We ask for at most 1 % of errors of either
kind, an interval that ends below 2 %, and no family worse than 1 in 40.

## Families

![The accuracy of every network, by family](calibration.png)

Points are of 25: up to 5 top left, up to 20 bottom right; mean and standard deviation from one
network and one draw of signs to the next.

| family | its networks | meant for mark | bottom right | in all | {headings} | long runs | CPU s |
|---|---|---|---|---|{rules}---|---|
{families}

## How it was measured

{cpu:.1f} core-hours; {versions}.
"""


def page(found: Published) -> str:
    """Return the page in Markdown."""
    scale, (short, long) = found["scale"], found["protocols"]
    marks = scale["bottom_right"]
    top = marks[-1]["accuracy"]
    return _INTRODUCTION.format(
        seeds=min(len(family["trials"]) for family in found["families"]),
        short=short["checkpoints"][-1],
        long=long["checkpoints"][-1],
        batch=short["batch_size"],
        lr=short["max_lr"],
        checkpoints=" and ".join(map(str, short["checkpoints"])),
        margin=scale["margin"],
        spread=scale["spread"],
        learns=scale["learns"],
        follows=scale["follows"],
        runs=MAX_RUNS,
        errors=scale["margin"] / (top * (1 - top) / 1000) ** 0.5,
        top=top,
        stopped=_stopped(found["early_stops"]),
        marks="\n".join(_mark_rows(scale)),
        errors_table="\n".join(map(_errors_row, found["marks"])),
        confidence=found["confidence"],
        headings=" | ".join(["top-left", *(f"mark {n}" for n in range(1, len(marks)))]),
        rules="---|" * len(marks),
        families="\n".join(map(_family_row, found["families"])),
        cpu=found["cpu_s"] / 3600,
        versions=", ".join(f"{name} {version}" for name, version in found["versions"].items()),
    )


def plot(found: Published, path: Path) -> None:
    """Draw each network's bottom-right accuracy, and the marks, to a PNG."""
    families = found["families"][::-1]
    with matplotlib.rc_context({"font.size": 9, "svg.hashsalt": "calibration"}):
        figure = Figure(figsize=(8, 0.34 * len(families) + 1.2), layout="constrained")
        axes = figure.subplots()
        jitter = np.random.default_rng(0)
        for row, family in enumerate(families):
            right = [trial["bottom_right"] for trial in family["trials"]]
            heights = row + jitter.uniform(-0.28, 0.28, len(right))
            axes.plot(right, heights, "o", markersize=3.5, alpha=0.55, color="#2b6cb0", mew=0)
        for mark in found["scale"]["bottom_right"]:
            axes.axvline(mark["accuracy"], color="#c05621", linewidth=1.2)
            axes.text(
                mark["accuracy"],
                len(families) - 0.4,
                f" {mark['points']:g} points",
                color="#9c4221",
                va="bottom",
            )
        axes.set_yticks(range(len(families)), [family["name"] for family in families])
        axes.set_ylim(-0.6, len(families) + 0.3)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0))
        axes.set_xlabel("accuracy on bottom-right signs that counts, of each network")
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _mark_rows(scale: dict[str, Any]) -> Iterator[str]:
    for corner in ("top_left", "bottom_right"):
        for mark in scale[corner]:
            cells = (corner.replace("_", " "), mark["name"], f"{mark['accuracy']:.0%}")
            yield f"| {' | '.join(cells)} | {mark['points']:g} |"


def _stopped(rate: dict[str, Any]) -> str:
    if not rate["of"]:
        return "How often that is wrong was not measured in this run."
    return (
        f"Of {rate['of']} runs that would have ended early and were trained on all the same, "
        f"{rate['count']} ended below the highest mark."
    )


def _errors_row(mark: dict[str, Any]) -> str:
    worst = mark["worst_family"]
    cells = (
        mark["mark"],
        _share(mark["withheld_from_those_meant_to_pass"]),
        _share(mark["given_to_those_meant_not_to"]),
        f"{worst['name']}: {worst['count']} of {worst['of']}",
        "; ".join(mark["meant_neither_way"]) or "none",
        "yes" if mark["kept"] else "**no**",
    )
    return f"| {' | '.join(cells)} |"


def _family_row(family: dict[str, Any]) -> str:
    low, high = family["at_least"], family["at_most"]
    meant = str(low) if low == high else f"{low} to {high}"
    cpu_s = family["median_cpu_s"]
    cells = (
        family["name"],
        family["about"],
        "none" if high == 0 else meant,
        _points(family["points_bottom_right"]),
        _points(family["points"]),
        *(_share(rate) for rate in family["passed"]),
        str(sum(trial["long_run"] for trial in family["trials"])),
        "" if cpu_s is None else f"{cpu_s:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _points(spread: dict[str, float] | None) -> str:
    return f"{spread['mean']:.1f} ± {spread['deviation']:.1f}" if spread else ""


def _share(rate: dict[str, Any]) -> str:
    low, high = rate["interval"]
    value = rate["count"] / rate["of"] if rate["of"] else 0.0
    return f"{rate['count']} of {rate['of']}: {value:.1%} ({low:.1%} to {high:.1%})"
