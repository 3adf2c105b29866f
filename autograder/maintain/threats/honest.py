"""Honest hand-ins that must not suffer."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.assignments.cnns import made_class
from autograder.maintain.threats.assignment import FULL, SOLUTIONS
from autograder.maintain.threats.attack import Attack, source

_ANOTHER_STYLE = {"conv_pool_conv": made_class._CHAIN_REWRITTEN, "net": made_class._NET_REWRITTEN}


def _through_colab(notebook: NotebookNode) -> None:
    """Do as Colab: keep ids in the metadata, add its own, drop nbgrader's flags that are false."""
    notebook.metadata["colab"] = {"provenance": []}
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    for number, cell in enumerate(notebook.cells):
        cell.metadata["id"] = cell.pop("id")
        cell.metadata["colab"] = {"base_uri": "https://localhost:8080/"}
        cell.metadata["outputId"] = f"{number:08x}"
    notebook.nbformat_minor = 0
    notebook.cells.append(new_code_cell("", metadata={"id": "zzzz"}))
    del notebook.cells[-1]["id"]


def _through_vscode(notebook: NotebookNode) -> None:
    """Do as VS Code: renew cell ids, and add the language's metadata."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"vscode{number:04d}"
        cell.metadata["vscode"] = {"languageId": "python"}
    notebook.metadata.kernelspec = {"name": ".venv", "display_name": ".venv (3.12.3)"}


HONEST = (
    Attack("honest", "is honest and right", SOLUTIONS, earned=FULL),
    Attack(
        "noisy-functions",
        "writes a warning and a progress bar to stderr, in the functions that are graded",
        {
            name: f"import sys, warnings\n{text}".replace(
                "return ", "print('50%|###', file=sys.stderr); warnings.warn('slow'); return "
            )
            for name, text in SOLUTIONS.items()
        },
        earned=FULL,
    ),
    Attack(
        "early-failure",
        "an early cell fails, later ones are right",
        SOLUTIONS,
        opening="1 / 0",
        earned=FULL,
    ),
    Attack(
        "bare-expressions",
        "sets `ast_node_interactivity = 'all'`, and a bare expression shows a number",
        SOLUTIONS,
        opening=source("""
            from IPython.core.interactiveshell import InteractiveShell
            InteractiveShell.ast_node_interactivity = "all"
            -3.0
            1 + 1
        """),
        earned=FULL,
    ),
    Attack("colab", "went through Colab", SOLUTIONS, edit=_through_colab, earned=FULL),
    Attack("vs-code", "went through VS Code", SOLUTIONS, edit=_through_vscode, earned=FULL),
    Attack(
        "another-style",
        "solves the task another way than the reference",
        _ANOTHER_STYLE,
        earned=FULL,
    ),
)
