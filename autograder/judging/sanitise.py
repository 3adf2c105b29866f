"""Pure: what a hand-in shows, made harmless for the pages that show it.

Scripts do not survive, nor do paths of the grader's machine, nor text that takes hours to show.
Both feedback and formgrader put a notebook's texts into their pages as they are, so a text is
looked at in the form that it has there.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.pages import harmless
from autograder.pages.markdown import (
    Patience,
    as_html,
    harmless_source,
    typed,
    without_maths_links,
)

_TEXT_KINDS = ("text/plain", "text/html", "text/markdown", "text/latex")
_PICTURE_KINDS = ("image/png", "image/jpeg")  # no SVG: it carries scripts
_HIDDEN_TESTS = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS$.*?^[ \t]*### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_HOST_PATHS = sorted(
    {sys.prefix: "<python>", sys.base_prefix: "<python>", "/opt/grading": "<grading>"}.items(),
    key=lambda item: -len(item[0]),
)


def outputs(shown: list[NotebookNode], patience: Patience | None = None) -> list[NotebookNode]:
    """Return a code cell's outputs without scripts and without paths of this machine.

    Args:
        shown: the outputs.
        patience: of the hand-in.
    """
    cleaned = [_output(output, patience) for output in shown]
    return [output for output in cleaned if output.get("data") != {}]


def html(text: str) -> str:
    """Return HTML in which nothing can run, or why it is not shown."""
    try:
        return without_maths_links(harmless.clean(text))
    except harmless.TooMuch as reason:
        return f"({reason})"


def text_cell(cell: NotebookNode, patience: Patience | None = None) -> str:
    """Return the source to store for a text cell, of which no page makes more than text.

    Args:
        cell: a Markdown or raw cell.
        patience: of the hand-in.
    """
    source = _plain(cell.source)
    if cell.cell_type == "raw":
        return typed(source) if source else ""
    return harmless_source(source, cell.get("attachments"), patience)


def without_hidden_tests(source: str) -> str:
    """Return a grade cell's source as students know it."""
    return _HIDDEN_TESTS.sub("", source).rstrip()


def hide_paths(text: str) -> str:
    """Return `text` without the folders that this Python and its packages lie in."""
    for path, name in _HOST_PATHS:
        text = text.replace(path, name)
    return text


def _output(output: NotebookNode, patience: Patience | None) -> NotebookNode:
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
            data[mime] = _shown_as(mime, hide_paths(_plain(value)), patience)
        elif mime in _PICTURE_KINDS and _BASE64.fullmatch(_plain(value)):
            data[mime] = _plain(value)
    metadata = {mime: _sizes(output.metadata.get(mime)) for mime in data if mime in _PICTURE_KINDS}
    more = {"execution_count": output.execution_count} if kind == "execute_result" else {}
    return new_output(kind, data, metadata=metadata, **more)


def _shown_as(mime: str, text: str, patience: Patience | None) -> str:
    if mime == "text/html":
        return html(text)
    if mime == "text/markdown":
        return as_html(text, patience=patience)
    return text if mime == "text/plain" else without_maths_links(text)


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
