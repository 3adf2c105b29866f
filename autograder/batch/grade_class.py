"""Grades a class: what is due goes to workers, and what comes back is kept, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import GraderFault, sandbox
from autograder.batch import forkserver_preload
from autograder.batch._held_results import HeldResults
from autograder.batch._result_store import ResultStore
from autograder.batch._run import Run
from autograder.batch.database import Database
from autograder.batch.gradebook import GradebookWriter
from autograder.batch.interrupts import interrupts_later
from autograder.batch.ledger import Ledger
from autograder.batch.run_records import Due, Observer, Outcome, RunSummary, Selection
from autograder.batch.task import grade_hand_in
from autograder.batch.worker_needs import require_worker_needs
from autograder.course.assignment import read_assignment
from autograder.course.course import (
    forks_kernels,
    hand_in_limits,
    late_penalty,
    open_course,
)
from autograder.course.points import require_agreement, require_checks_agree
from autograder.intake.identity import why_dangerous
from autograder.sandbox import SandboxUnavailable

if TYPE_CHECKING:
    from autograder.batch.cluster import Task

INTERRUPTED = "interrupted"
_LOCK = Path(".autograder") / "lock"


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
        require_checks_agree(run.assignment)
        due = [entry for entry, _ in run.due(safe, lambda student: None)]
        held = [Due(change.student, change.reason, runs=False) for change in run.held]
        return sorted(
            refused + due + held, key=lambda entry: selection.students.index(entry.student)
        )


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
    preview: bool = False,
) -> RunSummary:
    """Return what came of a class; a hand-in that fails does not stop the others.

    What would change points that stand is written when all are graded, and told before.

    Args:
        course_root: the folder that holds `nbgrader_config.py`.
        assignment: which one.
        selection: which hand-ins.
        sandboxed: False runs hand-ins with the grader's own rights, and stamps the results.
        workers: processes on this machine; one a core by default.
        scheduler: the address of a Dask cluster to use instead.
        observer: told how it goes.
        task: what a worker does with a hand-in.
        preview: grades, and writes no result: the next run writes them.

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

    def hear(outcome: Outcome | None) -> None:
        if outcome is not None:
            outcomes.append(outcome)
            observer.done(outcome)

    refused, safe = _apart(selection)
    with _opened(course_root, assignment, sandboxed, observer, preview) as run:
        observer.start(len(selection.students))
        for entry in refused:
            hear(run.refuse(entry))
        due = run.due(safe, stands)  # hand-ins are read as workers get free, each once
        first = next(due, None)
        stopped = ""
        try:
            if first is not None:
                _prepare(run, sandboxed, scheduler)
            try:
                if first is not None:
                    # Dask takes a second to import: beside what `_prepare` has started.
                    with interrupts_later():  # libraries may take one for a module that is missing
                        from autograder.batch.cluster import open_client, run_tasks

                    with open_client(workers or cores(), scheduler) as client:
                        hand_ins = ((entry.student, data) for entry, data in chain([first], due))
                        asked = run_tasks(client, task, run.assignment, hand_ins, observer.workers)
                        for result in asked:
                            hear(run.keep(*result))
                if not preview:
                    for outcome in run.write_held():
                        hear(outcome)
            except (GraderFault, SandboxUnavailable) as fault:
                stopped = str(fault)
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        left = len(selection.students) - len(standing) - len(outcomes) if stopped else 0
        return RunSummary(tuple(outcomes), len(standing), left, stopped, run.held)


def _prepare(run: Run, sandboxed: bool, scheduler: str | None) -> None:
    """Start what workers of this machine are forked of.

    Raises:
        SandboxUnavailable: nothing can be graded on this machine.
    """
    if scheduler is not None:
        return
    require_worker_needs()
    sandbox.require_provisions(hand_in_limits(run.course.config))
    forks = sandboxed and forks_kernels(run.course.config)
    forkserver_preload.start(run.assignment.name, forks=forks)
    if sandboxed:
        sandbox.check(fork=forks)


def _apart(selection: Selection) -> tuple[list[Due], Selection]:
    """Return whose ids other programs cannot take, with the reasons; and the others."""
    reasons = {student: why_dangerous(student) for student in selection.students}
    refused = [Due(student, reason) for student, reason in reasons.items() if reason]
    safe = [student for student, reason in reasons.items() if not reason]
    return refused, replace(selection, students=safe)


@contextmanager
def _opened(
    course_root: Path,
    assignment: str,
    sandboxed: bool,
    observer: Observer,
    preview: bool = False,
) -> Iterator[Run]:
    with ExitStack() as stack:
        course = open_course(course_root)
        stack.enter_context(_alone(course_root))
        database = Database(
            course.coursedir.db_url, course.coursedir.course_id, on_wait=observer.note
        )
        stack.callback(database.close)
        data = read_assignment(course, assignment, sandboxed=sandboxed)
        require_agreement(course, data)
        gradebook = GradebookWriter(database, assignment, late_penalty(course.config))
        ledger = Ledger(course_root, assignment)
        held = HeldResults(course_root, assignment)
        store = ResultStore(course, assignment, data.digests(), gradebook, ledger, held)
        yield Run(course, data, store, observer, preview)


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
