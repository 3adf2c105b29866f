"""Pure: what a hand-in shows, made harmless for the pages that show it.

Scripts do not survive, nor do paths of the grader's machine.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from bleach import clean
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbformat import NotebookNode

MOST_HTML_CHARS = 200_000  # sanitising is slow, and no honest cell shows more

_TAGS = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "col",
    "colgroup",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
]
_ATTRIBUTES = {
    "*": ["class", "style", "title", "role", "aria-label", "aria-hidden", "colspan", "rowspan"],
    "a": ["href"],
    "img": ["alt", "width", "height"],
    "details": ["open"],
    "th": ["scope"],
}
_STYLES = [s for s in ALLOWED_CSS_PROPERTIES if not s.startswith(("position", "background-image"))]
_STYLES += ["border-left", "border-radius", "margin", "padding", "max-width", "border-collapse"]
_RAW_HTML = re.compile(r"<[a-zA-Z/!?]")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")  # what a carriage return hides, such as a progress bar
_HOST_PATHS = sorted(
    {sys.prefix: "<python>", sys.base_prefix: "<python>", "/opt/grading": "<grading>"}.items(),
    key=lambda item: -len(item[0]),
)

_html = SanitizeHTML(tags=_TAGS, attributes=_ATTRIBUTES, strip=True)


def outputs(shown: list[NotebookNode]) -> list[NotebookNode]:
    """Returns a code cell's outputs without scripts and without paths of this machine."""
    for output in shown:
        _edit_texts(output)
        data = output.get("data", {})
        if len(data.get("text/html", "")) > MOST_HTML_CHARS:
            data["text/plain"] = "(HTML of this size is not shown)"
            del data["text/html"]
        for text in ("text/html", "text/markdown"):
            if text in data:
                data[text] = html(data[text])
    return list(_html.sanitize_code_outputs(shown))


def html(text: str) -> str:
    """Returns HTML, or Markdown with HTML in it, in which nothing can run."""
    sanitizer = CSSSanitizer(allowed_css_properties=_STYLES)
    return str(clean(text, tags=_TAGS, attributes=_ATTRIBUTES, css_sanitizer=sanitizer, strip=True))


def markdown(source: str) -> str:
    """Returns a text cell's source; text without HTML stays to the letter what it was."""
    return html(source) if _RAW_HTML.search(source) else source


def hide_paths(text: str) -> str:
    """Returns `text` without the folders that this Python and its packages lie in."""
    for path, name in _HOST_PATHS:
        text = text.replace(path, name)
    return text


def _edit_texts(output: NotebookNode) -> None:
    if "text" in output:
        output.text = hide_paths(_OVERWRITTEN.sub("", output.text))
    if "traceback" in output:
        output.traceback = [hide_paths(line) for line in output.traceback]
    data: dict[str, Any] = output.get("data", {})
    for kind, value in data.items():
        if isinstance(value, str) and kind.startswith("text/"):
            data[kind] = hide_paths(value)
