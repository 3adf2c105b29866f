"""Looks at everything in one hand-in's folder, and follows nothing."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import islice

from autograder.intake._links import Link
from autograder.intake._refusals import Refused, odd_name, printable, students_doing

MAX_LOOKED_AT = 50_000
"""Names of files and folders looked at, in all."""
MAX_DEPTH = 7
"""Folders within folders."""
_NOT_THE_STUDENTS = ("__pycache__", "__MACOSX", "node_modules", "site-packages")
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")  # what lies beside the folders of installed packages
_PACKAGES = frozenset(
    [
        "bin",
        "conda-meta",
        "etc",
        "include",
        "Include",
        "lib",
        "lib64",
        "Lib",
        "pkgs",
        "sbin",
        "Scripts",
    ]
)


@dataclass(frozen=True)
class PlainFile:
    """A plain file that was found.

    Attributes:
        parts: its path, as handed in.
        read_from: the path that its bytes are at: another one if it is a link within the hand-in.
        size_bytes: as the folder says.
        modified_ns: when it was changed last.
        owner: the user that it belongs to.
        inode: device and number, which two names of one file share.
        links: how many names it has on its disk.
        names: how many of these lie in the hand-in.
    """

    parts: tuple[str, ...]
    read_from: tuple[str, ...]
    size_bytes: int
    modified_ns: int
    owner: int
    inode: tuple[int, int]
    links: int
    names: int = 1

    @property
    def path(self) -> str:
        return "/".join(self.parts)

    @property
    def is_notebook(self) -> bool:
        return is_notebook(self.parts)


@dataclass
class Look:
    """What was seen of a hand-in so far.

    Attributes:
        root: descriptor of its folder.
        ignored: patterns of names that are passed over.
        refused: what is not read.
        entries: plain files by their paths.
        links: symbolic links.
        seen: what was looked at before all else.
    """

    root: int
    ignored: Sequence[str]
    refused: list[Refused]
    entries: dict[tuple[str, ...], PlainFile] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def refuse(
        self, parts: tuple[str, ...], reason: str, *, blocks: bool = False, hides: bool = False
    ) -> None:
        """Note what is not read."""
        hides = hides or is_notebook(parts)
        self.refused.append(Refused(printable("/".join(parts)), reason, blocks, hides))


def walk(look: Look) -> None:
    """Look at everything, what lies less deep first."""
    waiting: deque[tuple[tuple[str, ...], int]] = deque([((), -1)])
    left = MAX_LOOKED_AT
    while waiting:
        parts, owner = waiting.popleft()
        try:
            with opened_folder(look.root, parts) as folder, os.scandir(folder) as listing:
                names = [entry.name for entry in islice(listing, left + 1)]
                packages = any(name in names for name in _ENVIRONMENT)
                for name in sorted(names):
                    below = (*parts, name)
                    if _passed_over(name, look.ignored) or below in look.seen:
                        continue
                    if packages and name in _PACKAGES:
                        continue
                    below_owner = look_at(look, folder, below)
                    if below_owner is not None:
                        waiting.append((below, below_owner))
        except OSError as error:
            reason, blocks = students_doing(error, owner)
            look.refuse(parts, reason, blocks=blocks, hides=True)
            continue
        left -= len(names)
        if left < 0:
            look.refuse(("...",), f"more than {MAX_LOOKED_AT:,} files and folders", hides=True)
            return


def _passed_over(name: str, ignored: Sequence[str]) -> bool:
    """Return whether nobody wants it: .git, .DS_Store, checkpoints, what the course ignores."""
    hidden = name[0] == "." != name[1:2]
    return hidden or name in _NOT_THE_STUDENTS or any(fnmatch(name, each) for each in ignored)


def look_at(look: Look, folder: int, parts: tuple[str, ...]) -> int | None:
    """Return the owner of a folder to look into; of anything else note what it is."""
    name, owner = parts[-1], -1
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        owner = found.st_uid
        if stat.S_ISDIR(found.st_mode):
            if len(parts) > MAX_DEPTH:
                look.refuse(parts, f"more than {MAX_DEPTH} folders deep", hides=True)
                return None
            return owner
        if stat.S_ISLNK(found.st_mode):
            look.links.append((parts, os.readlink(name, dir_fd=folder)))
            return None
        if not stat.S_ISREG(found.st_mode):
            look.refuse(parts, "not a regular file")
            return None
        size, modified, inode = found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino)
        add(look, PlainFile(parts, parts, size, modified, owner, inode, found.st_nlink))
    except OSError as error:
        why, blocks = students_doing(error, owner)
        look.refuse(parts, why, blocks=blocks)
    return None


def add(look: Look, entry: PlainFile) -> None:
    """Note a plain file, unless its name forbids that."""
    # A notebook is laid out under its expected name, whatever its own is.
    reason = "" if entry.is_notebook else odd_name(entry.parts)
    if reason:
        look.refuse(entry.parts, reason)
    else:
        look.entries[entry.parts] = entry


@contextmanager
def opened_folder(root: int, parts: tuple[str, ...]) -> Iterator[int]:
    """Yield a descriptor of a folder below `root`; no link is followed on the way."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(".", flags, dir_fd=root)
    try:
        for part in parts:
            below = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


def is_notebook(parts: tuple[str, ...]) -> bool:
    return parts[-1].lower().endswith(".ipynb")
