"""The published file as a page: tables in Markdown, and a plot of every trial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

Published = dict[str, Any]

_INTRODUCTION = """\
# Calibration of the accuracy tiers

`ImprovedNet` is graded by training it afresh and asking for bottom-right digits. Training has an
element of luck, so a threshold has an error rate. This page states it. It was written by

    autograder calibrate cnns

which measures families of answers, at least {seeds} networks of each, by the very procedure that
grading uses: its budget, its rule for stopping early, its repeats. Points come from the same file
as this page (`autograder/assignments/cnns/calibration/cnns.json`).

## The procedure

- A fresh network learns 4,000 top-left digits under permuted labels: at most {steps} steps of
  {batch} images, AdamW, one cycle to a learning rate of {lr:g}.
- It is looked at after {checkpoints} steps. A run ends early when both accuracies are
  {margin:.0%} above what the highest tier asks for, which is {errors:.1f} standard errors of an
  accuracy of {top:.0%} on 1,000 digits. {stopped}
- Near a threshold (the last column) one run does not decide: the network is trained afresh, and
  the middle one of three runs counts. Where the first two agree there is no third.

| tier | accuracy | points | in doubt |
|---|---|---|---|
{tiers}

## How often the tiers are wrong

Each family is meant to reach some tier at least and some tier at most. Where the two differ its
runs fall on both sides of a threshold, and it is meant neither way in between.

| tier | wrongly withheld | wrongly given | worst family | meant neither way | kept |
|---|---|---|---|---|---|
{errors_table}

In brackets: exact {confidence:.0%} confidence intervals. We ask for at most 1 % of errors of either
kind, an interval that ends below 2 %, and no family worse than 1 in 40.

## Families

![The accuracy of every network, by family](calibration.png)

| family | its networks | meant for tier | {headings} | CPU s |
|---|---|---|{rules}---|
{families}

## How it was measured

{cpu:.1f} core-hours; {versions}.
"""


def page(found: Published) -> str:
    """Return the page in Markdown."""
    scale, protocol = found["scale"], found["protocol"]
    tiers = scale["bottom_right"]
    top = tiers[-1]["accuracy"]
    return _INTRODUCTION.format(
        seeds=min(len(family["trials"]) for family in found["families"]),
        steps=protocol["checkpoints"][-1],
        batch=protocol["batch_size"],
        lr=protocol["max_lr"],
        checkpoints=" and ".join(map(str, protocol["checkpoints"])),
        margin=scale["margin"],
        errors=scale["margin"] / (top * (1 - top) / 1000) ** 0.5,
        top=top,
        stopped=_stopped(found["early_stops"]),
        tiers="\n".join(_tier_rows(scale)),
        errors_table="\n".join(map(_errors_row, found["tiers"])),
        confidence=found["confidence"],
        headings=" | ".join(["top-left", *(f"tier {n}" for n in range(1, len(tiers) + 1))]),
        rules="---|" * (len(tiers) + 1),
        families="\n".join(map(_family_row, found["families"])),
        cpu=found["cpu_s"] / 3600,
        versions=", ".join(f"{name} {version}" for name, version in found["versions"].items()),
    )


def plot(found: Published, path: Path) -> None:
    """Draw each network's bottom-right accuracy, and the tiers, to a PNG."""
    families = found["families"][::-1]
    with matplotlib.rc_context({"font.size": 9, "svg.hashsalt": "calibration"}):
        figure = Figure(figsize=(8, 0.34 * len(families) + 1.2), layout="constrained")
        axes = figure.subplots()
        jitter = np.random.default_rng(0)
        for row, family in enumerate(families):
            right = [trial["bottom_right"] for trial in family["trials"]]
            heights = row + jitter.uniform(-0.28, 0.28, len(right))
            axes.plot(right, heights, "o", markersize=3.5, alpha=0.55, color="#2b6cb0", mew=0)
        for tier in found["scale"]["bottom_right"]:
            axes.axvline(tier["accuracy"], color="#c05621", linewidth=1.2)
            axes.text(
                tier["accuracy"],
                len(families) - 0.4,
                f" {tier['points']:g} points",
                color="#9c4221",
                va="bottom",
            )
        axes.set_yticks(range(len(families)), [family["name"] for family in families])
        axes.set_ylim(-0.6, len(families) + 0.3)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0))
        axes.set_xlabel("accuracy on bottom-right digits, middle run of each network")
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _tier_rows(scale: dict[str, Any]) -> Iterator[str]:
    numbered = enumerate(scale["bottom_right"], start=1)
    named = [("top-left", scale["top_left"]), *((str(n), tier) for n, tier in numbered)]
    for name, tier in named:
        label = f"{name}: {tier['name']}"
        share = f"{tier['accuracy']:.0%}"
        doubt = f"{tier['doubt_from']:.0%} to {tier['doubt_to']:.0%}"
        yield f"| {label} | {share} | {tier['points']:g} | {doubt} |"


def _stopped(rate: dict[str, Any]) -> str:
    if not rate["of"]:
        return "How often that is wrong was not measured in this run."
    return (
        f"Of {rate['of']} runs that would have ended early and were trained on all the same, "
        f"{rate['count']} ended below the highest tier."
    )


def _errors_row(tier: dict[str, Any]) -> str:
    worst = tier["worst_family"]
    cells = (
        tier["tier"],
        _share(tier["withheld_from_those_meant_to_pass"]),
        _share(tier["given_to_those_meant_not_to"]),
        f"{worst['name']}: {worst['count']} of {worst['of']}",
        "; ".join(tier["meant_neither_way"]) or "none",
        "yes" if tier["kept"] else "**no**",
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
        *(_share(rate) for rate in family["passed"]),
        "" if cpu_s is None else f"{cpu_s:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _share(rate: dict[str, Any]) -> str:
    low, high = rate["interval"]
    value = rate["count"] / rate["of"] if rate["of"] else 0.0
    return f"{rate['count']} of {rate['of']}: {value:.1%} ({low:.1%} to {high:.1%})"
