"""A run with everything open: what is due, what is kept, and what is held back to the end.

What would change points that stand is held until the last hand-in is graded, so that a person reads
who gains and who loses before any of it is in the gradebook. A run that ends earlier leaves these
results aside, for the next one to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from autograder import GraderFault
from autograder.batch._result_store import ResultStore
from autograder.batch.run_records import Change, Due, Observer, Outcome, Selection
from autograder.batch.task import Fault, Graded
from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.intake import read_folder
from autograder.intake.identity import is_text
from autograder.intake.read_folder import HandIn

LATE = "its late penalty is not that of the due date"


@dataclass(frozen=True)
class _Waiting:
    """What is written at the end of a run.

    Attributes:
        change: what it does to points.
        handed_in: whose result is held; None where only the late penalty is computed anew.
        scores: automatic points, as the gradebook has them.
    """

    change: Change
    handed_in: HandIn | None
    scores: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """An assignment that is being graded, with everything open.

    Attributes:
        course: whose.
        assignment: which.
        store: where results go.
        observer: told how it goes.
        preview: whether nothing is to be written.
    """

    course: Course
    assignment: Assignment
    store: ResultStore
    observer: Observer
    preview: bool = False
    _reasons: dict[str, str] = field(default_factory=dict)
    _stand: set[str] = field(default_factory=set)  # whose points do
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    @property
    def held(self) -> tuple[Change, ...]:
        """Return what waits to be written, who loses most first."""
        changes = [waiting.change for waiting in self._waiting.values()]
        return tuple(sorted(changes, key=lambda change: (change.gained, change.student)))

    def due(
        self, selection: Selection, stands: Callable[[str], None]
    ) -> Iterator[tuple[Due, HandIn]]:
        """Yield what is to be graded as it is read, which is once.

        Args:
            selection: which hand-ins.
            stands: told whose result stands.

        Raises:
            GraderFault: this machine cannot read one.
        """
        marks, releases = self.store.gradebook.marks(), self.assignment.release
        links = bool(self.course.config.IntakeExporter.get("allow_hard_links", False))
        penalties = self.store.gradebook.stale_penalties()
        self._stand.update(student for student, known in marks.items() if known.stand)
        found = 0
        for student in selection.students:
            if found == selection.limit:
                return
            try:
                folder = self.course.folder("submitted", self.assignment.name, student)
                handed_in = read_folder.collect(
                    folder,
                    sorted(releases),
                    releases=releases,
                    ignored=self.course.coursedir.ignore,
                    allow_hard_links=links,
                )
            except PermissionError as error:  # of this one alone
                closed = f"the hand-in cannot be read: {error}. Run chmod -R u+rX on its folder"
                handed_in = read_folder.not_readable(sorted(releases), closed)
            except OSError as error:
                raise GraderFault(f"the hand-in of {student} cannot be read: {error}") from error
            reason = self.store.why_due(student, handed_in, marks.get(student))
            due = Due(student, reason or "it was asked for")
            if not (self.preview and selection.force) and self._is_held(due, handed_in):
                continue
            if reason is None and not selection.force:
                if student in penalties:
                    change = Change(student, LATE, *penalties[student])
                    self._wait(_Waiting(change, None, marks[student].scores))
                else:
                    stands(student)
                continue
            found += 1
            self._reasons[student] = due.reason
            yield due, handed_in

    def refuse(self, entry: Due) -> Outcome:
        """Return why a hand-in is not graded whose student's id other programs cannot take."""
        # Under an id that is no text nothing can have been stored.
        if not self.preview and is_text(entry.student):
            self.store.withdraw(entry.student)
        return Outcome(entry.student, entry.reason)

    def keep(self, student: str, handed_in: HandIn, result: Graded | Fault) -> Outcome | None:
        """Return what came of a hand-in, when that is in its place; None if it is held back.

        Raises:
            GraderFault: the run cannot go on; of this hand-in nothing has changed.
        """
        if isinstance(result, Graded):
            versions = ""
            if self.preview or student in self._stand:  # else there is nothing to compare with
                due = Due(student, self._reasons[student])
                change = self.store.compare(due, handed_in, result)
                if self.preview or change.changes:
                    self.store.hold(change, handed_in, result)
                    self._wait(_Waiting(change, handed_in))
                    return None
                versions = change.versions
            self.store.keep(student, handed_in, result)
            scores, report = result.marks.scores, result.report
            return Outcome(student, "", scores, report, versions=versions)
        if result.everybodys:
            raise GraderFault(result.message)
        if not self.preview:
            self.store.withdraw(student)
        return Outcome(student, result.message)

    def write_held(self) -> Iterator[Outcome]:
        """Yield what came of the hand-ins that were held back, as each is written.

        Raises:
            GraderFault: one could not be written; the next run goes on with it.
        """
        changing = [change for change in self.held if change.changes]
        if changing:
            self.observer.changes(changing)
        for change in self.held:
            outcome = self._write(self._waiting[change.student])
            del self._waiting[change.student]
            yield outcome

    def _write(self, waiting: _Waiting) -> Outcome:
        change, scores, report = waiting.change, waiting.scores, {}
        if waiting.handed_in is None:
            self.store.gradebook.write_penalty(change.student)
        else:
            held = self.store.take_held(change.student, waiting.handed_in)
            if held is None:
                raise GraderFault(f"the result of {change.student} that was kept aside is gone")
            self.store.keep(change.student, waiting.handed_in, held.graded)
            scores, report = held.graded.marks.scores, dict(held.graded.report)
        known = change if change.changes else None
        return Outcome(change.student, "", scores, report, known, change.versions)

    def _is_held(self, due: Due, handed_in: HandIn) -> bool:
        """Return whether a hand-in was graded before, and only waits to be written."""
        held = self.store.take_held(due.student, handed_in)
        if held is None:
            return False
        change = self.store.compare(due, handed_in, held.graded)
        if change.before == change.after:  # a run was killed after it had written the gradebook
            change = replace(change, before=held.before)
        self._wait(_Waiting(change, handed_in))
        return True

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting[waiting.change.student] = waiting
        self.observer.holds(waiting.change)
