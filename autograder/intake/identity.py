"""Pure: which names and ids other programs take for text, and which for something else."""

from __future__ import annotations

import re
import unicodedata

MAX_ID_CHARS = 200
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # Unicode's categories
_MARKUP = '<>"\\'
# A spreadsheet takes what begins with one of these for a formula. An id may honestly begin with a
# minus: it then holds nothing that calls a function or another program.
_FORMULA = ("=", "+", "@", "\t", "\r")
_AFTER_MINUS = re.compile(r"-[\w.@-]*")


def why_dangerous(student_id: str) -> str:
    """Return why a student's id is neither shown nor exported, in a sentence; "" if it may be.

    An id is never altered: it is what other systems recognise a student by. Pages, terminals and
    spreadsheets of other people's take some characters for commands.
    """
    has = dangerous_part(student_id)
    shown = printable(student_id)
    return f"the student's id {shown} has {has}: rename the student's folder" if has else ""


def dangerous_part(text: str) -> str:
    """Return what in an id other programs take for a command; "" if there is nothing."""
    if any(unicodedata.category(char) in _INVISIBLE for char in text):
        return "characters that are invisible, or commands to a terminal"
    if any(char in _MARKUP for char in text):
        return 'one of the characters < > " \\, which web pages take for commands'
    if text.startswith(_FORMULA):
        return "a beginning that spreadsheets take for a formula"
    if text.startswith("-") and not _AFTER_MINUS.fullmatch(text):
        return "a minus at its beginning and more than letters, digits and . _ @ - after it"
    return f"more than {MAX_ID_CHARS} characters" if len(text) > MAX_ID_CHARS else ""


def is_text(name: str) -> bool:
    """Return whether a name of the file system is text; one that is not UTF-8 is none."""
    return not any(unicodedata.category(char) == "Cs" for char in name)


def printable(text: str) -> str:
    """Return a text of anybody's as one line that does nothing to a terminal."""
    return "".join(
        char
        if char.isprintable() and unicodedata.category(char) not in _INVISIBLE
        else char.encode("unicode_escape", errors="backslashreplace").decode()
        for char in text
    )


def printable_lines(text: str) -> str:
    """Return a text that may have several lines, each of which does nothing to a terminal."""
    return "\n".join(map(printable, text.split("\n")))


def no_formula(text: str) -> str:
    """Return free text, such as a name, that no spreadsheet takes for a formula."""
    plain = printable(text)
    return f"'{plain}" if plain.lstrip().startswith(("=", "+", "-", "@")) else plain
