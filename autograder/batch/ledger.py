"""What was graded, and from what: a result stands while all that it depends on is unchanged.

A line of the ledger is written last, after the gradebook and the files, and removed first. Nothing
in it is believed without a look at the gradebook and the files themselves. So whenever a run is
killed, the next one grades what has no line, or one that does not fit, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograder.batch import atomic_files
from autograder.batch.gradebook import Marks
from autograder.course.assignment import digest
from autograder.intake.read_folder import HandIn

FOLDER = Path(".autograder") / "graded"
_CHANGED = {
    "hand_in": "the hand-in has changed",
    "assignment": "the assignment has changed",
    "configuration": "the configuration has changed",
    "checks": "the checks have changed",
    "secret": "the course's secret has changed",
}


@dataclass(frozen=True)
class LedgerLine:
    """One line of the ledger.

    Attributes:
        depends: what the result depends on -> its hash.
        marks: what was written into the gradebook.
        files: hash of what was written into the folder `autograded/`.
        versions: with what it was formed -> which one.
    """

    depends: Mapping[str, str]
    marks: Marks
    files: str
    versions: Mapping[str, str] = field(default_factory=dict)


class Ledger:
    """The lines of one assignment, a file a student.

    Args:
        course_root: the course's folder.
        assignment: its name.
    """

    def __init__(self, course_root: Path, assignment: str) -> None:
        self._folder = course_root / FOLDER / assignment

    def read(self, student: str) -> LedgerLine | None:
        """Return a student's line; None if there is none that can be read."""
        try:
            fields = json.loads(self._path(student).read_text(encoding="utf-8"))
            marks = Marks(**fields["marks"])
            return LedgerLine(fields["depends"], marks, fields["files"], fields.get("versions", {}))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, student: str, entry: LedgerLine) -> None:
        """Write a student's line."""
        atomic_files.write(self._path(student), json.dumps(asdict(entry)).encode())

    def remove(self, student: str) -> None:
        """Remove a student's line, if there is one."""
        self._path(student).unlink(missing_ok=True)

    def _path(self, student: str) -> Path:
        return self._folder / f"{student}.json"


def why_due(
    entry: LedgerLine | None, depends: Mapping[str, str], marks: Marks | None, files: str
) -> str | None:
    """Return why a hand-in is to be graded; None if its result stands.

    Args:
        entry: its line in the ledger.
        depends: what a result depends on now.
        marks: what the gradebook says now.
        files: hash of what the folder `autograded/` holds now.
    """
    if entry is None:
        return "it has no result yet"
    changed = [text for part, text in _CHANGED.items() if entry.depends.get(part) != depends[part]]
    if changed:
        return changed[0]
    if entry.marks != marks:
        return "the gradebook does not hold its result"
    return "its graded files are not as they were" if entry.files != files else None


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Return the hash of a folder's content."""
    return digest([part for name in sorted(files) for part in (name.encode(), files[name])])


def digest_of_hand_in(student: str, handed_in: HandIn) -> str:
    """Return the hash of a hand-in and of whose it is, for challenges differ between students."""
    files = {file.path: file.data for file in handed_in.files if file.data is not None}
    return digest(
        [
            student.encode(),
            digest_of_files(handed_in.notebooks).encode(),
            digest_of_files(files).encode(),
            json.dumps([dict(handed_in.fatal), handed_in.remarks()]).encode(),
        ]
    )
