"""Markdown of anybody's: stored to the letter where it is plain, else as its harmless HTML."""

from __future__ import annotations

import time

import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.pages.markdown import Patience, as_html, harmless_source, one_block

PIXEL = "aGVsbG8="


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("# Title\n\ntext", "<h1>Title</h1>&#10;<p>text</p>&#10;"),
        ("[docs](https://x.org/a)", "<p>docs (https://x.org/a)</p>&#10;"),
        ("- [x] a\n- [ ] b", "<ul>&#10;<li>☑ a</li>&#10;<li>☐ b</li>&#10;</ul>&#10;"),
        ("```python\na < b\n```", "<pre><code>a &lt; b&#10;</code></pre>&#10;"),
        ("![p](attachment:p.png)",
         f'<p><img src="data:image/png;base64,{PIXEL}" alt="p"></p>&#10;'),
        ("![p](attachment:gone.png)", "<p>(The picture p is not attached: gone.png)</p>&#10;"),
        ("$\\href{javascript:x}{y}$ and # no", "<p>$\\text{javascript:x}{y}$ and # no</p>&#10;"),
    ],
)  # fmt: skip
def test_what_renderers_make_more_of_is_stored_as_what_is_shown(source: str, html: str):
    stored = harmless_source(source, {"p.png": {"image/png": PIXEL}})
    if "href" in source:
        html = html.replace("&#10;", "\n")
        assert stored == f"<div>{html}</div>".replace("\n", "&#10;")
    else:
        assert stored == f"<div>{html}</div>"


@pytest.mark.parametrize("text", ["# T\n\n1\n\n    code\n\n- a\n\n\n[b](https://c.d) $$\n\n$$ |"])
def test_nbconvert_passes_on_what_is_stored(text: str):
    stored = harmless_source(text)
    assert markdown2html_mistune(stored).strip() == stored
    assert as_html(stored) == f"<div>{markdown2html_mistune(stored)}</div>".replace("\n", "&#10;")


def test_a_block_has_no_line_breaks_and_no_brackets():
    assert one_block("<pre>a\n\n[b]</pre>") == "<div><pre>a&#10;&#10;&#91;b]</pre></div>"


PATTERNS = (
    *("[", "](", "*a ", "> ", "- a\n", "$$", "$", "\\\\[", "\\\\(", "\\begin{a}", "`", "<a "),
    *("[[]", "a|b\n-|-\n", ">a\n\n", "_a_ ", "<!--", "[a](", " ", "\n", "#", "# ", "&"),
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_text_takes_long(pattern: str):
    began = time.process_time()
    harmless_source(pattern * (300_000 // len(pattern)))
    harmless_source((pattern * 20_000)[:20_000])
    assert time.process_time() - began < 8


def test_the_texts_of_one_hand_in_take_seconds_in_all():
    patience, began = Patience(1.0), time.process_time()
    texts = [harmless_source("\\\\[" * 6_000, None, patience) for _ in range(20)]
    assert time.process_time() - began < 6
    assert texts[-1].startswith("<div><pre>")


def test_what_is_cut_off_says_so():
    assert "The rest, 100,000 characters, is left out." in harmless_source("x" * 300_000)
