"""Pure: what students read first, in the README beside their notebook."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

_MAX_NAMED = 10  # files in a sentence


def bundle_readme(assignment: str, wheel: str, badge: str = "", beside: Sequence[str] = ()) -> str:
    """Return the README of a bundle, as Markdown.

    Args:
        assignment: the notebook's name, without ".ipynb".
        wheel: the file name of the wheel of `course_utils`.
        badge: a link that opens the notebook in Colab, which then finds the wheel by itself; "" if
            there is none.
        beside: paths of the files that the notebook needs beside it.
    """
    if badge:
        colab = "Press the badge above. The first cell of the notebook gets what it needs."
        kaggle = "switch *Internet* on"
    else:
        colab = (
            f"In Colab: *File > Upload notebook*, `{assignment}.ipynb`. Then the folder symbol on "
            f"the left,\nthe upload symbol, `{wheel}`. Now run the first cell."
        )
        kaggle = f"add `{wheel}` with *Add Input > Upload*, switch *Internet* on"
    if beside:
        names = ", ".join(f"`{path}`" for path in beside[:_MAX_NAMED])
        names += ", ..." if len(beside) > _MAX_NAMED else ""
        upload = f"The notebook needs these files beside it, so upload them as well: {names}."
        colab, kaggle = f"{colab}\n{upload}", f"{kaggle}, and add the same files"
    text = dedent("""\
        # ASSIGNMENT
        BADGE
        Work from top to bottom, then hand in `ASSIGNMENT.ipynb`.

        ## On your computer

        You need Python 3.10 or later. Open a terminal in this folder, and type what stands under
        your system. The second line downloads 0.25 GB on Windows and macOS, and 3.1 GB on Linux.

        **Linux, macOS**

        ```
        python3 -m venv .venv
        .venv/bin/pip install -r requirements.txt
        .venv/bin/jupyter lab ASSIGNMENT.ipynb
        ```

        If Debian or Ubuntu says that `venv` is missing: `sudo apt install python3-venv`.

        **Windows**

        ```
        py -m venv .venv
        .venv\\Scripts\\pip install -r requirements.txt
        .venv\\Scripts\\jupyter lab ASSIGNMENT.ipynb
        ```

        **With [uv](https://docs.astral.sh/uv/)**, on each of them:

        ```
        uv venv
        uv pip install -r requirements.txt
        uv run --no-project jupyter lab ASSIGNMENT.ipynb
        ```

        In VS Code, open `ASSIGNMENT.ipynb` and choose `.venv` as its kernel.

        **Linux without an NVIDIA GPU**: with a PyTorch for the CPU alone it is 0.3 GB in place of
        3.1 GB. Type this before the line with `requirements.txt`:

        ```
        .venv/bin/pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu
        ```

        **"No matching distribution found for torch"** means that PyTorch is not made for your
        Python. Macs with an Intel processor need Python 3.10, 3.11 or 3.12. With a very new Python,
        install Python 3.12 beside it, and make `.venv` with that one. On 32-bit systems, and on
        Alpine Linux, use Colab.

        ## In Google Colab

        COLAB

        ## On Kaggle

        *Create > New Notebook*, then *File > Import Notebook*, `ASSIGNMENT.ipynb`. On the right,
        KAGGLE. Now run the first cell.

        ## On a server of your university

        Put the whole folder there, and open the notebook. Where the server has PyTorch there is
        nothing to install; what is missing the first cell installs, or says what to do.
        """)
    for word, value in (
        ("ASSIGNMENT", assignment),
        ("BADGE", f"\n{badge}\n" if badge else ""),
        ("COLAB", colab),
        ("KAGGLE", kaggle),
    ):
        text = text.replace(word, value)
    return text
