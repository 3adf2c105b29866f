"""Pure: which symbolic links of a hand-in lead to what was handed in with them.

A link is never followed. One that names another file of the same hand-in stands for that file,
which is read under its own name; one that names a folder stands for the files in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence

Parts = tuple[str, ...]
Link = tuple[Parts, str]
"""Where a link lies, and what it says."""


def resolved(
    links: Sequence[Link], files: Collection[Parts], max_files: int
) -> Iterator[tuple[Parts, list[tuple[Parts, Parts]]]]:
    """Yield each link with what it stands for: the new path of a file, and the file.

    Args:
        links: of the hand-in.
        files: paths of its plain files.
        max_files: links stand for no more than so many in all.
    """
    known = sorted(files)
    left = max_files
    for parts, says in links:
        found: list[tuple[Parts, Parts]] = []
        target = _target(parts, says)
        if target:
            for path in known[bisect_left(known, target) :][:left]:
                if path[: len(target)] != target:
                    break
                found.append(((*parts, *path[len(target) :]), path))
        left -= len(found)
        yield parts, found


def _target(parts: Parts, says: str) -> Parts | None:
    """Return the path that a link names; None if it leads out of the hand-in, or round in it."""
    if says.startswith("/"):
        return None
    path = list(parts[:-1])
    for part in says.split("/"):
        if part == "..":
            if not path:
                return None
            path.pop()
        elif part not in ("", "."):
            path.append(part)
    return None if tuple(path) == parts[: len(path)] else tuple(path)
