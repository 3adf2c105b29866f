"""Reads the files of one hand-in, each once, and compares its notebooks with the release."""

from __future__ import annotations

from collections.abc import Mapping

import nbformat

from autograder.intake import MAX_NOTEBOOK_BYTES, _plain_files
from autograder.intake._kinship import Kind, Kinship, kinship
from autograder.intake._plain_files import PlainFile, RefusedError


class Reader:
    """The files of a hand-in.

    Args:
        root: descriptor of its folder.
        max_notebook_bytes: a larger notebook is refused.
        allow_hard_links: whether a file may have another name outside of the folder.
        releases: name of each notebook -> the file that students got.
    """

    def __init__(
        self,
        root: int,
        max_notebook_bytes: int,
        allow_hard_links: bool,
        releases: Mapping[str, bytes],
    ) -> None:
        self._root, self._allow_hard_links = root, allow_hard_links
        self._max_notebook_bytes = max_notebook_bytes
        self._releases = releases
        self._notebooks: dict[PlainFile, bytes | RefusedError] = {}
        self._room = MAX_NOTEBOOK_BYTES  # for comparing, bytes

    def read(self, entry: PlainFile, cap_bytes: int) -> bytes:
        """Return a file's bytes.

        Raises:
            RefusedError: it cannot be read.
        """
        found = self._notebooks.get(entry)
        if found is None:
            return _plain_files.read_bytes(self._root, entry, cap_bytes, self._allow_hard_links)
        if isinstance(found, RefusedError):
            raise found
        return found

    def related(self, entry: PlainFile, name: str) -> Kinship:
        """Return how a notebook is related to an expected one."""
        if name not in self._releases:
            return Kinship(Kind.UNKNOWN)
        if entry not in self._notebooks:
            self._room -= entry.size_bytes
            if self._room < 0:
                return Kinship(Kind.UNKNOWN)
            try:
                self._notebooks[entry] = self.read(entry, self._max_notebook_bytes)
            except RefusedError as error:
                self._notebooks[entry] = error
        found = self._notebooks[entry]
        release = nbformat.reads(self._releases[name].decode(), 4)
        return kinship(None if isinstance(found, RefusedError) else found, release)
