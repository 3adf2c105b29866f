"""What survives our cleaning, rendered by Chromium, runs nothing and asks for nothing.

The same texts, cleaned as they once were (before they are rendered), must find faults: else they
are too weak. Needs Chromium (`apt-get install chromium`) and the package playwright.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from html import escape

import nh3
import pytest
from nbconvert.filters.markdown_mistune import InvalidNotebook, markdown2html_mistune
from playwright.sync_api import Browser, Error, Page, Route

from autograder.judging import sanitise
from autograder.pages import harmless
from autograder.pages.markdown import as_html, harmless_source
from tests.pages import markup, servers

pytestmark = pytest.mark.slow
TEXTS, IN_A_PAGE, CONTROL = 20_000, 200, 2_000
SEED = 21
PAGE = f"{markup.HOST}/page"
KEPT = {  # attributes that may be left of a text: for what they may say see test_harmless.py
    *("style", "title", "span", "open", "src", "alt", "width", "height", "start"),
    *("colspan", "rowspan", "scope", "role", "aria-hidden"),
}
_LOOK = """kept => {
    const found = [];
    document.querySelectorAll('main *').forEach(element => {
        for (const a of element.attributes) {
            const box = element.parentElement.tagName === 'MAIN' && a.name === 'data-text';
            if (!box && !kept.includes(a.name)) found.push(element.tagName + ' ' + a.name);
            if (a.name === 'src' && !a.value.startsWith('data:image/')) found.push(a.value);
        }
        element.click();
        element.dispatchEvent(new Event('mouseover'));
    });
    return found;
}"""


class Watched:
    """A page of the browser that is shown one batch of texts after another."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_page()
        self.body, self.asked = "", list[str]()
        self.page.route("**/*", self._answer)
        self.page.add_init_script("window.ran = []; window.pwn = n => { ran.push(n); }")
        self.page.on("dialog", lambda dialog: dialog.dismiss())

    def _answer(self, route: Route) -> None:
        if route.request.url == PAGE:
            route.fulfill(body=self.body, content_type="text/html; charset=utf-8")
        elif not route.request.url.startswith("data:"):
            self.asked.append(f"{route.request.resource_type} {route.request.url}")
            route.abort()

    def show(self, texts: list[str]) -> tuple[list[str], list[str], list[int]]:
        """Return what asked for something, the attributes that are none of ours, and what ran."""
        boxes = "".join(f'<div data-text="{n}">{html}</div>' for n, html in enumerate(texts))
        self.body = f"<!DOCTYPE html><html><head><title>t</title></head><main>{boxes}</main></html>"
        self.asked.clear()
        self.page.goto(PAGE)
        odd = self.page.evaluate(_LOOK, sorted(KEPT))
        self.page.wait_for_timeout(60)
        assert self.page.url == PAGE
        assert self.page.title() == "t"
        return list(self.asked), odd, self.page.evaluate("window.ran")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with servers.chromium() as running:
        yield running


@pytest.fixture
def watched(browser: Browser) -> Watched:
    """Return a new page: one that showed what was not cleaned may yet go elsewhere."""
    return Watched(browser)


def texts(count: int) -> list[str]:
    rng = random.Random(SEED)
    return [markup.text(number, rng) for number in range(count)]


def stored_and_rendered(text: str) -> str:
    """Return what a page that knows nothing of us makes of what is stored."""
    return str(markdown2html_mistune(harmless_source(text)))


WAYS: dict[str, Callable[[str], str]] = {
    "stored": stored_and_rendered,
    "shown": as_html,
    "output": sanitise.html,
}


@pytest.mark.timeout(1800)
def test_nothing_runs_and_nothing_is_asked_for(watched: Watched) -> None:
    made = texts(TEXTS)
    shown = 0
    for start in range(0, TEXTS, IN_A_PAGE):
        way = WAYS[list(WAYS)[start // IN_A_PAGE % len(WAYS)]]
        batch = made[start : start + IN_A_PAGE]
        found = watched.show([way(text) for text in batch])
        assert found == ([], [], []), (way, start)
        shown += watched.page.locator("main > div").count()
    assert shown == TEXTS, "no text has left its box"


def test_the_same_texts_find_faults_where_the_source_is_cleaned(watched: Watched) -> None:
    def as_it_is(text: str) -> str:
        try:
            return str(markdown2html_mistune(text))
        except InvalidNotebook:  # an attachment that is not there
            return ""

    def cleaned_before_it_is_rendered(text: str) -> str:
        return as_it_is(nh3.clean(text, tags=harmless._TAGS))

    for clean in (cleaned_before_it_is_rendered, as_it_is):
        ran, asked = 0, 0
        made = texts(CONTROL)
        for start in range(0, CONTROL, 20):
            try:
                ran += bool(watched.show([clean(text) for text in made[start : start + 20]])[2])
            except (AssertionError, Error):  # it has changed its title, or gone elsewhere
                ran += 1
            asked += any(not what.startswith("document") for what in watched.asked)
        assert ran > 3, (clean, ran)
        assert asked > 3, (clean, asked)


def test_plain_texts_are_shown_to_the_letter(watched: Watched) -> None:
    plain = ["a < b & c > d", 'He said "x" -- it\'s 5% of $3', "<unknown> & &amp; &lt;b&gt;"]
    watched.show([f"<p>{escape(t)}</p>" for t in plain])
    before = watched.page.locator("main").inner_text()
    watched.show([as_html(t.replace("<", "\\<").replace("&", "&amp;")) for t in plain])
    assert watched.page.locator("main").inner_text().split() == before.split()
