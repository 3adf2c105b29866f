"""The made class as people see it: feedback texts, and pages in a real browser.

Needs Chromium (`apt-get install chromium`). GRADED_DEMO names the folder of a course in which
`autograder demo` has run; else it runs here, for minutes. Screenshots go to the folder that
SCREENSHOTS names, else to a temporary one. With GOLDEN=write the texts in tests/pages/golden are
written anew: read them, and ask of each whether you would know what to change.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbgrader.api import Gradebook
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from autograder.assignments.cnns.made_class import HAND_INS
from autograder.commands.cli import app
from autograder.course.secret import VARIABLE
from autograder.feedback._summary import advice, hints
from autograder.judging import score_table
from autograder.judging.graded_notebook import grade_cells, repair_note
from tests.conftest import ROOT, run_nbgrader
from tests.pages import servers

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parent / "golden"
WAIT_MS = 60_000
COURSE = ("source", "release", "submitted", "autograded", "feedback", "gradebook.db")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course of its own in which the demo has run, with feedback and report."""
    folder = tmp_path_factory.mktemp("people")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    graded = os.environ.get("GRADED_DEMO")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "a secret for this test")
        patch.setenv(
            "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        )
        if graded:
            for name in COURSE:
                found = Path(graded) / name
                copy = shutil.copytree if found.is_dir() else shutil.copy
                copy(found, folder / name)
        else:
            shutil.copytree(ROOT / "source", folder / "source")
            result = CliRunner().invoke(app, ["demo", f"--course={folder}"])
            assert result.exit_code == 0, result.output
        result = CliRunner().invoke(app, ["report", "cnns", f"--course={folder}"])
        assert result.exit_code == 0, result.output
        yield folder


def feedback_text(course: Path, student: str) -> str:
    """Return what a student reads first about each grade cell that lost points."""
    graded = course / "autograded" / student / "cnns" / "cnns.ipynb"
    cells = nbformat.read(graded, 4).cells
    parts = ["put right by the grader:\n" + "\n".join(repair_note(cells))] * bool(
        repair_note(cells)
    )
    taught = hints(cells, "cnns")
    for cell in grade_cells(cells):
        if cell.result is not None and cell.result.points < cell.max_points:
            lost = f"{cell.grade_id}: {cell.result.points:g} of {cell.max_points:g}"
            words = [lost, advice(cell.result), taught[cell.grade_id]]
            parts.append("\n".join(line for line in words if line))
    return "\n\n".join(parts or ["everything right"]) + "\n"


@pytest.mark.parametrize("student", [made.name for made in HAND_INS])
def test_the_feedback_text_is_as_it_was_reviewed(course: Path, student: str):
    path, text = GOLDEN / f"{student}.txt", feedback_text(course, student)
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with servers.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.folder_of_screenshots(tmp_path_factory)


def opened(browser: Browser, path: Path, width: int) -> tuple[Page, list[str]]:
    """Return a page of a local file, and what it complained of or asked the network for."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url),
    )
    page.goto(path.as_uri())
    return page, complaints


def check_page(page: Page, complaints: list[str]) -> None:
    """Assert that nothing failed or was fetched, all is in view, accessible, and not empty."""
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in found]
    assert [v for v, f in zip(serious, found, strict=True) if f["impact"] in SERIOUS] == []
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    widths = page.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
    assert all(width > 20 for width in widths)
    marks = page.locator("svg[role=img]").evaluate_all(
        "pictures => pictures.map(p => p.querySelectorAll('rect, circle, image').length)"
    )
    assert all(count > 1 for count in marks)


SERIOUS = ("serious", "critical")


@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("student", ["ada", "dora", "fay", "gus", "iris", "jon"])
def test_feedback_renders(course: Path, browser: Browser, shots: Path, student: str, width: int):
    page, complaints = opened(browser, course / "feedback" / student / "cnns" / "cnns.html", width)
    page.screenshot(path=shots / f"feedback-{student}-{width}-top.png")
    page.screenshot(path=shots / f"feedback-{student}-{width}.png", full_page=True)
    check_page(page, complaints)
    page.close()


@pytest.mark.parametrize("width", [390, 1100])
def test_the_report_renders_and_links_to_feedback(
    course: Path, browser: Browser, shots: Path, width: int
):
    page, complaints = opened(browser, course / "report" / "cnns.html", width)
    page.screenshot(path=shots / f"report-{width}-top.png")
    page.screenshot(path=shots / f"report-{width}.png", full_page=True)
    check_page(page, complaints)
    page.get_by_role("link", name="dora").first.click()
    expect(page.get_by_role("heading", name="Feedback: cnns")).to_be_visible()
    page.close()


@pytest.fixture(scope="module")
def formgrader(course: Path) -> Iterator[str]:
    """The address of a formgrader on the course."""
    extension = "nbgrader.server_extensions.formgrader"
    option = f"--ServerApp.jpserver_extensions={{'{extension}': True}}"
    with servers.jupyter("server", course, option) as address:
        yield address


def test_a_manual_score_given_in_formgrader_survives_a_re_grade(
    course: Path, formgrader: str, browser: Browser, shots: Path
):
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.goto(f"{formgrader}/formgrader/gradebook/cnns/cnns")
    page.locator("table a").first.wait_for(timeout=WAIT_MS)
    page.screenshot(path=shots / "formgrader-class.png")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission_notebook("cnns", "cnns", "dora").id
    page.goto(f"{formgrader}/formgrader/submissions/{submission}/")
    page.locator("input.score").first.wait_for(timeout=WAIT_MS)
    box = page.locator("input#why_bottom_right_fails")
    box.fill("3.5")
    box.press("Enter")
    page.wait_for_timeout(2000)
    box.scroll_into_view_if_needed()
    page.screenshot(path=shots / "formgrader-submission.png")
    page.close()
    assert manual_score(course) == 3.5
    run_nbgrader(course, "autograde", "cnns", "--student=dora", "--force")
    assert manual_score(course) == 3.5
    scores = {
        s.grade_id: s.points
        for s in score_table.read_scores(course / "autograded" / "dora" / "cnns" / "cnns.ipynb")
    }
    assert scores["net_function"] == 20


def manual_score(course: Path) -> float | None:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        score = gradebook.find_grade("why_bottom_right_fails", "cnns", "cnns", "dora").manual_score
        return None if score is None else float(score)


def test_no_feedback_text_gives_the_solution_away():
    solutions = re.compile(r"padding\s*=\s*4|BatchNorm|max_pool2d\(|kernel\[:, :1\]|11 \* 11")
    for path in sorted(GOLDEN.glob("*.txt")):
        assert not solutions.search(path.read_text()), path.name
