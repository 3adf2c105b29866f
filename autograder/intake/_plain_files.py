"""The plain files of one hand-in's folder, found and read without following anything.

Names are looked up relative to open folders, one step at a time and never through a link, and what
was opened is checked again: what is there can change between a look and a read. Nothing but a
regular file is ever opened. What a student can do is refused with a reason and read on; an
OSError of the grader's own machine (EIO, EMFILE, no access to the folder itself) is raised.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from autograder.intake._links import resolved
from autograder.intake._refusals import (
    HARD_LINK,
    BlockedError,
    Refused,
    RefusedError,
    printable,
    students_doing,
)
from autograder.intake._walk import Look, PlainFile, add, look_at, opened_folder, walk

__all__ = ["TIMESTAMP", "PlainFile", "Refused", "RefusedError", "listed", "printable", "read_bytes"]

MAX_ENTRIES = 1_000
"""Files beside the notebooks."""
MAX_NOTEBOOKS = 50
TIMESTAMP = "timestamp.txt"


def listed(
    root: int,
    notebook_names: Sequence[str],
    allow_hard_links: bool,
    refused: list[Refused],
    ignored: Sequence[str] = (),
) -> list[PlainFile]:
    """Return the plain files below `root`, by path; the notebooks however full the folder is.

    Args:
        root: descriptor of the folder.
        notebook_names: are looked at first.
        allow_hard_links: whether a file may have another name outside of the folder.
        refused: what is not read is added to it.
        ignored: patterns of names that are passed over, as in `c.CourseDirectory.ignore`.
    """
    look = Look(root, ignored, refused)
    for name in (*(f"{name}.ipynb" for name in notebook_names), TIMESTAMP):
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=root, follow_symlinks=False)
            if look_at(look, root, (name,)) is None:
                look.seen.add((name,))
    walk(look)
    for link, stands_for in resolved(look.links, look.entries, MAX_ENTRIES):
        if not stands_for:
            look.refuse(link, "a symbolic link", hides=True)
        for parts, target in stands_for:
            add(look, replace(look.entries[target], parts=parts, read_from=target))
    return _readable(look, allow_hard_links)


def _readable(look: Look, allow_hard_links: bool) -> list[PlainFile]:
    """Return the entries that are to be read; what else there is was refused."""
    names = Counter(
        entry.inode for entry in look.entries.values() if entry.parts == entry.read_from
    )
    kept, room = [], {True: MAX_NOTEBOOKS, False: MAX_ENTRIES}
    by_depth = sorted(look.entries.values(), key=lambda entry: (len(entry.parts), entry.parts))
    for entry in by_depth:
        if entry.links > names[entry.inode] and not allow_hard_links:
            look.refuse(entry.parts, HARD_LINK, blocks=True)
            continue
        room[entry.is_notebook] -= 1
        if room[entry.is_notebook] >= 0:
            kept.append(replace(entry, names=names[entry.inode]))
    if room[True] < 0:
        look.refuse(("....ipynb",), f"more than {MAX_NOTEBOOKS} notebooks")
    if room[False] < 0:
        look.refuse(("...",), f"more than {MAX_ENTRIES:,} files; the others were left out")
    return sorted(kept, key=lambda entry: entry.parts)


def read_bytes(root: int, entry: PlainFile, cap_bytes: int, allow_hard_links: bool) -> bytes:
    """Return the file's bytes, at most `cap_bytes`.

    Raises:
        RefusedError: it is no longer what was found, or is too large.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    path = entry.read_from
    try:
        with opened_folder(root, path[:-1]) as folder:
            file = os.open(path[-1], flags, dir_fd=folder)
    except OSError as error:
        reason, blocks = students_doing(error, entry.owner)
        raise (BlockedError if blocks else RefusedError)(reason) from None
    try:
        found = os.fstat(file)
        _check_regular(found)
        if found.st_nlink > entry.names and not allow_hard_links:
            raise BlockedError(HARD_LINK)
        chunks, left = [], cap_bytes + 1
        if found.st_size <= cap_bytes:  # a sparse file claims terabytes
            while left > 0 and (chunk := os.read(file, min(left, 1 << 20))):
                chunks.append(chunk)
                left -= len(chunk)
        if found.st_size > cap_bytes or left == 0:
            size = f"expected at most {cap_bytes / 1e6:g} MB, got {found.st_size / 1e6:.1f} MB"
            raise RefusedError(f"{size}: clear the outputs and hand in again")
        return b"".join(chunks)
    finally:
        os.close(file)


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise RefusedError("a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError("not a regular file")
