"""What a feedback page does besides being read: what it asks for, and whom it imitates."""

from __future__ import annotations

from html.parser import HTMLParser

MARKING = {"full-credit", "no-credit", "modal-backdrop", "navbar-fixed-top"}  # formgrader's classes
FORGED_NOTE = "marker4711 has all points"


class Reader(HTMLParser):
    """Reads a page.

    Attributes:
        asked: addresses that a browser asks for when the page is opened.
        buttons: classes of the page for marking.
        note: the text of our own note of what was put right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()
        self.buttons: list[str] = []
        self.note = ""
        self._in_note = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag into account."""
        said = {name: value or "" for name, value in attrs}
        source = said.get("src", "")
        if tag == "img" and source and not source.startswith("data:"):
            self.asked.add(source)
        if "url(" in said.get("style", "") and "marker4711" in said["style"]:
            self.asked.add(said["style"])
        self.buttons += sorted(MARKING & set(said.get("class", "").split()))
        if tag == "div" and (self._in_note or said.get("class") == "alert"):
            self._in_note += 1

    def handle_endtag(self, tag: str) -> None:
        """Take the end of a tag into account."""
        if tag == "div" and self._in_note:
            self._in_note -= 1

    def handle_data(self, data: str) -> None:
        """Take text into account."""
        if self._in_note:
            self.note += data


def notes(page: str) -> list[str]:
    """Return what a page does besides being read, in words."""
    reader = Reader()
    reader.feed(page)
    found = []
    if reader.asked:
        found.append(f"the page asks for {len(reader.asked)} addresses when it is opened")
    if reader.buttons:
        found.append(f"the page for marking would take {len(reader.buttons)} texts for its own")
    if FORGED_NOTE in reader.note:
        found.append("its words are shown as the grader's")
    return found
