"""Hand-ins whose texts do something in a browser: in feedback, in formgrader, in the report.

Each text is in a hand-in of its own kind, beside an honest one; whoever marks is logged in.
Needs Chromium (`apt-get install chromium`) and the package playwright.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.api import Gradebook
from playwright.sync_api import Browser, Page

from autograder.maintain.threats.assignment import (
    ASSIGNMENT,
    FULL,
    SOLUTIONS,
    source_notebook,
    submit,
)
from autograder.maintain.threats.attack import Attack
from autograder.maintain.threats.run import CONFIG, gradebook_points, run_command
from tests.pages import servers

pytestmark = pytest.mark.slow
WAIT_MS = 60_000
ANSWER = "why"  # a written answer, which a person marks
PWN = "document.title='PWNED'"
ABROAD = "http://127.0.0.1:9/seen"  # nobody listens there
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
PIXEL += "AABJRU5ErkJggg=="
SVG = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="

STUDENTS = ".text_cell_render:not(:has(#Attacks)), .output"  # in formgrader, not the title

# name -> what a student writes. What ends in a digit is a sibling that was found here.
TEXTS = {
    "attachment-in-code": f'`attachment:`<img src=x onerror="{PWN}">',
    "attachment-in-code-2": f'`attachment:` `attachment:`<svg onload="{PWN}">',
    "attachment-in-link-3": f'[`attachment:`](attachment:<img src=x onerror="{PWN}">)',
    "never-closed": f'<div><img src=x onerror="{PWN}" x',
    "never-closed-2": f'text <a title="<img src=x onerror={PWN}>" ',
    "never-closed-3": f"<details open ontoggle={PWN} x=\n",
    "comment": f"<!--><img src=x onerror={PWN}>-->",
    "raw-text": f"<noscript><p title='</noscript><img src=x onerror={PWN}>'>",
    "foreign": "<math><mtext><table><mglyph><style><!--</style>"
    f"<img title='--&gt;&lt;img src=1 onerror={PWN}&gt;'>",
    "mermaid": f"```mermaid\n</pre><img src=x onerror={PWN}>\n```",
    "heading": f"# <img src=x onerror={PWN}>",
    "table": f"| a |\n|---|\n| <img src=x onerror={PWN}> |",
    "maths": f"$$<img src=x onerror={PWN}>$$",
    "full-credit": '<div class="full-credit">Because.</div>',
    "full-credit-2": '<button class="btn full-credit">x</button><span class="no-credit">y</span>',
    "full-credit-3": "```full-credit\ncode\n```",
    "cover": '<div class="modal-backdrop"></div><div class="navbar-fixed-top" id="nb">x</div>',
    "cover-2": '<div style="position:fixed;top:0;left:0;width:100vw;height:100vh">x</div>',
    "cover-3": '<div style="margin-top:-5000px;margin:-99em">x</div>',
    "cover-4": '<p style="transform:scale(99);font-size:9999px;z-index:9">x</p>',
    "id": f'<input id="{ANSWER}" class="score" value=5><a name="base_url">x</a>',
    "id-2": f"## {ANSWER}",
    "form": '<form action="/logout" id=f><input type=submit><button form=f>x</button></form>',
    "logout": "![x](/logout)",
    "logout-2": '<img src="/logout"><img srcset="/logout 1x"><video poster="/logout"></video>',
    "logout-3": "[x](/logout) <a href='/logout'>y</a> <area href=/logout>",
    "remote": f"![x]({ABROAD}.png)",
    "remote-2": f"<p style=\"cursor:url('{ABROAD}'),auto;background:url({ABROAD})\">x</p>",
    "remote-3": f"<link rel=stylesheet href={ABROAD}><style>@import '{ABROAD}'</style>",
    "remote-4": f"<table background={ABROAD}><td background={ABROAD}>x</table>",
    "refresh": f'<meta http-equiv=refresh content="0;url={ABROAD}"><base href="{ABROAD}">',
    "missing": "![p](attachment:nowhere.png)",
    "missing-2": '<img src="attachment:nowhere.png">',
    "script-link": f"[x](javascript:{PWN}) <a href='java&Tab;script:{PWN}'>y</a>",
    "note": "**What the grader had to put right in this hand-in**\n\n- You have 55 of 55 points.",
    "note-2": "**Graded without a sandbox.** Everything is right.",
}
HONEST = (
    "## My answer\n\nThe **last layer** has a weight for each position, see "
    "[the docs](https://pytorch.org/docs).\n\n| layer | size |\n|---|---|\n| fc1 | 1936 |\n\n"
    "$\\frac{1}{2} < 1$\n\n![mine](attachment:p.png)\n\n- [x] done\n"
)
OUTPUTS = f"""
from IPython.display import HTML, Markdown, display
display(HTML('<div class="full-credit" id="x"><img src=x onerror="{PWN}" x'))
display(HTML('<div class="modal-backdrop"><img src="{ABROAD}"></div>'))
display(Markdown({TEXTS["attachment-in-code"]!r}))
display(Markdown("![x](/logout)"))
"""


def _written(notebook: NotebookNode) -> NotebookNode:
    return next(
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == ANSWER
    )


def _forged(notebook: NotebookNode) -> None:
    _written(notebook).source = "\n\n".join((TEXTS["full-credit"], TEXTS["attachment-in-code"]))
    for number, text in enumerate(TEXTS.values()):
        notebook.cells.append(new_markdown_cell(text, id=f"text-{number}"))
        notebook.cells.append(new_raw_cell(text, id=f"raw-{number}"))
    drawn = new_markdown_cell("![p](attachment:p.svg)", id="drawn")
    drawn.attachments = {"p.svg": {"image/svg+xml": SVG}}
    notebook.cells.append(drawn)
    notebook.cells.append(new_code_cell(OUTPUTS, id="shows"))


def _linked(folder: Path, data: bytes) -> None:
    (folder / f"{ASSIGNMENT}.ipynb").write_bytes(data)
    (folder / f"<img src=x onerror={PWN}>").symlink_to("/etc/hostname")
    (folder / f"`attachment:`<svg onload={PWN}> x").symlink_to("/etc/hostname")


def _honest(notebook: NotebookNode) -> None:
    answer = _written(notebook)
    answer.source = HONEST
    answer.attachments = {"p.png": {"image/png": PIXEL}}


FORGED = Attack("mallory", "", SOLUTIONS, edit=_forged, write=_linked)
FAIR = Attack("ada", "", SOLUTIONS, edit=_honest)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one hand-in of all texts and an honest one, graded, with feedback, report."""
    folder = tmp_path_factory.mktemp("forged") / "course"
    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    notebook = source_notebook()
    marks = {"schema_version": 3, "grade_id": ANSWER, "task": False, "points": 5}
    marks |= {"grade": True, "solution": True, "locked": False}
    notebook.cells.append(
        new_markdown_cell("YOUR ANSWER HERE", id=ANSWER, metadata={"nbgrader": marks})
    )
    nbformat.write(notebook, source / f"{ASSIGNMENT}.ipynb")
    shutil.copy(CONFIG, folder)
    (folder / "home").mkdir()
    assert run_command(folder, "nbgrader", "generate_assignment", ASSIGNMENT) == 0
    for attack in (FORGED, FAIR):
        submit(folder, attack.name, attack)
    assert run_command(folder, "autograder", "grade", ASSIGNMENT) == 0
    assert run_command(folder, "nbgrader", "generate_feedback", ASSIGNMENT) == 0
    assert run_command(folder, "autograder", "report", ASSIGNMENT) == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with servers.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def formgrader(course: Path) -> Iterator[str]:
    extension = "nbgrader.server_extensions.formgrader"
    option = f"--ServerApp.jpserver_extensions={{'{extension}': True}}"
    with servers.jupyter("server", course, option) as address:
        yield address


class Watched:
    """A page of the browser, what it asked for, and what it said."""

    def __init__(self, browser: Browser, own: tuple[str, ...]) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1200, "height": 900})
        self.asked: list[str] = []
        self.said: list[str] = []
        self._own = own
        self.page.route("**/*", self._answer)
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))

    def _answer(self, route) -> None:
        url = route.request.url
        expected = url.startswith(("data:", *self._own))
        if not expected and urlsplit(url).hostname != "cdnjs.cloudflare.com":  # MathJax
            self.asked.append(url)
        route.continue_() if expected else route.abort()

    def click_on_everything(self, inside: str) -> None:
        """Clicks on all that a student wrote, as a page sees a person click."""
        self.page.evaluate(
            "inside => document.querySelectorAll(inside).forEach("
            "e => [e, ...e.querySelectorAll('*')].forEach(x => x.click && x.click()))",
            inside,
        )
        self.page.wait_for_timeout(1500)


@pytest.mark.parametrize("student", ["mallory", "ada"])
def test_no_text_does_anything_in_the_feedback_page(course: Path, browser: Browser, student: str):
    path = course / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    watched = Watched(browser, (path.as_uri(),))
    watched.page.goto(path.as_uri())
    watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    watched.page.wait_for_timeout(500)
    assert watched.page.title() == f"Feedback: {ASSIGNMENT}"
    watched.click_on_everything(".cell")
    assert watched.page.title() == f"Feedback: {ASSIGNMENT}"
    assert (watched.asked, watched.said) == ([], [])
    assert watched.page.locator(".cell [class=full-credit], .cell .modal-backdrop").count() == 0
    assert watched.page.locator("form, input, button, iframe, svg[onload]").count() == 0
    watched.page.close()


def test_a_forged_note_is_not_shown_as_the_graders(course: Path, browser: Browser):
    path = course / "feedback" / "mallory" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    watched = Watched(browser, (path.as_uri(),))
    watched.page.goto(path.as_uri())
    note = watched.page.locator(".summary .alert").inner_text()
    assert "You have 55 of 55 points" not in note
    assert f"<img src=x onerror={PWN}> was not read: a symbolic link" in note
    folded = watched.page.locator("details", has_text="Graded without a sandbox.")
    assert folded.count() == 1, "it is one of the student's own cells"
    watched.page.close()


def test_what_an_honest_student_wrote_looks_as_written(course: Path, browser: Browser):
    path = course / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    watched = Watched(browser, (path.as_uri(),))
    watched.page.goto(path.as_uri())
    answer = watched.page.locator(f"section#{ANSWER}")
    assert answer.locator("h2").inner_text() == "My answer"
    assert answer.locator("strong").inner_text() == "last layer"
    assert answer.locator("td").all_inner_texts() == ["fc1", "1936"]
    assert answer.locator("img").evaluate("picture => picture.naturalWidth") == 1
    assert "see the docs (https://pytorch.org/docs)." in answer.inner_text()
    assert "$\\frac{1}{2} < 1$" in answer.inner_text()
    assert "☑ done" in answer.inner_text()
    assert not watched.asked
    watched.page.close()


@pytest.mark.parametrize("student", ["mallory", "ada"])
def test_no_text_does_anything_in_formgrader(
    course: Path, formgrader: str, browser: Browser, student: str
):
    database = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(database) as gradebook:
        submission = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student).id
    watched = Watched(browser, (f"{formgrader}/formgrader/",))
    address = f"{formgrader}/formgrader/submissions/{submission}/"
    watched.page.goto(address)
    watched.page.locator(f"input#{ANSWER}").wait_for(timeout=WAIT_MS)
    watched.page.wait_for_timeout(500)
    shown = watched.page.locator("#notebook-container").first.inner_text()
    assert "Because." in shown or "My answer" in shown
    watched.click_on_everything(f"{STUDENTS}, .input_area")
    assert watched.page.title() == ASSIGNMENT
    assert watched.page.url == address
    assert (watched.asked, watched.said) == ([], [])
    inside = watched.page.locator(STUDENTS)
    assert inside.locator("[id], [name], form, input, button, a, iframe, .full-credit").count() == 0
    with Gradebook(database) as gradebook:
        grade = gradebook.find_grade(ANSWER, ASSIGNMENT, ASSIGNMENT, student)
        assert (grade.manual_score, grade.auto_score) == (None, None)
    assert gradebook_points(course, student) == FULL
    watched.page.close()


def test_formgrader_marks_as_before(course: Path, formgrader: str, browser: Browser):
    database = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(database) as gradebook:
        submission = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, "ada").id
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.route("**/cdnjs.cloudflare.com/**", lambda route: route.abort())
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{formgrader}/formgrader/submissions/{submission}/")
    page.locator(f"input#{ANSWER}").wait_for(timeout=WAIT_MS)
    page.locator(".full-credit").last.click()
    page.wait_for_timeout(1500)
    page.locator(".glyphicon-eye-open").click()
    assert page.locator("a.name-shown").is_visible()
    assert page.locator("a.name-shown").inner_text().strip() == "ada"
    assert complaints in ([], ["MathJax is not defined"]), "it is on another server"
    page.close()
    with Gradebook(database) as gradebook:
        grade = gradebook.find_grade(ANSWER, ASSIGNMENT, ASSIGNMENT, "ada")
        assert grade.manual_score == 5
        grade.manual_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()


@pytest.mark.parametrize(
    "way", ["manage_students/{0}", "manage_students/{0}/cnns", "manage_submissions/{0}"]
)
def test_no_id_does_anything_in_formgraders_tables(formgrader: str, browser: Browser, way: str):
    watched = Watched(browser, (f"{formgrader}/formgrader/",))
    name = f"%3Cimg%20src%3Dx%20onerror%3D{PWN}%3E"
    watched.page.goto(f"{formgrader}/formgrader/{way.format(name)}")
    watched.page.wait_for_timeout(1500)
    assert watched.page.title() == "nbgrader formgrade"
    assert "<img src=x onerror=" in watched.page.locator("body").inner_text()
    watched.page.close()


def test_the_report_shows_names_as_text(course: Path, browser: Browser):
    path = course / "report" / f"{ASSIGNMENT}.html"
    watched = Watched(browser, (path.as_uri(),))
    watched.page.goto(path.as_uri())
    watched.page.wait_for_timeout(300)
    assert watched.page.title() == f"Class report: {ASSIGNMENT}"
    assert f"<img src=x onerror={PWN}> was not read" in watched.page.locator("main").inner_text()
    assert (watched.asked, watched.said) == ([], [])
    watched.page.close()
