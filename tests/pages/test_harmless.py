"""HTML of anybody's, as it goes into a page: nothing runs, loads, covers or imitates."""

from __future__ import annotations

import re
import time

import pytest

from autograder.pages.harmless import MAX_HTML_CHARS, TooMuch, clean
from course_utils.messages import Message, Status, as_html

PIXEL = "aGVsbG8="


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ('<a href="https://x.org/a">there</a>', "there (https://x.org/a)"),
        ('<a href="https://x.org">https://x.org</a>', "https://x.org"),
        ('<a href="mailto:a@x.org">a@x.org</a>', "a@x.org"),
        ('<a href="java\tscript:alert(1)">x</a>', "x"),
        ('<a href="/logout">x</a>', "x"),
        ("<a href='https://x.org/\"><img src=x onerror=a()>'>x</a>",
         'x (https://x.org/"&gt;&lt;img src=x onerror=a()&gt;)'),
        ('<img src="/logout" alt="me">', "(A picture me that is not shown: /logout)"),
        ('<img src="data:image/svg+xml;base64,aGk=">', "(A picture that is not shown)"),
        ('<div class="full-credit" id="a" name="b">x</div>', "<div>x</div>"),
        ("<form action=/x><input name=a><button>y</button></form>", "y"),
        ('<p style="position:fixed;top:0">x</p>', "<p>x</p>"),
        ('<p style="margin-top:-900px;margin:-9em;text-indent:-1em">x</p>', "<p>x</p>"),
        ('<p style="background:url(/x);cursor:url(/y),auto;color:red">x</p>',
         '<p style="color: red">x</p>'),
        ('<p style="width:99999px;font-size:900px">x</p>', "<p>x</p>"),
        ('<div><img src=x onerror="a()" x', "<div></div>"),
        ("<p title='<a href=\"x\">y</a></a><img>'>x</p>",
         '<p title="&lt;a href=&quot;x&quot;&gt;y&lt;/a&gt;&lt;/a&gt;&lt;img&gt;">x</p>'),
    ],
)  # fmt: skip
def test_what_does_something_becomes_text(html: str, shown: str):
    assert clean(html) == shown
    assert clean(clean(html)) == shown


@pytest.mark.parametrize(
    "html",
    [
        f'<img src="data:image/png;base64,{PIXEL}" alt="a" width="3">',
        '<table><thead><tr style="text-align: right"><th scope="col">a</th></tr></thead></table>',
        '<div style="border: 1px solid #999; border-left: 6px solid green; padding: 0.6em">x</div>',
        '<details open=""><summary>More</summary>x</details>',
        '<p style="background-color: rgb(255, 0, 0); font-size: 0.95em">a &lt; b &amp; c</p>',
        "<ul><li>a</li><li>b <code>c</code></li></ul>",
    ],
)
def test_what_honest_outputs_are_made_of_stays(html: str):
    assert clean(html) == html


def test_an_attached_bitmap_comes_along_and_nothing_else():
    attached = {"p.png": {"image/png": PIXEL}, "my p.gif": {"image/gif": PIXEL}}
    attached |= {"s.svg": {"image/svg+xml": PIXEL}, "q.png": {"image/png": '"><script>'}}
    shown = f'<img src="data:image/png;base64,{PIXEL}" alt="a &amp; b">'
    assert clean('<img src="attachment:p.png" alt="a & b">', attached) == shown
    assert "image/gif" in clean('<img src="attachment:my%20p.gif">', attached)
    for name in ("s.svg", "q.png", "nowhere.png"):
        text = clean(f'<img src="attachment:{name}">', attached)
        assert text == f"(The picture is not attached: {name})"


def test_one_attachment_shown_often_does_not_fill_the_page():
    attached = {"p.png": {"image/png": "A" * 1_000_000}}
    assert len(clean('<img src="attachment:p.png">' * 1000, attached)) < 4_000_000


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 40_000,
        "<ul><li>" * 25_000,
        '<div title="</div>">' * 9_900,
        "<div><!--</div>-->" * 9_900,
        "<b><p>" * 30_000,
        "<a " * 60_000,
        "<a " + " ".join(f"a{i}" for i in range(30_000)) + ">x",
        '<p style="' + "color:red;" * 19_000 + '">x',
        "<table><tr><td>" * 12_000,
        "<img src=x>" * 18_000,
        "&amp;" * 40_000,
        "<!--" * 50_000,
        "x" * 10 * MAX_HTML_CHARS,
    ],
)  # fmt: skip
def test_cleaning_takes_a_second_at_most(html: str):
    began = time.process_time()
    try:
        shown = clean(html[: 10 * MAX_HTML_CHARS])
    except TooMuch as reason:
        shown = str(reason)
    assert time.process_time() - began < 3
    assert len(shown) < 12 * MAX_HTML_CHARS


@pytest.mark.parametrize("status", Status)
def test_the_boxes_of_the_visible_checks_look_as_before(status: Status):
    box = as_html(Message(status, "Look at `fc1`.", details=("a < b",), code="x = 1"))
    blanks = re.compile(r"(?<=[:;]) +")
    assert blanks.sub("", clean(box)) == blanks.sub("", box)
