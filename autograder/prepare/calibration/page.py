"""The published file as a page: tables in Markdown, and a plot of every trial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from course_utils.scale import MAX_RUNS, named

Published = dict[str, Any]

_PAGE = """\
# Calibration of `{exercise}`

Networks are graded by training them afresh, on data that nobody has seen, and asking what they
have learned. Training has an element of luck, so points have a spread, and a mark has an error
rate. This page states them. `autograder calibrate` wrote it: it measures families of answers, at
least {seeds} networks of each, each on data of its own, by the very procedure that grading uses:
its budgets, its rule for stopping early, its repeats.

## The procedure

- A fresh network is trained for at most {short:,} steps of {batch} inputs, AdamW, one cycle to a
  learning rate of {lr:g}.
- It is looked at after {checkpoints} steps. A run ends early when all accuracies are {margin:.0%}
  above the highest marks. {stopped}
- Where one more run, {spread:.0%} away from the mean, would move the points by more than one, and
  where a first run earned points by what does not carry over, the network is trained afresh, up to
  {runs} times, and the mean counts.
{long}
| test set | mark | accuracy | points |
|---|---|---|---|
{marks}

Between two marks points rise evenly, rounded to half a point.{share}

## How often the marks are wrong

Each family is meant to reach some marks at least and some at most. Where the two differ its
networks fall on both sides, and it is meant neither way in between.

| mark | wrongly withheld | wrongly given | worst family | meant neither way | kept |
|---|---|---|---|---|---|
{errors_table}

In brackets: exact {confidence:.0%} confidence intervals. We ask for at most 1 % of errors of either
kind, an interval that ends below 2 %, and no family worse than 1 in 40.

{proposals}

## Families

![The accuracy of every network, by family]({name}.png)

Points are the mean and the standard deviation from one network and one draw of the data to the
next. The next columns say how many of its networks reach each mark.

| family | its networks | {points} | in all | {headings} | long runs | CPU s |
|---|---|{rules}---|---|
{families}

## How it was measured

{cpu:.1f} core-hours; {versions}.
"""
_LONG = """\
- A network that has begun to learn (at least {learns:.0%} for {first}) and reaches {follows:.0%}
  of that on the other test sets gets one long run of up to {long:,} steps if it has not all
  points. That run counts if the same holds after it.
"""


def page(found: Published, name: str) -> str:
    """Return the page in Markdown; beside it lies the plot, under this name."""
    scale, (short, *long) = found["scale"], found["protocols"]
    tests = list(scale["marks"])
    longer = _LONG.format(
        learns=scale["learns"],
        first=named(tests[0]),
        follows=scale["follows"],
        long=long[0]["checkpoints"][-1] if long else 0,
    )
    share = f" With a share of the points for {named(tests[0])} a\nnetwork gets the same share of "
    return _PAGE.format(
        exercise=found["exercise"],
        name=name,
        seeds=min(len(family["trials"]) for family in found["families"]),
        short=short["checkpoints"][-1],
        batch=short["batch_size"],
        lr=short["max_lr"],
        checkpoints=" and ".join(map(str, short["checkpoints"])),
        margin=scale["margin"],
        spread=scale["spread"],
        runs=MAX_RUNS,
        stopped=_stopped(found["early_stops"]),
        long=longer if long else "",
        marks="\n".join(_mark_rows(scale)),
        share=f"{share}those for the rest." if len(tests) > 1 else "",
        errors_table="\n".join(map(_errors_row, found["marks"])),
        confidence=found["confidence"],
        proposals="\n".join(f"- {m['mark']}: {m['proposal']}." for m in found["marks"]),
        points=" | ".join(map(named, tests)),
        headings=" | ".join(mark["mark"] for mark in found["marks"]),
        rules="---|" * (len(tests) + 1 + len(found["marks"])),
        families="\n".join(map(_family_row, found["families"])),
        cpu=found["cpu_s"] / 3600,
        versions=", ".join(f"{name} {version}" for name, version in found["versions"].items()),
    )


def plot(found: Published, path: Path) -> None:
    """Draw each network's accuracy on the last test set, and the marks, to a PNG."""
    families = found["families"][::-1]
    test = list(found["scale"]["marks"])[-1]
    with matplotlib.rc_context({"font.size": 9, "svg.hashsalt": "calibration"}):
        figure = Figure(figsize=(8, 0.34 * len(families) + 1.2), layout="constrained")
        axes = figure.subplots()
        jitter = np.random.default_rng(0)
        for row, family in enumerate(families):
            reached = [trial["accuracies"][test] for trial in family["trials"]]
            heights = row + jitter.uniform(-0.28, 0.28, len(reached))
            axes.plot(reached, heights, "o", markersize=3.5, alpha=0.55, color="#2b6cb0", mew=0)
        for mark in found["scale"]["marks"][test]:
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
        axes.set_xlabel(f"accuracy that counts, {named(test)}, of each network")
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _mark_rows(scale: dict[str, Any]) -> Iterator[str]:
    for test, marks in scale["marks"].items():
        for mark in marks:
            cells = (named(test), mark["name"], f"{mark['accuracy']:.0%}")
            yield f"| {' | '.join(cells)} | {mark['points']:g} |"


def _stopped(rate: dict[str, Any]) -> str:
    if not rate["of"]:
        return "How often that is wrong was not measured in this run."
    return (
        f"Of {rate['of']} runs that would have ended early\n  and were trained on all the same, "
        f"{rate['count']} ended below a highest mark."
    )


def _errors_row(mark: dict[str, Any]) -> str:
    worst = mark["worst_family"]
    cells = (
        f"{mark['mark']}: {mark['means']}",
        _share(mark["withheld_from_those_meant_to_pass"]),
        _share(mark["given_to_those_meant_not_to"]),
        f"{worst['name']}: {worst['count']} of {worst['of']}",
        "; ".join(mark["meant_neither_way"]) or "none",
        "yes" if mark["kept"] else "**no**",
    )
    return f"| {' | '.join(cells)} |"


def _family_row(family: dict[str, Any]) -> str:
    cpu_s = family["median_cpu_s"]
    cells = (
        family["name"],
        family["about"],
        *(
            _points(spread) + _meant(family["meant"].get(test))
            for test, spread in family["points"].items()
        ),
        _points(family["points_in_all"]),
        *(f"{rate['count']} of {rate['of']}" for rate in family["passed"]),
        str(sum(trial["long_run"] for trial in family["trials"])),
        "" if cpu_s is None else f"{cpu_s:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _meant(marks: list[int] | None) -> str:
    """Return which marks a family is meant to reach."""
    if marks is None:
        return ""
    least, most = marks
    meant = "none" if most == 0 else f"{least}" if least == most else f"{least} to {most}"
    return f" (meant: {meant})"


def _points(spread: dict[str, float] | None) -> str:
    return f"{spread['mean']:.1f} ± {spread['deviation']:.1f}" if spread else ""


def _share(rate: dict[str, Any]) -> str:
    low, high = rate["interval"]
    value = rate["count"] / rate["of"] if rate["of"] else 0.0
    return f"{rate['count']} of {rate['of']}: {value:.1%} ({low:.1%} to {high:.1%})"
