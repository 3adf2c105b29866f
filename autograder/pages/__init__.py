"""The pages' common look, and the one way to render them: everything is escaped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

_HERE = Path(__file__).parent
NBCONVERT = _HERE / "nbconvert"  # nbconvert looks for its templates in folders of their own
# What a browser lets our pages do: show their own styles and the pictures that are in them. Nothing
# runs and nothing is loaded, whatever has got into a page.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
STYLE = (_HERE / "page.css").read_text(encoding="utf-8")

_environment = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def points(value: float | None) -> str:
    """Return points as people write them: 5, not 5.0; 0 for none."""
    return f"{value or 0:.6g}"


def code(text: str) -> Markup:
    """Return escaped text in which what stands between backticks is code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


_environment.filters["points"] = points
_environment.filters["code"] = code


def render(template: str, **values: Any) -> str:
    """Return a template of the folder `templates/`, filled in."""
    return _environment.get_template(template).render(**values)
