"""Grades a class: what is due goes to workers, and what comes back is kept, one at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nbgrader.apps import NbGraderAPI

from autograder import GraderFault, sandbox
from autograder.batch import forkserver_preload
from autograder.batch.database import Database
from autograder.batch.gradebook import GradebookWriter
from autograder.batch.interrupts import interrupts_later
from autograder.batch.ledger import Ledger
from autograder.batch.result_store import Store
from autograder.batch.task import Fault, Graded, grade_hand_in
from autograder.course.assignment import Assignment, read_assignment
from autograder.course.course import (
    Course,
    course_config,
    forks_kernels,
    late_penalty,
    open_course,
)
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
        left: how many were not reached.
        stopped: why not: a fault of the grader's, or `INTERRUPTED`; "" if nothing is left.
    """

    outcomes: tuple[Outcome, ...]
    unchanged: int = 0
    left: int = 0
    stopped: str = ""


class Observer(Protocol):
    """Told how a run goes."""

    def start(self, due: Sequence[Due], unchanged: int) -> None:
        """Hear what will be graded, and how many results stand."""

    def workers(self, count: int) -> None:
        """Hear how many hand-ins can be graded at one time."""

    def done(self, outcome: Outcome) -> None:
        """Hear what came of one hand-in."""

    def note(self, text: str) -> None:
        """Hear what a person may have to see to."""


class Silent:
    """An observer that says nothing."""

    def start(self, due: Sequence[Due], unchanged: int) -> None:
        """Return nothing."""

    def workers(self, count: int) -> None:
        """Return nothing."""

    def done(self, outcome: Outcome) -> None:
        """Return nothing."""

    def note(self, text: str) -> None:
        """Return nothing."""


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


def generate_release(course_root: Path, assignment: str) -> None:
    """Make the release notebook from the source, enter both in the gradebook.

    Raises:
        GraderFault: nbgrader could not.
    """
    api = NbGraderAPI(config=course_config(course_root))
    _raise_unless_done("generate_assignment", api.generate_assignment(assignment, force=True))


def generate_feedback(course_root: Path, assignment: str) -> None:
    """Write the feedback pages of all graded hand-ins.

    Raises:
        GraderFault: nbgrader could not.
    """
    api = NbGraderAPI(config=course_config(course_root))
    _raise_unless_done("generate_feedback", api.generate_feedback(assignment, force=True))


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def plan(
    course_root: Path, assignment: str, selection: Selection, *, sandboxed: bool = True
) -> list[Due]:
    """Return what `grade` would grade, and changes nothing.

    Raises:
        GraderFault: the course is not set up, or another run is at work.
    """
    with _opened(course_root, assignment, sandboxed, Silent()) as run:
        return run.due(selection)[0]


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
    observer = observer or Silent()
    with _opened(course_root, assignment, sandboxed, observer) as run:
        due, unchanged = run.due(selection)
        observer.start(due, unchanged)
        if not due:
            return RunSummary((), unchanged)
        outcomes: list[Outcome] = []
        stopped = ""

        def hear(outcome: Outcome) -> None:
            outcomes.append(outcome)
            observer.done(outcome)

        try:
            for student in [entry.student for entry in due if why_dangerous(entry.student)]:
                hear(run.refuse(student))
            safe = [entry.student for entry in due if not why_dangerous(entry.student)]
            if not safe:
                return RunSummary(tuple(outcomes), unchanged)
            if scheduler is None:
                forks = sandboxed and forks_kernels(run.course.config)
                forkserver_preload.start(assignment, forks=forks)
                if sandboxed:
                    sandbox.check(fork=forks)
            # Dask takes a second to import: beside that process, and only if something is due.
            with interrupts_later():  # libraries may take one for a module that is missing
                from autograder.batch.cluster import open_client, run_tasks

            try:
                with open_client(workers or cores(), scheduler) as client:
                    hand_ins = run.hand_ins(safe)
                    asked = run_tasks(client, task, run.assignment, hand_ins, observer.workers)
                    for result in asked:
                        hear(run.keep(*result))
            except (GraderFault, SandboxUnavailable) as fault:
                stopped = str(fault)
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        return RunSummary(tuple(outcomes), unchanged, len(due) - len(outcomes), stopped)


@dataclass(frozen=True)
class _Run:
    """An assignment that is being graded, with everything open."""

    course: Course
    assignment: Assignment
    store: Store

    def due(self, selection: Selection) -> tuple[list[Due], int]:
        """Return what is to be graded, and how many results stand."""
        marks = self.store.gradebook.marks()
        due, unchanged = [], 0
        safe = [student for student in selection.students if not why_dangerous(student)]
        for student in selection.students:
            if refused := why_dangerous(student):
                due.append(Due(student, refused))
        for student, handed_in in self.hand_ins(safe):
            reason = self.store.why_due(student, handed_in, marks.get(student))
            if reason or selection.force:
                due.append(Due(student, reason or "it was asked for"))
            else:
                unchanged += 1
        return due[: selection.limit], unchanged

    def hand_ins(self, students: Sequence[str]) -> Iterator[tuple[str, HandIn]]:
        """Yield hand-ins as they are read.

        Raises:
            GraderFault: this machine cannot read one.
        """
        for student in students:
            try:
                handed_in = self.course.hand_in(
                    student, self.assignment.name, list(self.assignment.release)
                )
            except OSError as error:
                raise GraderFault(f"the hand-in of {student} cannot be read: {error}") from error
            yield student, handed_in

    def refuse(self, student: str) -> Outcome:
        """Return why a hand-in is not graded whose student's id other programs cannot take."""
        self.store.withdraw(student)
        return Outcome(student, why_dangerous(student))

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
        data = read_assignment(course.coursedir, course.config, assignment, sandboxed=sandboxed)
        gradebook = GradebookWriter(database, assignment, late_penalty(course.config))
        ledger = Ledger(course_root, assignment)
        yield _Run(course, data, Store(course, assignment, data.digests(), gradebook, ledger))


@contextmanager
def _alone(course_root: Path) -> Iterator[None]:
    """Yield while no other run works on the course; a run that is killed lets go of it.

    Raises:
        GraderFault: another one does.
    """
    path = course_root / _LOCK
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GraderFault(f"another run grades the course {course_root} just now") from error
        yield


def _raise_unless_done(step: str, result: dict[str, object]) -> None:
    if not result["success"]:
        raise GraderFault(f"nbgrader {step} failed:\n{result.get('error') or result.get('log')}")
