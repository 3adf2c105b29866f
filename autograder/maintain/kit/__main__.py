"""`python -m autograder.maintain.kit`: writes the two pages, in a checkout's folder."""

from __future__ import annotations

from autograder.maintain.kit import page, reference_page

page.PAGE.write_text(page.page(page.made()), encoding="utf-8")
reference_page.PAGE.write_text(reference_page.page(), encoding="utf-8")
