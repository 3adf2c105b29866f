"""nbgrader's formgrader for notebooks of anybody's: `nbgrader_config.py` calls `protect`.

Whoever marks in formgrader is logged in to Jupyter: what a page runs there has all their rights.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
from collections.abc import Iterator
from functools import partial
from html import escape
from typing import Any

from jinja2 import Environment
from nbformat import NotebookNode
from traitlets.config import Config

from autograder import pages
from autograder.feedback.harmless_exporter import HarmlessExporter

_SERVER_EXTENSION = "nbgrader.server_extensions.formgrader.formgrader"
_MATHJAX = "https://cdnjs.cloudflare.com"  # where nbconvert's pages have it from
_CLICKS = ("toggle_name(true);", "toggle_name(false);")  # what nbgrader's page has in attributes
_STUDENTS = ("student", "first_name", "last_name", "notebook_path")  # of `resources`, as text


def protect() -> None:
    """Make formgrader show what students write, and their names, as text.

    It has no settings for that, so its two ways to make a page are replaced. Elsewhere than in
    formgrader's server there is nothing to do.
    """
    server_extension = sys.modules.get(_SERVER_EXTENSION)
    if server_extension is not None:
        vars(server_extension).update(
            HTMLExporter=FormgraderExporter, Environment=partial(Environment, autoescape=True)
        )


class FormgraderExporter(HarmlessExporter):
    """The page on which a person marks a hand-in."""

    @property
    def default_config(self) -> Config:
        """Return our template, whatever nbgrader sets for `HTMLExporter`."""
        from nbgrader.server_extensions.formgrader import handlers

        config = super().default_config
        config.FormgraderExporter.template_name = "formgrade_page"
        config.FormgraderExporter.extra_template_basedirs = [
            str(pages.NBCONVERT),
            handlers.template_path,
        ]
        config.FormgraderExporter.extra_template_paths = [handlers.template_path]
        return config

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Yield nbconvert's filters, and ours."""
        yield from super().default_filters()
        yield "numbered", numbered

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        """Return the page of a notebook, and what it needs."""
        nonce = secrets.token_urlsafe(16)
        shown = {key: escape(str(resources[key] or "")) for key in _STUDENTS if key in resources}
        resources.update(shown, nonce=nonce, policy=policy(nonce))
        page, resources = super().from_notebook_node(nb, resources, **options)
        return page, resources


def numbered(html: str, nonce: str) -> str:
    """Return HTML of nbgrader's whose scripts a browser may run."""
    return html.replace("<script", f'<script nonce="{nonce}"')


def policy(nonce: str) -> str:
    """Return what a browser may do with the page: run and load what is nbgrader's."""
    clicks = [base64.b64encode(hashlib.sha256(c.encode()).digest()).decode() for c in _CLICKS]
    allowed = " ".join(f"'sha256-{digest}'" for digest in clicks)
    return "; ".join(
        (
            "default-src 'none'",
            # MathJax loads its parts, and underscore makes functions of its templates.
            f"script-src 'nonce-{nonce}' 'strict-dynamic' 'unsafe-eval' 'unsafe-hashes' {allowed}",
            f"style-src 'self' 'unsafe-inline' {_MATHJAX}",
            f"font-src 'self' {_MATHJAX}",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
