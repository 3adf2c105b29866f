"""The release in JupyterLab, in a real browser: what a student sees.

Needs Chromium (`apt-get install chromium`) and the package playwright. Screenshots go to the folder
that SCREENSHOTS names, else to a temporary one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from autograder.assignments.cnns.made_class import CHAIN
from tests.conftest import ROOT
from tests.pages import servers

pytestmark = pytest.mark.slow
TOKEN = "a-token-for-this-test"
WAIT_MS = 180_000
RELEASE = ROOT / "release" / "cnns" / "cnns.ipynb"


def _notebook_with(folder: Path, name: str, chain: str | None) -> None:
    notebook = nbformat.read(RELEASE, 4)
    for cell in notebook.cells:
        if chain and cell.metadata.get("nbgrader", {}).get("grade_id") == "conv_pool_conv":
            cell.source = chain
    nbformat.write(notebook, folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab whose folder holds three copies of the release."""
    folder = tmp_path_factory.mktemp("lab")
    _notebook_with(folder, "untouched", None)
    _notebook_with(folder, "wrong", CHAIN.replace("max_pool2d", "avg_pool2d"))
    _notebook_with(folder, "right", CHAIN)
    settings = {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    with servers.jupyter("lab", folder, token=TOKEN, environment=settings) as address:
        yield address


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with servers.chromium() as browser:
        yield browser.new_page(viewport={"width": 1300, "height": 1000})


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.folder_of_screenshots(tmp_path_factory)


def _run_all(page: Page, lab: str, name: str) -> None:
    page.goto(f"{lab}/lab/workspaces/{name}/tree/{name}.ipynb?reset&token={TOKEN}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=WAIT_MS)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=WAIT_MS)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def _scroll_to(page: Page, text: str) -> None:
    """Scroll the notebook down until `text` shows: JupyterLab renders what is in view."""
    found = page.locator(".jp-OutputArea").get_by_text(text, exact=False).first
    for _ in range(400):
        if found.count() and found.is_visible():
            found.scroll_into_view_if_needed()
            return
        page.locator(".jp-WindowedPanel-outer").first.evaluate("e => e.scrollBy(0, 400)")
        page.wait_for_timeout(300)
        at_end = page.locator(".jp-WindowedPanel-outer").first.evaluate(
            "e => e.scrollTop + e.clientHeight >= e.scrollHeight - 2"
        )
        if at_end:
            page.locator(".jp-WindowedPanel-outer").first.evaluate("e => e.scrollTo(0, 0)")
    raise AssertionError(f"{text!r} never showed")


def test_the_release_shows_its_pictures(page: Page, lab: str, shots: Path) -> None:
    _run_all(page, lab, "untouched")
    _scroll_to(page, "activations from")
    pictures = page.locator(".jp-OutputArea img")
    expect(pictures.nth(1)).to_be_visible(timeout=WAIT_MS)
    widths = pictures.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert widths
    assert min(widths) > 200
    page.screenshot(path=shots / "lab-pictures.png")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("untouched", "Not implemented yet"),
        ("wrong", "the values are not"),
        ("right", "Looks right"),
    ],
)
def test_a_visible_check_reads_well(
    page: Page, lab: str, shots: Path, name: str, says: str
) -> None:
    _run_all(page, lab, name)
    _scroll_to(page, says)
    page.wait_for_timeout(500)
    page.screenshot(path=shots / f"lab-check-{name}.png")
