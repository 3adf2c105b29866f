"""nbconvert's HTML exporter for notebooks of anybody's: nothing runs, nothing takes hours."""

from __future__ import annotations

import re
import time
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode

from autograder.judging.graded_notebook import is_given, says
from autograder.pages.markdown import Patience, as_html, typed

MAX_COLOURED_CHARS = 10_000  # of one cell: with the rules below 0.3 s at worst
MAX_COLOURED_LINE_CHARS = 1_000
_LEXER = "ipython3"
_MUCH_SPACE = re.compile(r"\s{100}")  # for which the highlighter takes time with its square


class HarmlessExporter(HTMLExporter):
    """Shows the assignment's own texts as they are, and all others after they were cleaned."""

    def __init__(self, **options: Any) -> None:
        self._patience = Patience()
        super().__init__(**options)
        self.filters = {**self.filters, "highlight_code": self._coloured}

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        """Return the page of a notebook, and what it needs."""
        self._patience = Patience()
        page, resources = super().from_notebook_node(nb, resources, **options)
        return page, resources

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        """Return the HTML of the Markdown in the present cell."""
        cell = context.get("cell", {"metadata": {}})
        if is_given(cell) or says(cell):
            return str(super().markdown2html(context, source))
        return as_html(source, cell.get("attachments"), self._patience)

    def _coloured(
        self,
        source: str,
        language: str | None = None,
        metadata: Any = None,
        strip_verbatim: bool = False,
    ) -> str:
        """Return the HTML of code, in colours unless it is made to take long."""
        lines = source.split("\n")
        if (
            self._patience.over
            or len(source) > MAX_COLOURED_CHARS
            or max(map(len, lines)) > MAX_COLOURED_LINE_CHARS
            or _MUCH_SPACE.search(source)
        ):
            return f'<div class="highlight hl-ipython3">{typed(source)}</div>'
        began_s = time.process_time()
        highlighter = Highlight2HTML(pygments_lexer=_LEXER, parent=self)
        coloured = str(highlighter(source, metadata=metadata))
        self._patience.spend(time.process_time() - began_s)
        return coloured
