"""`python -m autograder.maintain.kit`: writes the page, in a checkout's folder."""

from __future__ import annotations

from autograder.maintain.kit.page import PAGE, made, page

PAGE.write_text(page(made()), encoding="utf-8")
