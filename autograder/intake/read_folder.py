"""The folder of one hand-in, read as data: notebooks, what lies beside them, what is refused."""

from __future__ import annotations

import codecs
import errno
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbgrader.utils import parse_utc

from autograder.intake import MAX_NOTEBOOK_BYTES, Repair, _plain_files
from autograder.intake._choose_notebook import choose, why_missing
from autograder.intake._plain_files import TIMESTAMP, Refused, RefusedError
from autograder.intake._reader import Reader
from autograder.intake._refusals import odd_name

MAX_FILE_BYTES = 10_000_000
"""Bytes of one file beside the notebooks; larger ones are listed, not read."""
MAX_TOTAL_BYTES = 50_000_000
"""Bytes of all files beside the notebooks together; what comes later is listed, not read."""

MAX_REMARKS = 20
"""Files that the student is told of by name, of those that were not read."""

_TIMESTAMP_BYTES = 100


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
        repairs: a notebook that was found under another name, and those that were not taken.
        files: everything else that is a plain file with a plain name, sorted by path.
        refused: what was not read, and why.
        timestamp: the text of timestamp.txt; the student's word, where the student could write it.
        no_verdict: why it cannot be graded before a person has seen to it; "" if it can.
    """

    notebooks: Mapping[str, bytes]
    fatal: Mapping[str, str]
    repairs: tuple[Repair, ...]
    files: tuple[HandedFile, ...]
    refused: tuple[Refused, ...]
    timestamp: str | None
    no_verdict: str = ""

    @property
    def time(self) -> datetime | None:
        """Return when it was handed in, in UTC without a time zone; None if nothing tells."""
        return parse_time(self.timestamp)

    def beside(self) -> dict[str, bytes]:
        """Return path -> content of the files beside the notebooks; no time that holds no date."""
        return {
            file.path: file.data
            for file in self.files
            if file.data is not None
            and not file.path.lower().endswith(".ipynb")
            and (file.path != TIMESTAMP or self.time is not None)
        }

    def remarks(self) -> list[str]:
        """Return a sentence for each thing that was put right or refused."""
        said = [repair.sentence for repair in self.repairs]
        left_out = [f"{entry.name} was not read: {entry.reason}" for entry in self.refused]
        left_out += [
            f"{_plain_files.printable(file.path)} was left out: {file.size_bytes / 1e6:.1f} MB is "
            "too large for a file beside the notebook"
            for file in self.files
            if file.data is None and not file.path.lower().endswith(".ipynb")
        ]
        said += left_out[:MAX_REMARKS]
        if len(left_out) > MAX_REMARKS:
            said.append(f"{len(left_out) - MAX_REMARKS} more files were not read")
        if self.timestamp and self.time is None:
            said.append(f"{TIMESTAMP} was left out: it holds no date")
        return said


def timestamp_text(data: bytes) -> str:
    """Return the text of timestamp.txt, in whatever encoding an editor saved it."""
    data = data[:_TIMESTAMP_BYTES]
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")
    return "".join(char for char in text if char.isprintable()).strip()


def parse_time(timestamp: str | None) -> datetime | None:
    """Return the time that a text gives, in UTC without a time zone; None if it gives none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a time zone that nobody knows
            return parse_utc(timestamp) if timestamp else None
    except (ValueError, ArithmeticError):  # numbers of ninety digits among them
        return None


def collect(
    folder: Path,
    notebook_names: Sequence[str],
    *,
    releases: Mapping[str, bytes] | None = None,
    ignored: Sequence[str] = (),
    max_notebook_bytes: int = MAX_NOTEBOOK_BYTES,
    allow_hard_links: bool = False,
) -> HandIn:
    """Return what one student handed in, read as data.

    Args:
        folder: the hand-in's folder; the folders above it are the grader's own.
        notebook_names: the assignment's notebooks, without .ipynb.
        releases: name of each notebook -> the file that students got: of several notebooks of a
            hand-in the one that differs from it is taken. None: names and times alone decide.
        ignored: patterns of names that are passed over.
        max_notebook_bytes: a larger notebook is refused.
        allow_hard_links: reads files that have a second name elsewhere. An unpacked archive can
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
            return not_readable(notebook_names, reason)
        stack.callback(os.close, root)

        entries = _plain_files.listed(root, notebook_names, allow_hard_links, refused, ignored)
        reader = Reader(root, max_notebook_bytes, allow_hard_links, releases or {})
        candidates = [entry for entry in entries if entry.is_notebook]
        chosen, repairs = choose(candidates, notebook_names, reader.related)
        notebooks: dict[str, bytes] = {}
        fatal: dict[str, str] = {}
        blocks = [f"{e.name} was not read: {e.reason}" for e in refused if e.blocks]
        for name in notebook_names:
            if name not in chosen:
                left = [entry for entry in entries if entry not in chosen.values()]
                fatal[name] = why_missing(name, refused, left)
                if any(entry.hides for entry in refused):
                    blocks.append(fatal[name])
                continue
            entry = chosen[name]
            try:
                notebooks[name] = reader.read(entry, max_notebook_bytes)
            except RefusedError as error:
                refused.append(Refused(entry.path, str(error)))
                fatal[name] = f"{_plain_files.printable(entry.path)} could not be read: {error}"
                blocks.append(fatal[name])

        files, room, timestamp = [], MAX_TOTAL_BYTES, None
        for entry in entries:
            if entry in chosen.values() or odd_name(entry.parts):
                continue
            data = None
            cap = min(MAX_FILE_BYTES, room)
            if entry.size_bytes <= cap:
                try:
                    data = reader.read(entry, cap)
                except RefusedError as error:
                    refused.append(Refused(entry.path, str(error)))
                    if error.blocks:
                        blocks.append(f"{entry.path} was not read: {error}")
                    continue
                room -= len(data)
            files.append(HandedFile(entry.path, entry.size_bytes, data))
            if entry.parts == (TIMESTAMP,) and data is not None:
                timestamp = timestamp_text(data)
    return HandIn(
        notebooks,
        fatal,
        tuple(repairs),
        tuple(files),
        tuple(refused),
        timestamp,
        blocks[0] if blocks else "",
    )


def not_readable(notebook_names: Sequence[str], reason: str) -> HandIn:
    """Return a hand-in of which nothing can be read before a person has seen to it."""
    return HandIn({}, dict.fromkeys(notebook_names, reason), (), (), (), None, reason)
