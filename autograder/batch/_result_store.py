"""Keeps results: gradebook, then files, then a line in the ledger, so that any run can be killed.

    remove the line -> one transaction in the gradebook -> files, each at once -> write the line

Killed between two of these, a hand-in has no line, and the next run grades it again. As a verdict
depends on nothing but what its line names, that ends in the same gradebook.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from autograder import GraderFault
from autograder.batch import atomic_files
from autograder.batch._held_results import Held, HeldResults
from autograder.batch.gradebook import GradebookWriter, Marks
from autograder.batch.ledger import Ledger, LedgerLine, digest_of_files, digest_of_hand_in, why_due
from autograder.batch.run_records import Change, Due
from autograder.batch.task import Graded
from autograder.course.course import Course
from autograder.course.versions import differences
from autograder.intake.read_folder import HandIn

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResultStore:
    """Where the results of one assignment go.

    Attributes:
        course: whose.
        assignment: its name.
        depends: what all its results depend on -> its hash.
        gradebook: nbgrader's.
        ledger: says which results stand.
        held: those that are not written yet.
    """

    course: Course
    assignment: str
    depends: Mapping[str, str]
    gradebook: GradebookWriter
    ledger: Ledger
    held: HeldResults

    def why_due(self, student: str, handed_in: HandIn, marks: Marks | None) -> str | None:
        """Return why a hand-in is to be graded; None if its result stands.

        Args:
            student: whose.
            handed_in: as it is now.
            marks: what the gradebook says now.
        """
        entry = self.ledger.read(student)
        files = atomic_files.read_folder(self.course.folder("autograded", self.assignment, student))
        return why_due(entry, self._depends(student, handed_in), marks, digest_of_files(files))

    def compare(self, due: Due, handed_in: HandIn, graded: Graded) -> Change:
        """Return what a result would do to the points that stand.

        Raises:
            GraderFault: the gradebook cannot be used.
        """
        points = self.gradebook.points(due.student, graded.marks, handed_in.time)
        entry = self.ledger.read(due.student)
        other = differences(entry.versions, graded.versions) if entry else ""
        return Change(due.student, due.reason, *points, other)

    def hold(self, change: Change, handed_in: HandIn, graded: Graded) -> None:
        """Hold a result back.

        Raises:
            GraderFault: that did not work; nothing has changed.
        """
        depends = self._depends(change.student, handed_in)
        try:
            self.held.put(change.student, depends, Held(graded, change.before))
        except OSError as error:
            raise GraderFault(
                f"the result of {change.student} could not be kept aside: {error}"
            ) from error

    def take_held(self, student: str, handed_in: HandIn) -> Held | None:
        """Return the result of a hand-in that is not written yet, if there is one."""
        return self.held.get(student, self._depends(student, handed_in))

    def keep(self, student: str, handed_in: HandIn, graded: Graded) -> None:
        """Put a result in its place.

        Raises:
            GraderFault: it is not; the next run grades the hand-in again.
        """
        try:
            self.ledger.remove(student)
            _log.debug("%s: the line is removed", student)
            self.gradebook.write(student, graded.marks, handed_in.time)
            _log.debug("%s: the gradebook is written", student)
            folder = self.course.folder("autograded", self.assignment, student)
            atomic_files.write_folder(folder, graded.files, self.course.permissions())
            _log.debug("%s: the files are in place", student)
            self.held.drop(student)  # without its line, it would be graded again
            depends = self._depends(student, handed_in)
            files = digest_of_files(graded.files)
            self.ledger.write(student, LedgerLine(depends, graded.marks, files, graded.versions))
            _log.debug("%s: the line is written", student)
        except OSError as error:
            raise GraderFault(f"the result of {student} could not be written: {error}") from error

    def withdraw(self, student: str) -> None:
        """Withdraw the older result of a hand-in that could not be graded now.

        Raises:
            GraderFault: that did not work.
        """
        try:
            self.ledger.remove(student)
            self.gradebook.clear(student)
            atomic_files.remove_folder(self.course.folder("autograded", self.assignment, student))
        except OSError as error:
            raise GraderFault(f"the old result of {student} is still there: {error}") from error

    def _depends(self, student: str, handed_in: HandIn) -> dict[str, str]:
        return {"hand_in": digest_of_hand_in(student, handed_in), **self.depends}
