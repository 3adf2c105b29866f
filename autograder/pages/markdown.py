"""Pure: Markdown as the HTML that a page shows, made harmless after it was rendered.

Whoever looks at Markdown looks at something else than a browser does: so it is rendered first, and
what came out is cleaned.
"""

from __future__ import annotations

import re
import time
from html import escape
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.pages import harmless
from autograder.pages.harmless import Attachments, TooMuch

MAX_MARKDOWN_CHARS = 20_000  # of one text, a few seconds at worst; a longer one is shown as typed
MAX_TYPED_CHARS = 200_000  # of a text that is shown as typed: what follows is left out
RENDERING_S = 20.0  # of one hand-in, processor time; an honest one takes some hundredths

# What MathJax would make a link, a class or an id of, whatever its settings are.
_MATHS = re.compile(r"\\(?:href|style|class|cssId|includegraphics)(?![a-zA-Z])")
_CHECKED, _UNCHECKED = "☑", "☐"


class Patience:
    """How long the texts of one hand-in may take in all: what comes later is shown as typed."""

    def __init__(self, seconds: float = RENDERING_S) -> None:
        self._left_s = seconds

    @property
    def over(self) -> bool:
        """Return whether nothing is left of it."""
        return self._left_s <= 0

    def spend(self, seconds: float) -> None:
        """Take some of it."""
        self._left_s -= seconds


def as_html(
    source: str, attachments: Attachments | None = None, patience: Patience | None = None
) -> str:
    """Return the HTML of a text cell, harmless in any page, and without line breaks.

    A renderer of Markdown leaves it as it is: see `one_block`.

    Args:
        source: Markdown of anybody's, with HTML in it.
        attachments: of its cell: name -> kind -> base64.
        patience: of its hand-in.
    """
    return one_block(_rendered(source, attachments, patience)[0])


def harmless_source(
    source: str, attachments: Attachments | None = None, patience: Patience | None = None
) -> str:
    """Return what to store for a text cell: to the letter, unless a renderer makes more of it.

    A text that stays is plain: paragraphs, lists, tables, emphasis, formulas. Anything else, such
    as a heading (renderers give it an id), a link or HTML, is stored as its harmless HTML.

    Args:
        source: Markdown of anybody's, with HTML in it.
        attachments: of its cell: name -> kind -> base64.
        patience: of its hand-in.
    """
    if not source.strip():
        return ""
    html, plain = _rendered(source, attachments, patience)
    return source if plain else one_block(html)


def one_block(html: str) -> str:
    """Return cleaned HTML as one block, which Markdown passes on as it is.

    Markdown ends a block at an empty line, and nbconvert looks for links in Markdown's HTML again,
    in a time that grows with the square of the brackets.
    """
    return f"<div>{html}</div>".replace("\r", "").replace("\n", "&#10;").replace("[", "&#91;")


def without_maths_links(text: str) -> str:
    """Return a text of which MathJax makes formulas, and nothing else."""
    return _MATHS.sub(r"\\text", text)


def typed(text: str) -> str:
    """Return a text as it was typed, as HTML."""
    left_out = len(text) - MAX_TYPED_CHARS
    end = f"\n(The rest, {left_out:,} characters, is left out.)" if left_out > 0 else ""
    return f"<pre>{escape(text[:MAX_TYPED_CHARS] + end)}</pre>"


def _rendered(
    source: str, attachments: Attachments | None, patience: Patience | None
) -> tuple[str, bool]:
    """Return harmless HTML, and whether any renderer makes the same of the source."""
    without = without_maths_links(source)
    if len(source) > MAX_MARKDOWN_CHARS or (patience is not None and patience.over):
        return typed(without), False
    began_s = time.process_time()
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    try:
        html = MarkdownWithMath(renderer=renderer).render(without)
        cleaned = harmless.clean(html, attachments)
    except (TooMuch, RecursionError):
        return typed(without), False
    finally:
        if patience is not None:
            patience.spend(time.process_time() - began_s)
    same = cleaned == html.replace(" />", ">").replace("&quot;", '"')
    return cleaned, same and renderer.plain and without == source


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, without what it adds: ids, colours, forms, pictures.

    Attributes:
        plain: whether nothing of that was left out.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.plain = True

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Return a heading without an id and a link to it."""
        self.plain = False
        return f"<h{level}>{text}</h{level}>\n"

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return code as it is: a highlighter takes long over what is made for that."""
        self.plain = self.plain and not info
        return f"<pre><code>{escape(code, quote=False)}</code></pre>\n"

    def task_list_item(self, text: str, checked: bool = False) -> str:
        """Return an entry of a list with a box."""
        self.plain = False
        return f"<li>{_CHECKED if checked else _UNCHECKED} {text}</li>\n"

    def _embed_image_or_attachment(self, src: str) -> str:
        """Return the address: cleaning looks for attachments."""
        self.plain = False
        return src
