"""The folder of one hand-in, read without following anything that it points to.

Names are looked up relative to open folders, one step at a time and never through a link, and what
was opened is checked again: what is there can change between a look and a read. Nothing but a
regular file is ever opened. What a student can do is refused with a reason and read on; an
OSError of the grader's own machine (EIO, EMFILE, no access to the folder itself) is raised.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.intake import MAX_NOTEBOOK_BYTES, Repair

MAX_FILE_BYTES = 10_000_000
"""Bytes of one file beside the notebooks; larger ones are listed, not read."""
MAX_TOTAL_BYTES = 50_000_000
"""Bytes of all files beside the notebooks together; what comes later is listed, not read."""
MAX_ENTRIES = 1_000
"""Files and folders looked at, in all."""
MAX_DEPTH = 5
"""Folders within folders."""
MAX_NAME_CHARS = 200

TIMESTAMP = "timestamp.txt"
_TIMESTAMP_BYTES = 100
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


@dataclass(frozen=True)
class HandedFile:
    """A file beside the notebooks. `path` is relative; `data` is None where it is over the cap."""

    path: str
    size_bytes: int
    data: bytes | None


@dataclass(frozen=True)
class HandIn:
    """What one student handed in.

    Attributes:
        notebooks: expected name (without .ipynb) -> the file's bytes.
        fatal: expected name -> why there is no such notebook; every expected name is in one of
            the two.
        repairs: a notebook that was found under another name.
        files: everything else that is a plain file with a plain name, sorted by path.
        refused: what was not read, and why.
        timestamp: the text of timestamp.txt; the student's word, where the student could write it.
    """

    notebooks: Mapping[str, bytes]
    fatal: Mapping[str, str]
    repairs: tuple[Repair, ...]
    files: tuple[HandedFile, ...]
    refused: tuple[Refused, ...]
    timestamp: str | None

    def remarks(self) -> list[str]:
        """Returns a sentence for each thing that was put right or refused."""
        refused = [f"{entry.name} was not read: {entry.reason}" for entry in self.refused]
        return [repair.sentence for repair in self.repairs] + refused


class _RefusedError(Exception):
    """An entry is not read; its text is the reason."""


@dataclass(frozen=True)
class _Entry:
    parts: tuple[str, ...]
    size_bytes: int
    modified_ns: int
    owner: int

    @property
    def path(self) -> str:
        return "/".join(self.parts)


def collect(
    folder: Path,
    notebook_names: Sequence[str],
    *,
    max_notebook_bytes: int = MAX_NOTEBOOK_BYTES,
    allow_hard_links: bool = False,
) -> HandIn:
    """What one student handed in, read as data.

    Args:
        folder: the hand-in's folder; the folders above it are the grader's own.
        notebook_names: the assignment's notebooks, without .ipynb.
        max_notebook_bytes: a larger notebook is refused.
        allow_hard_links: reads files that have a second name somewhere. An unpacked archive can
            so pass a file of the grader's (the solution) for its own, so they are refused; set it
            where the course's own backups link files.

    Raises:
        OSError: the grader's own machine failed, or `folder` is not there or not readable.
    """
    refused: list[Refused] = []
    with ExitStack() as stack:
        try:
            root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            reason = "the hand-in is not a folder, or a symbolic link to one"
            return HandIn({}, dict.fromkeys(notebook_names, reason), (), (), (), None)
        stack.callback(os.close, root)

        entries = _listed(root, notebook_names, allow_hard_links, refused)
        chosen, repairs = _chosen(entries, notebook_names)
        notebooks: dict[str, bytes] = {}
        fatal: dict[str, str] = {}
        for name in notebook_names:
            if name not in chosen:
                fatal[name] = _why_missing(name, refused)
                continue
            entry = chosen[name]
            try:
                notebooks[name] = _bytes(root, entry, max_notebook_bytes, allow_hard_links)
            except _RefusedError as reason:
                refused.append(Refused(entry.path, str(reason)))
                fatal[name] = f"{entry.path} could not be read: {reason}"

        files, room, timestamp = [], MAX_TOTAL_BYTES, None
        taken = {entry.parts for entry in chosen.values()}
        for entry in entries:
            if entry.parts in taken:
                continue
            data = None
            cap = min(MAX_FILE_BYTES, room)
            if entry.size_bytes <= cap:
                try:
                    data = _bytes(root, entry, cap, allow_hard_links)
                except _RefusedError as reason:
                    refused.append(Refused(entry.path, str(reason)))
                    continue
                room -= len(data)
            files.append(HandedFile(entry.path, entry.size_bytes, data))
            if entry.parts == (TIMESTAMP,) and data is not None:
                text = data[:_TIMESTAMP_BYTES].decode("utf-8", errors="replace")
                timestamp = "".join(char for char in text if char.isprintable()).strip()
    return HandIn(notebooks, fatal, tuple(repairs), tuple(files), tuple(refused), timestamp)


# ---------------------------------------------------------------------------------------- the files


def _listed(
    root: int, notebook_names: Sequence[str], allow_hard_links: bool, refused: list[Refused]
) -> list[_Entry]:
    """The plain files below `root`, by path; the expected notebooks however full the folder is."""
    entries: dict[tuple[str, ...], _Entry] = {}
    budget = MAX_ENTRIES

    def look(folder: int, parts: tuple[str, ...]) -> None:
        name, shown, owner = parts[-1], _shown("/".join(parts)), -1
        try:
            _check_name(name)
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            owner = found.st_uid
            if stat.S_ISDIR(found.st_mode):
                if len(parts) > MAX_DEPTH:
                    raise _RefusedError(f"more than {MAX_DEPTH} folders deep")
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(name, flags, dir_fd=folder)
                try:
                    walk(below, parts)
                finally:
                    os.close(below)
            else:
                _check_plain(found, allow_hard_links)
                entries[parts] = _Entry(parts, found.st_size, found.st_mtime_ns, found.st_uid)
        except _RefusedError as reason:
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
                    where = _shown("/".join((*parts, "...")))
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


def _bytes(root: int, entry: _Entry, cap_bytes: int, allow_hard_links: bool) -> bytes:
    """The file's bytes, at most `cap_bytes`."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with ExitStack() as stack:
        try:
            folder = root
            for part in entry.parts[:-1]:
                folder = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
                stack.callback(os.close, folder)
            file = os.open(entry.parts[-1], flags | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
        except OSError as error:
            raise _RefusedError(_students_doing(error, entry.owner)) from None
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
            raise _RefusedError(f"{size}: clear the outputs and hand in again")
        return b"".join(chunks)


def _check_plain(found: os.stat_result, allow_hard_links: bool) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _RefusedError("a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise _RefusedError("not a regular file")
    if found.st_nlink > 1 and not allow_hard_links:
        raise _RefusedError("a hard link: the file has another name elsewhere")


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME_CHARS:
        raise _RefusedError(f"a name of more than {MAX_NAME_CHARS} characters")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name):
        raise _RefusedError("a name with characters that are invisible, or not UTF-8")
    if "\\" in name or name.startswith(("~", "..")) or name != name.strip():
        raise _RefusedError("a name that other systems read as a path")


def _students_doing(error: OSError, owner: int) -> str:
    """The reason to refuse; raises what is not the student's doing.

    No access to a file of one's own: an archive brought its mode along. To a file of somebody
    else's: grading runs as the wrong user, and no student may pay for that.
    """
    closed = error.errno in (errno.EACCES, errno.EPERM) and owner == os.geteuid()
    if error.errno not in _STUDENTS_DOING and not closed:
        raise error
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a symbolic link"
    return (error.strerror or "not readable").lower()


def _shown(path: str) -> str:
    """The path in printable characters, at most 100."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)
    return text if len(text) <= 100 else f"{text[:97]}..."


# ---------------------------------------------------------------------------------- the notebooks


def _chosen(
    entries: list[_Entry], notebook_names: Sequence[str]
) -> tuple[dict[str, _Entry], list[Repair]]:
    """For each expected notebook the file that is it: by name, else by the likeliest name."""
    left = {entry.path: entry for entry in entries if entry.path.lower().endswith(".ipynb")}
    chosen = {n: left.pop(f"{n}.ipynb") for n in notebook_names if f"{n}.ipynb" in left}
    repairs = []
    for likeness in (_same_name, _copy_of, _named_within):
        for name in notebook_names:
            found = [e for e in left.values() if name not in chosen and likeness(e, name)]
            if found:
                chosen[name] = max(found, key=lambda e: (-len(e.parts), e.modified_ns, e.path))
                del left[chosen[name].path]
                others = f", the newest of {len(found)}" if len(found) > 1 else ""
                repairs.append(_renamed(chosen[name], name, others))
    missing = [name for name in notebook_names if name not in chosen]
    if len(missing) == len(left) == 1:
        chosen[missing[0]] = next(iter(left.values()))
        repairs.append(_renamed(chosen[missing[0]], missing[0], ", the only notebook"))
    return chosen, repairs


def _renamed(entry: _Entry, name: str, why: str) -> Repair:
    return Repair(None, f"{_shown(entry.path)}{why} was taken for {name}.ipynb")


def _stem(entry: _Entry) -> str:
    return entry.parts[-1][: -len(".ipynb")]


def _same_name(entry: _Entry, name: str) -> bool:
    """cnns.ipynb in a folder, or CNNs.IPYNB."""
    return _stem(entry).lower() == name.lower()


def _copy_of(entry: _Entry, name: str) -> bool:
    """cnns-1, cnns (1), cnns-Copy1, cnns - Copy (2), Copy of cnns, Kopie von cnns."""
    after = r"(?:[ _-]*+(?:\(\d++\)|copy\d*+|\d++))*+"  # possessive: linear on any name
    return bool(re.fullmatch(rf"(\w+ \w+ )?{re.escape(name)}{after}", _stem(entry), re.IGNORECASE))


def _named_within(entry: _Entry, name: str) -> bool:
    """cnns_final, mueller-cnns."""
    within = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
    return bool(re.search(within, _stem(entry), re.IGNORECASE))


def _why_missing(name: str, refused: list[Refused]) -> str:
    for entry in refused:
        if entry.name == f"{name}.ipynb":
            return f"{entry.name} was refused: {entry.reason}"
    return "no notebook was handed in"
