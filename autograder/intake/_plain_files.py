"""The plain files of one hand-in's folder, found and read without following anything.

Names are looked up relative to open folders, one step at a time and never through a link, and what
was opened is checked again: what is there can change between a look and a read. Nothing but a
regular file is ever opened. What a student can do is refused with a reason and read on; an
OSError of the grader's own machine (EIO, EMFILE, no access to the folder itself) is raised.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

MAX_ENTRIES = 1_000
"""Files and folders looked at, in all."""
MAX_DEPTH = 5
"""Folders within folders."""
MAX_NAME_CHARS = 200

TIMESTAMP = "timestamp.txt"
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
    """An entry of the folder that was not read. `name` is safe to print."""

    name: str
    reason: str


class RefusedError(Exception):
    """An entry is not read; the text is the reason."""


@dataclass(frozen=True)
class PlainFile:
    """A plain file that was found."""

    parts: tuple[str, ...]
    size_bytes: int
    modified_ns: int
    owner: int

    @property
    def path(self) -> str:
        return "/".join(self.parts)


def listed(
    root: int, notebook_names: Sequence[str], allow_hard_links: bool, refused: list[Refused]
) -> list[PlainFile]:
    """Return the plain files below `root`, by path; the notebooks however full the folder is.

    What is not read is added to `refused`.
    """
    entries: dict[tuple[str, ...], PlainFile] = {}
    budget = MAX_ENTRIES

    def look(folder: int, parts: tuple[str, ...]) -> None:
        name, shown, owner = parts[-1], printable("/".join(parts)), -1
        try:
            _check_name(name)
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            owner = found.st_uid
            if stat.S_ISDIR(found.st_mode):
                if len(parts) > MAX_DEPTH:
                    raise RefusedError(f"more than {MAX_DEPTH} folders deep")
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(name, flags, dir_fd=folder)
                try:
                    walk(below, parts)
                finally:
                    os.close(below)
            else:
                _check_plain(found, allow_hard_links)
                entries[parts] = PlainFile(parts, found.st_size, found.st_mtime_ns, found.st_uid)
        except RefusedError as reason:
            refused.append(Refused(shown, str(reason)))
        except OSError as error:
            refused.append(Refused(shown, _students_doing(error, owner)))

    def walk(folder: int, parts: tuple[str, ...]) -> None:
        nonlocal budget
        names = []
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.name[0] == "." != entry.name[1:2]:  # .git, .DS_Store, checkpoints: ignored
                    continue
                if budget == 0:
                    where = printable("/".join((*parts, "...")))
                    refused.append(Refused(where, f"more than {MAX_ENTRIES} files and folders"))
                    break
                budget -= 1
                names.append(entry.name)
        for name in sorted(names):
            if (*parts, name) not in entries:
                look(folder, (*parts, name))

    for name in (*(f"{name}.ipynb" for name in notebook_names), TIMESTAMP):
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=root, follow_symlinks=False)
            look(root, (name,))
    already = {entry.name for entry in refused}
    first = len(refused)
    walk(root, ())
    refused[first:] = [entry for entry in refused[first:] if entry.name not in already]
    return [entries[parts] for parts in sorted(entries)]


def read_bytes(root: int, entry: PlainFile, cap_bytes: int, allow_hard_links: bool) -> bytes:
    """Return the file's bytes, at most `cap_bytes`.

    Raises:
        RefusedError: it is no longer what was found, or is too large.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with ExitStack() as stack:
        try:
            folder = root
            for part in entry.parts[:-1]:
                folder = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
                stack.callback(os.close, folder)
            file = os.open(entry.parts[-1], flags | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
        except OSError as error:
            raise RefusedError(_students_doing(error, entry.owner)) from None
        stack.callback(os.close, file)
        found = os.fstat(file)
        _check_plain(found, allow_hard_links)
        chunks, left = [], cap_bytes + 1
        if found.st_size <= cap_bytes:  # a sparse file claims terabytes
            while left > 0 and (chunk := os.read(file, min(left, 1 << 20))):
                chunks.append(chunk)
                left -= len(chunk)
        if found.st_size > cap_bytes or left == 0:
            size = f"expected at most {cap_bytes / 1e6:g} MB, got {found.st_size / 1e6:.1f} MB"
            raise RefusedError(f"{size}: clear the outputs and hand in again")
        return b"".join(chunks)


def _check_plain(found: os.stat_result, allow_hard_links: bool) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise RefusedError("a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError("not a regular file")
    if found.st_nlink > 1 and not allow_hard_links:
        raise RefusedError("a hard link: the file has another name elsewhere")


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME_CHARS:
        raise RefusedError(f"a name of more than {MAX_NAME_CHARS} characters")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name):
        raise RefusedError("a name with characters that are invisible, or not UTF-8")
    if "\\" in name or name.startswith(("~", "..")) or name != name.strip():
        raise RefusedError("a name that other systems read as a path")


def _students_doing(error: OSError, owner: int) -> str:
    """Return the reason to refuse, or raise what is not the student's doing.

    No access to a file of one's own: an archive brought its mode along. To a file of somebody
    else's: grading runs as the wrong user, and no student may pay for that.
    """
    closed = error.errno in (errno.EACCES, errno.EPERM) and owner == os.geteuid()
    if error.errno not in _STUDENTS_DOING and not closed:
        raise error
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a symbolic link"
    return (error.strerror or "not readable").lower()


def printable(path: str) -> str:
    """Return the path in printable characters, at most 100."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)
    return text if len(text) <= 100 else f"{text[:97]}..."
