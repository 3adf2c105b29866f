"""Results that are not written yet: they would change points that stand, or are a preview's.

A result that is held is a whole one. Whoever runs the same command later writes it, and grades
nothing again, while all that it depends on is unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.batch import atomic_files
from autograder.batch.gradebook import Marks
from autograder.batch.ledger import digest_of_files
from autograder.batch.task import Graded

FOLDER = Path(".autograder") / "held"
_RECORD = "result.json"


@dataclass(frozen=True)
class Held:
    """A result that is not written yet.

    Attributes:
        graded: the result.
        before: the student's points in the gradebook when it was held; None for none.
    """

    graded: Graded
    before: float | None


class HeldResults:
    """The held results of one assignment, a folder a student; its record is written last.

    Args:
        course_root: the course's folder.
        assignment: its name.
    """

    def __init__(self, course_root: Path, assignment: str) -> None:
        self._folder = course_root / FOLDER / assignment

    def put(self, student: str, depends: Mapping[str, str], held: Held) -> None:
        """Hold a student's result.

        Args:
            student: whose.
            depends: what it depends on -> its hash.
            held: the result.
        """
        self.drop(student)
        folder, graded = self._folder / student, held.graded
        atomic_files.write_folder(folder / "files", graded.files, 0o600)
        record = {
            "depends": dict(depends),
            "marks": asdict(graded.marks),
            "report": dict(graded.report),
            "versions": dict(graded.versions),
            "files": digest_of_files(graded.files),
            "before": held.before,
        }
        atomic_files.write(folder / _RECORD, json.dumps(record).encode(), 0o600)

    def get(self, student: str, depends: Mapping[str, str]) -> Held | None:
        """Return a student's held result; one that does not fit any more is dropped.

        Args:
            student: whose.
            depends: what a result depends on now.
        """
        folder = self._folder / student
        if not folder.exists():
            return None
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            files = atomic_files.read_folder(folder / "files")
            if (record["depends"], record["files"]) == (dict(depends), digest_of_files(files)):
                marks = Marks(**record["marks"])
                graded = Graded(marks, files, record["report"], record["versions"])
                return Held(graded, record["before"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # of a run that was killed while it wrote this
        self.drop(student)
        return None

    def drop(self, student: str) -> None:
        """Remove a student's held result, if there is one."""
        atomic_files.remove_folder(self._folder / student)
