"""What of a hand-in is not read, and why: a student's doing, or the machine's fault."""

from __future__ import annotations

import errno
import os
import unicodedata
from dataclasses import dataclass

HARD_LINK = (
    "a hard link: the file has another name elsewhere. Copy the hand-in (cp -r), or set "
    "c.IntakeExporter.allow_hard_links"
)
_CLOSED = "permission denied. Run chmod -R u+rX on the hand-in's folder"
_STUDENTS_DOING = {  # what a name can do to the one who opens it; all else is the machine's fault
    errno.ELOOP,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.ENXIO,
    errno.ENODEV,
    errno.EISDIR,
}


@dataclass(frozen=True)
class Refused:
    """An entry of the folder that was not read.

    Attributes:
        name: safe to print.
        reason: why.
        blocks: whether there can be no verdict before a person has seen to it: the content is
            there, and only this machine keeps it from being read.
        hides: whether a notebook may be in it, or be it.
    """

    name: str
    reason: str
    blocks: bool = False
    hides: bool = False


class RefusedError(Exception):
    """An entry is not read; the text is the reason."""

    blocks = False


class BlockedError(RefusedError):
    """An entry is not read before a person has seen to it."""

    blocks = True


def odd_name(parts: tuple[str, ...]) -> str:
    """Return why a file is not laid out under its name; "" if it is."""
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in "".join(parts)):
        return "a name with control characters, or not UTF-8"
    if any("\\" in name or name.startswith(("~", "..")) for name in parts):
        return "a name that other systems read as a path"
    return ""


def students_doing(error: OSError, owner: int) -> tuple[str, bool]:
    """Return the reason to refuse, and whether it blocks; or raise what is the machine's fault.

    No access to a file of one's own: an archive brought its mode along. To a file of somebody
    else's: grading runs as the wrong user, and no student may pay for that.
    """
    if error.errno in (errno.EACCES, errno.EPERM) and owner == os.geteuid():
        return _CLOSED, True
    if error.errno not in _STUDENTS_DOING:
        raise error
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a symbolic link", False
    return (error.strerror or "not readable").lower(), False


def printable(path: str) -> str:
    """Return the path in printable characters, at most 100."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)
    return text if len(text) <= 100 else f"{text[:97]}..."
