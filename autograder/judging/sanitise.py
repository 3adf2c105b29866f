"""Pure: what a hand-in shows, made harmless for the pages that show it.

Scripts do not survive, nor do paths of the grader's machine, nor text that takes hours to clean.
Both feedback and formgrader put a notebook's texts into their pages as they are, so a text is
looked at in the form that it has there.
"""

from __future__ import annotations

import re
import sys
from html import escape
from html.parser import HTMLParser
from typing import Any

from bleach import clean
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbformat import NotebookNode
from nbformat.v4 import new_output

MAX_HTML_CHARS = 200_000  # cleaning is slow, and no honest cell shows more
MAX_MARKDOWN_CHARS = 20_000  # of one text; a longer one is shown as it was typed
DEEPEST_HTML = 60  # tags within tags: cleaning takes that many times as long

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
_EMPTY_TAGS = ("br", "hr", "img", "col")
_TEXT_KINDS = ("text/plain", "text/html", "text/markdown", "text/latex")
_PICTURE_KINDS = ("image/png", "image/jpeg")  # no SVG: it carries scripts
_HIDDEN_TESTS = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS$.*?^[ \t]*### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_SAFE_URL = re.compile(r"(https?://|mailto:|attachment:|data:image/(png|jpeg|gif);|#|[\w./%-]*\Z)")
_TAG_LEFT_IN_TEXT = re.compile(r"<[a-zA-Z/!?]")
_MATHS_LINK = re.compile(r"\\href(?![a-zA-Z])")  # MathJax would make a link of any kind of it
_HOST_PATHS = sorted(
    {sys.prefix: "<python>", sys.base_prefix: "<python>", "/opt/grading": "<grading>"}.items(),
    key=lambda item: -len(item[0]),
)


def outputs(shown: list[NotebookNode]) -> list[NotebookNode]:
    """Return a code cell's outputs without scripts and without paths of this machine."""
    cleaned = [_output(output) for output in shown]
    return [output for output in cleaned if output.get("data") != {}]


def html(text: str) -> str:
    """Return HTML, or Markdown with HTML in it, in which nothing can run."""
    if len(text) > MAX_HTML_CHARS:
        return "(HTML of this size is not shown)"
    try:
        if _depth(text) > DEEPEST_HTML:
            return "(HTML of this depth is not shown)"
        sanitizer = CSSSanitizer(allowed_css_properties=_STYLES)
        cleaned = clean(
            text, tags=_TAGS, attributes=_ATTRIBUTES, css_sanitizer=sanitizer, strip=True
        )
    except Exception:  # whatever malformed HTML makes the parsers raise
        return "(malformed HTML is not shown)"
    return _MATHS_LINK.sub(r"\\text", str(cleaned))


def markdown(source: str) -> str:
    """Return a text cell's source: to the letter, unless something could run in its page."""
    source = _MATHS_LINK.sub(r"\\text", _plain(source))
    if len(source) <= MAX_MARKDOWN_CHARS:
        for text in (source, html(source)):
            if _is_harmless(text):
                return text
    return f"<pre>{escape(source)}</pre>"


def without_hidden_tests(source: str) -> str:
    """Return a grade cell's source as students know it."""
    return _HIDDEN_TESTS.sub("", source).rstrip()


def hide_paths(text: str) -> str:
    """Return `text` without the folders that this Python and its packages lie in."""
    for path, name in _HOST_PATHS:
        text = text.replace(path, name)
    return text


def _output(output: NotebookNode) -> NotebookNode:
    """Return an output of which only the known parts are left, each in its plainest form."""
    kind = output.output_type
    if kind == "stream":
        name = "stderr" if output.name == "stderr" else "stdout"
        return new_output("stream", name=name, text=_text(output.text))
    if kind == "error":
        lines = [_text(line) for line in output.traceback]
        ename, evalue = _text(output.ename), _text(output.evalue)
        return new_output("error", ename=ename, evalue=evalue, traceback=lines)
    data: dict[str, str] = {}
    for mime, value in output.data.items():
        if mime in _TEXT_KINDS:
            data[mime] = _shown_as(mime, hide_paths(_plain(value)))
        elif mime in _PICTURE_KINDS and _BASE64.fullmatch(_plain(value)):
            data[mime] = _plain(value)
    metadata = {mime: _sizes(output.metadata.get(mime)) for mime in data if mime in _PICTURE_KINDS}
    more = {"execution_count": output.execution_count} if kind == "execute_result" else {}
    return new_output(kind, data, metadata=metadata, **more)


def _shown_as(mime: str, text: str) -> str:
    if mime == "text/html":
        return html(text)
    if mime == "text/markdown":
        return markdown(text)
    return text if mime == "text/plain" else _MATHS_LINK.sub(r"\\text", text)


def _sizes(metadata: Any) -> dict[str, int]:
    """Return width and height, where they are whole numbers."""
    found = metadata if isinstance(metadata, dict) else {}
    return {key: found[key] for key in ("width", "height") if type(found.get(key)) is int}


def _plain(text: Any) -> str:
    """Return the text in one piece, without lone surrogates, which no file can hold."""
    whole = "".join(text) if isinstance(text, list) else str(text)
    return whole.encode("utf-8", errors="replace").decode("utf-8")


def _text(text: Any) -> str:
    """Return text for people: what a carriage return hides, such as a progress bar, is gone."""
    lines = hide_paths(_plain(text)).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rsplit("\r", 1)[-1] for line in lines)


def _is_harmless(source: str) -> bool:
    """Return whether the page that Markdown becomes holds nothing but known, whole tags."""
    page = _Page()
    try:  # a picture that is attached to the cell is none here: intake has looked at it
        page.feed(markdown2html_mistune(source.replace("attachment:", "")))
        page.close()
    except Exception:  # whatever malformed text makes the parsers raise
        return False
    return page.harmless


def _depth(text: str) -> int:
    """Return at least how many tags are open at one time."""
    deepest = now = 0
    for closing, tag in _TAG.findall(text):
        now = max(0, now - 1) if closing else now + (tag.lower() not in _EMPTY_TAGS)
        deepest = max(deepest, now)
    return deepest


class _Page(HTMLParser):
    """Reads HTML; `harmless` is whether each tag, attribute and link is known to do nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.harmless = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _PAGE_TAGS:
            self.harmless = False
        for name, value in attrs:
            if name in ("href", "src"):
                self.harmless &= _SAFE_URL.match((value or "").strip().lower()) is not None
            elif name not in _PAGE_ATTRIBUTES:
                self.harmless = False

    def handle_data(self, data: str) -> None:
        self.harmless &= _TAG_LEFT_IN_TEXT.search(data) is None

    def handle_comment(self, data: str) -> None:
        self.harmless = False

    def handle_decl(self, decl: str) -> None:
        self.harmless = False

    def unknown_decl(self, data: str) -> None:
        self.harmless = False

    def handle_pi(self, data: str) -> None:
        self.harmless = False


# What Markdown itself makes, too; but no `style`, which only `html` looks into.
_PAGE_TAGS = {*_TAGS, "del", "mark", "input"}
_PAGE_ATTRIBUTES = {"class", "id", "title", "alt", "width", "height", "open", "start", "align"}
_PAGE_ATTRIBUTES |= {"colspan", "rowspan", "scope", "role"}
