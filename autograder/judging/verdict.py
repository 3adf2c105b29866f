"""Pure: a `CheckResult` as the student reads it, in HTML and in plain text."""

from __future__ import annotations

from html import escape

from autograder.checking.check_result import CheckResult, Criterion

_TABLE = "border-collapse:collapse;margin:0.4em 0;font-size:0.95em"
_CELL = "text-align:left;vertical-align:top;padding:0.25em 0.8em;border-bottom:1px solid #9994"
_HEADINGS = ("", "criterion", "expected", "got", "points")


def as_html(result: CheckResult) -> str:
    """Return the verdict as a small table, with its advice below; all text is escaped."""
    head = "".join(f'<th scope="col" style="{_CELL}">{heading}</th>' for heading in _HEADINGS)
    rows = "".join(_row(criterion) for criterion in result.criteria)
    advice = f'<p style="max-width:46em">{escape(result.advice)}</p>' if result.advice else ""
    return (
        f'<div class="verdict"><p><strong>{_points(result.points)} of '
        f"{_points(result.max_points)} points</strong></p>"
        f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"{advice}</div>"
    )


def as_text(result: CheckResult) -> str:
    """Return the verdict as plain text, a line a criterion."""
    lines = [f"{_points(result.points)} of {_points(result.max_points)} points"]
    for criterion in result.criteria:
        line = f"  {_mark(criterion)} {criterion.name}: expected {criterion.expected}"
        lines.append(f"{line}, got {criterion.got}")
    return "\n".join([*lines, *([result.advice] if result.advice else [])])


def _row(criterion: Criterion) -> str:
    points = f"{_points(criterion.earned)} / {_points(criterion.points)}"
    values = (_mark(criterion), criterion.name, criterion.expected, criterion.got, points)
    return "<tr>" + "".join(f'<td style="{_CELL}">{escape(v)}</td>' for v in values) + "</tr>"


def _mark(criterion: Criterion) -> str:
    return "✓" if criterion.earned >= criterion.points else "✗"


def _points(points: float) -> str:
    return f"{points:g}"
