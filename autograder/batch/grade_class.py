"""Grades a class: what is due goes to workers, and what comes back is kept, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder import GraderFault, sandbox
from autograder.batch import forkserver_preload
from autograder.batch._result_store import ResultStore
from autograder.batch.database import Database
from autograder.batch.gradebook import GradebookWriter
from autograder.batch.interrupts import interrupts_later
from autograder.batch.ledger import Ledger
from autograder.batch.task import Fault, Graded, grade_hand_in
from autograder.batch.worker_needs import require_worker_needs
from autograder.course.assignment import Assignment, read_assignment
from autograder.course.course import (
    Course,
    forks_kernels,
    hand_in_limits,
    late_penalty,
    open_course,
)
from autograder.intake import read_folder
from autograder.intake.identity import why_dangerous
from autograder.intake.read_folder import HandIn
from autograder.sandbox import SandboxUnavailable

if TYPE_CHECKING:
    from autograder.batch.cluster import Task

INTERRUPTED = "interrupted"
_LOCK = Path(".autograder") / "lock"


@dataclass(frozen=True)
class Outcome:
    """What came of one hand-in.

    Attributes:
        student: whose.
        fault: why it has no verdict, which is never the student's doing; "" if it has one.
        scores: automatic points by "notebook/grade_id"; None waits for a person.
        report: how it went: seconds, worker, phases, memory.
    """

    student: str
    fault: str = ""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """Return the sum of the automatic points."""
        return sum(score or 0.0 for score in self.scores.values())


@dataclass(frozen=True)
class Due:
    """A hand-in that is to be graded, and why."""

    student: str
    reason: str


@dataclass(frozen=True)
class RunSummary:
    """What came of a run.

    Attributes:
        outcomes: of the hand-ins that were graded, or could not be.
        unchanged: how many have a result that stands.
        left: how many were not reached, if the run was stopped.
        stopped: why not: a fault of the grader's, or `INTERRUPTED`; "" if nothing is left.
    """

    outcomes: tuple[Outcome, ...]
    unchanged: int = 0
    left: int = 0
    stopped: str = ""


class Observer:
    """Is told how a run goes, and says nothing: a base for those who do."""

    def start(self, students: int) -> None:
        """Hear how many hand-ins will be looked at."""

    def workers(self, count: int) -> None:
        """Hear how many hand-ins can be graded at one time."""

    def stands(self, student: str) -> None:
        """Hear whose result stands, as nothing of it has changed."""

    def done(self, outcome: Outcome) -> None:
        """Hear what came of one hand-in."""

    def note(self, text: str) -> None:
        """Hear what a person may have to see to."""


@dataclass(frozen=True)
class Selection:
    """Which hand-ins are graded.

    Attributes:
        students: whose, of those in `submitted/`.
        force: also those whose result stands.
        limit: at most so many; None for all.
    """

    students: Sequence[str]
    force: bool = False
    limit: int | None = None


def cores() -> int:
    """Return how many processors this process may keep busy."""
    return sandbox.available_cores()


def plan(
    course_root: Path, assignment: str, selection: Selection, *, sandboxed: bool = True
) -> list[Due]:
    """Return what `grade` would grade, and changes nothing.

    Raises:
        GraderFault: the course is not set up, or another run is at work.
    """
    refused, safe = _apart(selection)
    with _opened(course_root, assignment, sandboxed, Observer()) as run:
        return refused + [due for due, _ in run.due(safe, lambda student: None)]


def grade(
    course_root: Path,
    assignment: str,
    selection: Selection,
    *,
    sandboxed: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
    observer: Observer | None = None,
    task: Task = grade_hand_in,
) -> RunSummary:
    """Return what came of a class; a hand-in that fails does not stop the others.

    Args:
        course_root: the folder that holds `nbgrader_config.py`.
        assignment: which one.
        selection: which hand-ins.
        sandboxed: False runs hand-ins with the grader's own rights, and stamps the results.
        workers: processes on this machine; one a core by default.
        scheduler: the address of a Dask cluster to use instead.
        observer: told how it goes.
        task: what a worker does with a hand-in.

    Raises:
        SandboxUnavailable: nothing can be graded on this machine.
        GraderFault: the course is not set up, or another run is at work.
    """
    observer = observer or Observer()
    standing: list[str] = []

    def stands(student: str) -> None:
        standing.append(student)
        observer.stands(student)

    outcomes: list[Outcome] = []

    def hear(outcome: Outcome) -> None:
        outcomes.append(outcome)
        observer.done(outcome)

    refused, safe = _apart(selection)
    with _opened(course_root, assignment, sandboxed, observer) as run:
        observer.start(len(selection.students))
        for entry in refused:
            hear(run.refuse(entry))
        due = run.due(safe, stands)  # hand-ins are read as workers get free, each once
        first = next(due, None)
        if first is None:
            return RunSummary(tuple(outcomes), len(standing))
        stopped = ""
        try:
            if scheduler is None:
                require_worker_needs()
                sandbox.require_provisions(hand_in_limits(run.course.config))
                forks = sandboxed and forks_kernels(run.course.config)
                forkserver_preload.start(assignment, forks=forks)
                if sandboxed:
                    sandbox.check(fork=forks)
            # Dask takes a second to import: beside that process, and only if something is due.
            with interrupts_later():  # libraries may take one for a module that is missing
                from autograder.batch.cluster import open_client, run_tasks

            try:
                with open_client(workers or cores(), scheduler) as client:
                    hand_ins = ((entry.student, hand_in) for entry, hand_in in chain([first], due))
                    asked = run_tasks(client, task, run.assignment, hand_ins, observer.workers)
                    for result in asked:
                        hear(run.keep(*result))
            except (GraderFault, SandboxUnavailable) as fault:
                stopped = str(fault)
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        left = len(selection.students) - len(standing) - len(outcomes) if stopped else 0
        return RunSummary(tuple(outcomes), len(standing), left, stopped)


@dataclass(frozen=True)
class _Run:
    """An assignment that is being graded, with everything open."""

    course: Course
    assignment: Assignment
    store: ResultStore

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
        marks, notebooks = self.store.gradebook.marks(), list(self.assignment.release)
        found = 0
        for student in selection.students:
            if found == selection.limit:
                return
            try:
                folder = self.course.folder("submitted", self.assignment.name, student)
                handed_in = read_folder.collect(folder, notebooks)
            except OSError as error:
                raise GraderFault(f"the hand-in of {student} cannot be read: {error}") from error
            reason = self.store.why_due(student, handed_in, marks.get(student))
            if reason is None and not selection.force:
                stands(student)
                continue
            found += 1
            yield Due(student, reason or "it was asked for"), handed_in

    def refuse(self, entry: Due) -> Outcome:
        """Return why a hand-in is not graded whose student's id other programs cannot take."""
        self.store.withdraw(entry.student)
        return Outcome(entry.student, entry.reason)

    def keep(self, student: str, handed_in: HandIn, result: Graded | Fault) -> Outcome:
        """Return what came of a hand-in, when that is in its place.

        Raises:
            GraderFault: the run cannot go on; of this hand-in nothing has changed.
        """
        if isinstance(result, Graded):
            self.store.keep(student, handed_in, result)
            return Outcome(student, "", result.marks.scores, result.report)
        if result.everybodys:
            raise GraderFault(result.message)
        self.store.withdraw(student)
        return Outcome(student, result.message)


def _apart(selection: Selection) -> tuple[list[Due], Selection]:
    """Return whose ids other programs cannot take, with the reasons; and the others."""
    reasons = {student: why_dangerous(student) for student in selection.students}
    refused = [Due(student, reason) for student, reason in reasons.items() if reason]
    safe = [student for student, reason in reasons.items() if not reason]
    return refused, replace(selection, students=safe)


@contextmanager
def _opened(
    course_root: Path, assignment: str, sandboxed: bool, observer: Observer
) -> Iterator[_Run]:
    with ExitStack() as stack:
        course = open_course(course_root)
        stack.enter_context(_alone(course_root))
        database = Database(
            course.coursedir.db_url, course.coursedir.course_id, on_wait=observer.note
        )
        stack.callback(database.close)
        data = read_assignment(course, assignment, sandboxed=sandboxed)
        gradebook = GradebookWriter(database, assignment, late_penalty(course.config))
        ledger = Ledger(course_root, assignment)
        yield _Run(course, data, ResultStore(course, assignment, data.digests(), gradebook, ledger))


@contextmanager
def _alone(course_root: Path) -> Iterator[None]:
    """Yield while no other run works on the course; a run that is killed lets go of it.

    Raises:
        GraderFault: another one does.
    """
    import fcntl  # here: Windows has none, and no hand-ins run there

    path = course_root / _LOCK
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = path.open("w", encoding="utf-8")
    except OSError as error:
        raise GraderFault(
            f"the course cannot be written to ({path}: {error.strerror}): results, gradebook and "
            "log go there, so grade in a copy that you may write"
        ) from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GraderFault(f"another run grades the course {course_root} just now") from error
        yield
