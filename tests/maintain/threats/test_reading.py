"""No hand-in reads, sends or writes what it should not, and no page runs its scripts."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook, new_output, new_raw_cell

from autograder.judging import sanitise
from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats.assignment import ASSIGNMENT, CANARY, FULL, SOLUTIONS, submit
from autograder.maintain.threats.attack import Attack, source
from autograder.maintain.threats.reading import MARKER
from autograder.maintain.threats.run import (
    gradebook_points,
    live_scripts,
    make_course,
    run_command,
)
from autograder.pages.markdown import harmless_source
from tests.judging.judged import judged


def test_other_hand_ins_solutions_gradebook_environment_and_home_are_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "notes.txt").write_text(f"{CANARY}-home")
    (tmp_path / "gradebook.db").write_text(f"{CANARY}-gradebook")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GRADERS_TOKEN", f"{CANARY}-environment")
    monkeypatch.chdir(tmp_path)
    result = judged("reads-everything")
    assert CANARY not in result.shown()
    assert "'[]" in result.shown() or "[]" in result.shown(), "the attack itself went through"


def test_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sends = source("""
        import socket
        for family, address in ((socket.AF_INET, ("127.0.0.1", PORT)),
                                (socket.AF_INET, ("1.1.1.1", 53)),
                                (socket.AF_UNIX, "\\0" + NAME)):
            try:
                with socket.socket(family) as client:
                    client.settimeout(1)
                    client.connect(address)
                    print("sent")
            except OSError as error:
                print("refused")
    """)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        server.settimeout(0.1)
        local.settimeout(0.1)
        name = f"threats-{os.getpid()}"
        local.bind(f"\0{name}")
        local.listen()
        code = sends.replace("PORT", str(server.getsockname()[1])).replace("NAME", repr(name))
        result = judged(Attack("sends", "", opening=code))
        for listener in (server, local):
            with pytest.raises(TimeoutError):
                listener.accept()
    assert "sent" not in result.shown()
    assert "refused" in result.shown()


def odd_files(folder: Path, data: bytes) -> None:
    for name in ("symbolic-links", "dots", "shadows"):
        write = CATALOGUE[name].write
        assert write is not None
        write(folder, data)


ODD = Attack("odd", "", SOLUTIONS, write=odd_files)
SCRIPTED = replace(
    CATALOGUE["script-in-an-output"], edit=CATALOGUE["script-in-a-text-cell"].edit, name="scripted"
)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a hand-in of odd files and one of scripts, graded, with feedback."""
    folder = tmp_path_factory.mktemp("reading") / "course"
    course = make_course(folder, stock=False, graded_before=False)
    for attack in (ODD, SCRIPTED):
        submit(course, attack.name, attack)
    assert run_command(course, "autograder", "grade", ASSIGNMENT) == 0
    assert run_command(course, "nbgrader", "generate_feedback", ASSIGNMENT) == 0
    return course


def test_links_dots_and_shadows_beside_the_notebook_cost_nothing(graded: Path) -> None:
    assert gradebook_points(graded, "odd") == FULL


def test_a_symbolic_link_is_not_copied_and_the_student_is_told(graded: Path) -> None:
    folder = graded / "autograded" / "odd" / ASSIGNMENT
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert not {"mine.txt", "grades"} & {path.name for path in folder.iterdir()}
    notebook = (folder / f"{ASSIGNMENT}.ipynb").read_text()
    assert f"{CANARY}-solution" not in notebook
    assert "mine.txt was not read: a symbolic link" in notebook


def test_names_with_dots_stay_in_their_folder(graded: Path) -> None:
    outside = {path.name for path in (graded / "autograded" / "odd").iterdir()}
    assert outside == {ASSIGNMENT}
    names = {path.name for path in (graded / "autograded" / "odd" / ASSIGNMENT).iterdir()}
    assert names == {
        f"{ASSIGNMENT}.ipynb",
        "torch.py",
        "json.py",
        "autograder.py",
        "course_utils.py",
    }


def test_no_script_runs_in_the_feedback_page(graded: Path) -> None:
    page = (graded / "feedback" / "scripted" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    assert MARKER in page, "the cells are shown"
    assert live_scripts(page) == []
    assert gradebook_points(graded, "scripted") == FULL


def test_the_page_reader_finds_scripts() -> None:
    for text in (
        f"<script>{MARKER}</script>",
        f"<img src=x onerror='{MARKER}'>",
        f"<a href='java\tscript:{MARKER}'>x</a>",
    ):
        assert live_scripts(text)
    assert not live_scripts(f"<p>{MARKER} &lt;script&gt;{MARKER}</p>")


# ------------------------------------------------------------------------------------ the texts

SCRIPTS = (
    f"<script>{MARKER}</script>",
    f"<img src=x onerror={MARKER}>",
    f"<svg onload={MARKER}>",
    f"[x](javascript:{MARKER})",
    f"[x](java&Tab;script:{MARKER})",
    f"[x](java&#115;cript:{MARKER})",
    f"[x](javascript\\:{MARKER})",
    f"[x](<javascript:{MARKER}>)",
    f"[x]\n\n[x]: javascript:{MARKER}",
    f"<javascript:{MARKER}>",
    f"![x](javascript:{MARKER})",
    f"[x](vbscript:{MARKER})",
    f"[x](data:text/html,<script>{MARKER}</script>)",
    f"`<script>{MARKER}</script>`",
    f"```mermaid\n<img src=x onerror={MARKER}>\n```",
    f"```x'onload={MARKER}\n1\n```",
    f"<!--><script>{MARKER}</script>-->",
    f"<p title='</p><script>{MARKER}</script>'>",
    f"<a href='x' title='\n\n<script>{MARKER}</script>'>",
    f"$\\href{{javascript:{MARKER}}}{{x}}$",
    f"$<script>{MARKER}</script>$",
    f"<details><summary onclick={MARKER}>x</summary></details>",
    f"<style>@import '{MARKER}'</style>",
    f"<iframe srcdoc='<script>{MARKER}</script>'>",
    f"<math><mi//xlink:href='javascript:{MARKER}'>x",
    f"| a |\n|---|\n| <img src=x onerror={MARKER}> |",
    f"# <a href=javascript:{MARKER}>x</a>",
)


def page_of(notebook: nbformat.NotebookNode) -> str:
    from nbconvert import HTMLExporter

    page = HTMLExporter(template_name="classic").from_notebook_node(notebook)[0]
    return str(page)


def test_the_scripts_of_this_list_do_run_where_nothing_is_done() -> None:
    found = [live_scripts(page_of(new_notebook(cells=[new_markdown_cell(s)]))) for s in SCRIPTS]
    assert sum(map(bool, found)) > len(SCRIPTS) // 2


def test_no_text_cell_runs_a_script() -> None:
    cells = [new_markdown_cell(harmless_source(text)) for text in SCRIPTS]
    cells += [new_raw_cell(sanitise.text_cell(new_raw_cell(text))) for text in SCRIPTS]
    assert live_scripts(page_of(new_notebook(cells=cells))) == []


@pytest.mark.parametrize("mime", ["text/html", "text/markdown", "text/latex", "text/plain"])
def test_no_output_runs_a_script(mime: str) -> None:
    shown = sanitise.outputs([new_output("display_data", {mime: text}) for text in SCRIPTS])
    shown += sanitise.outputs([new_output("stream", text=text) for text in SCRIPTS])
    shown += sanitise.outputs(
        [new_output("error", ename=t, evalue=t, traceback=[t]) for t in SCRIPTS]
    )
    cell = nbformat.v4.new_code_cell("1", outputs=shown)
    assert live_scripts(page_of(new_notebook(cells=[cell]))) == []


def test_kinds_of_output_that_can_hold_scripts_are_left_out() -> None:
    data = {
        "application/javascript": MARKER,
        "image/svg+xml": f"<svg><script>{MARKER}</script></svg>",
        "application/vnd.jupyter.widget-view+json": {"model_id": MARKER},
        "image/png": f"x' onerror='{MARKER}",
        f"text/plain'><script>{MARKER}</script>": MARKER,
    }
    metadata = {"image/jpeg": {"width": f"1 onerror={MARKER}", "height": 3}}
    output = new_output("display_data", {**data, "image/jpeg": "aGk="}, metadata=metadata)
    (left,) = sanitise.outputs([output])
    assert left.data == {"image/jpeg": "aGk="}
    assert left.metadata == {"image/jpeg": {"height": 3}}


@pytest.mark.parametrize(
    "text",
    [
        "Because a < b and b > c, *see* `x < y`.",
        "- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "<details>\n<summary>More</summary>\n\nHidden\n\n</details>",
        "A formula $\\frac{1}{2} < 1$ and\n\n$$\na_1 \\begin{matrix} 1 \\end{matrix}\n$$",
    ],
)
def test_an_honest_text_stays_to_the_letter(text: str) -> None:
    assert harmless_source(text) == text


@pytest.mark.parametrize(
    "text",
    ["x" * 2**20, "\r" * 2**20, "a\rb" * 2**18, "<div>" * 40_000, "<a " * 60_000, "[" * 20_000],
    ids=["line", "returns", "bars", "deep", "unclosed", "brackets"],
)
@pytest.mark.timeout(60)
def test_cleaning_takes_seconds_whatever_the_text(text: str) -> None:
    sanitise.outputs([new_output("stream", text=text)])
    sanitise.outputs([new_output("display_data", {"text/html": text, "text/markdown": text})])
    harmless_source(text)


def test_a_carriage_return_shows_what_a_terminal_would() -> None:
    (bar,) = sanitise.outputs([new_output("stream", text="10%\r50%\r100%\r\ndone\n")])
    assert bar.text == "100%\ndone\n"
