"""The only file that knows Dask: tasks go to workers, results come back, lost workers are replaced.

Source: https://distributed.dask.org, "Resilience".
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Protocol

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Worker, WorkerPlugin
from distributed.utils import silence_logging_cmgr

from autograder import GraderFault
from autograder.batch.interrupts import interrupts_later, leave_interrupts_to_the_driver
from autograder.batch.task import Fault, Graded
from autograder.course.assignment import Assignment
from autograder.intake.read_folder import HandIn

DEATHS = 3  # workers that a task may take with it
_A_THREAD = 2  # tasks on their way for each thread: one runs, one waits
_LEAST = 8  # tasks on their way in any case
MIN_WORKER_BYTES = 2**30  # PyTorch takes half; Dask stops a worker that holds four fifths
_CONNECT_S = 30
_POLL_S = 1.0


class Task(Protocol):
    """What a worker does: `task.grade_hand_in`, or a stand-in for it in a test."""

    def __call__(self, student: str, handed_in: HandIn, assignment: Assignment) -> Graded | Fault:
        """Return what came of one hand-in."""


@contextmanager
def open_client(workers: int, scheduler: str | None = None) -> Iterator[Client]:
    """Yield a connection to workers; on leaving, what was asked of them is called off.

    Args:
        workers: how many processes of one thread each, on this machine.
        scheduler: the address of a cluster that runs already; instead of processes here.

    Raises:
        GraderFault: the cluster does not answer, or workers do not start.
    """
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise GraderFault(f"the scheduler {scheduler} does not answer: {error}") from error
        # If the scheduler is lost, Dask logs a traceback beside what we say.
        with silence_logging_cmgr(logging.CRITICAL), client:
            _refuse_small_workers(client)
            yield client
        return
    settings = {
        "distributed.worker.multiprocessing-method": "forkserver",
        "distributed.scheduler.allowed-failures": DEATHS - 1,
        "distributed.comm.timeouts.connect": _CONNECT_S,
        # A worker is given no second task that would wait there while another worker is idle.
        "distributed.scheduler.worker-saturation": 1.0,
        # Else Dask looks at a worker's stack a hundred times a second, measures its loop's delay
        # fifty times, and what its process uses twice: nobody reads that here, and it is a good
        # part of what a hand-in takes.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "10s",
    }
    with ExitStack() as stack:
        # Workers that are killed leave their temporary folders: these lie in one of ours.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="autograder-workers-"))
        stack.enter_context(dask.config.set(settings))
        with interrupts_later():  # Dask leaves a mess if one reaches it halfway
            cluster = stack.enter_context(_local_cluster(folder))
            client = stack.enter_context(Client(cluster, set_as_default=False))
            client.register_plugin(_LeaveInterruptsToTheDriver())
            client.register_plugin(_HaveACore())
        _wait_for_preloading()
        cluster.scale(workers)
        try:
            client.wait_for_workers(workers, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise GraderFault(f"no {workers} workers start on this machine: {error}") from error
        yield client


def _refuse_small_workers(client: Client) -> None:
    """Check that Dask neither stops nor kills the workers for what the judge holds.

    Raises:
        GraderFault: it would.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"]
    for address, about in workers.items():
        if 0 < about["memory_limit"] < MIN_WORKER_BYTES:
            raise GraderFault(
                f"Dask lets the worker {address} hold {about['memory_limit'] / 2**20:.0f} MiB, and "
                f"the judge needs {MIN_WORKER_BYTES / 2**20:.0f}: start it with --memory-limit 0 "
                "(the sandbox limits hand-ins)"
            )


def _local_cluster(folder: str) -> LocalCluster:
    """Return a cluster on this machine, without workers yet.

    Args:
        folder: for temporary files of its workers.
    """
    return LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        memory_limit=0,  # the sandbox limits hand-ins; a worker holds little
        dashboard_address="127.0.0.1:0",
        local_directory=folder,
        silence_logs=logging.CRITICAL,
        # What workers are forked of may have been started with another environment.
        env={**os.environ, "TMPDIR": folder},
    )


def _wait_for_preloading() -> None:
    """Wait until workers can be forked.

    Dask leaves a mess if it is interrupted while its workers start: so that is to take no time.
    """
    first = multiprocessing.get_context("forkserver").Process(target=_nothing)
    first.start()
    first.join()


def _nothing() -> None:
    """Do nothing: what a process does that is only asked whether it starts."""


class _LeaveInterruptsToTheDriver(WorkerPlugin):
    name = "leave-interrupts-to-the-driver"

    def setup(self, worker: Worker) -> None:
        """Prepare a worker as it starts."""
        leave_interrupts_to_the_driver()


class _HaveACore(WorkerPlugin):
    """Confines a worker, and so its hand-ins, to one core: however busy, they slow no other's."""

    name = "have-a-core"

    def setup(self, worker: Worker) -> None:
        """Prepare the thread that starts the worker's others."""
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.name) % len(cores)]})


def run_tasks(
    client: Client,
    task: Task,
    assignment: Assignment,
    hand_ins: Iterable[tuple[str, HandIn]],
    on_workers: Callable[[int], None],
) -> Iterator[tuple[str, HandIn, Graded | Fault]]:
    """Yield what comes of each hand-in, as it comes.

    A lost worker's tasks are retried on others. What is without a result when `DEATHS` workers are
    lost may just have been beside the culprit, and so may what failed because something was used
    up that all hand-ins share: that is tried once more at the end, alone.

    Args:
        client: a connection to workers.
        task: what they do.
        assignment: goes to each worker once.
        hand_ins: of the students; read as workers get free.
        on_workers: told now and then how many there are.

    Raises:
        GraderFault: the connection to the scheduler was lost.
    """
    # A task and not scattered data: if the worker that holds it is lost, it is made again.
    shared = client.submit(_same, assignment, pure=False)
    run = partial(_run, client, task, shared, on_workers)
    suspects = []
    for student, handed_in, outcome in run(hand_ins, alone=False):
        if outcome is None or (isinstance(outcome, Fault) and outcome.neighbours):
            suspects.append((student, handed_in))
        else:
            yield student, handed_in, outcome
    killed = Fault(f"its grading took {DEATHS} workers with it, and did so again on its own")
    for student, handed_in, outcome in run(suspects, alone=True):
        yield student, handed_in, outcome or killed


def _run(
    client: Client,
    task: Task,
    shared: Any,
    on_workers: Callable[[int], None],
    hand_ins: Iterable[tuple[str, HandIn]],
    *,
    alone: bool,
) -> Iterator[tuple[str, HandIn, Graded | Fault | None]]:
    """Yield what comes of each hand-in; None where workers were lost with it."""
    waiting = iter(hand_ins)
    threads, look_at = 0, 0.0
    asked: dict[Any, tuple[str, HandIn]] = {}  # the key of a task -> the hand-in
    done: queue.SimpleQueue[Future] = queue.SimpleQueue()
    try:
        while True:
            if time.monotonic() >= look_at:  # asking takes as long as a small task
                threads, look_at = sum(client.nthreads().values()), time.monotonic() + _POLL_S
                on_workers(threads)
            room = 1 if alone else max(_LEAST, _A_THREAD * threads)
            while len(asked) < room and (entry := next(waiting, None)) is not None:
                future = client.submit(task, *entry, shared, pure=False)
                asked[future.key] = entry
                future.add_done_callback(done.put)
            if not asked:
                return
            future = _next(done, client)
            student, handed_in = asked.pop(future.key)
            yield student, handed_in, _outcome(future)
    except (OSError, CancelledError) as error:
        # That Dask names the tasks that it cancels tells nobody anything.
        why = f": {error}" if client.status == "running" else ""
        raise GraderFault(f"the connection to the scheduler was lost{why}") from error


def _next(done: queue.SimpleQueue[Future], client: Client) -> Future:
    """Return a task that has come to its end.

    Raises:
        OSError: there will be none: nobody is connected any more.
    """
    while True:
        try:
            return done.get(timeout=_POLL_S)
        except queue.Empty:
            if client.status != "running":
                raise OSError(f"the client is {client.status}") from None


def _outcome(future: Future) -> Graded | Fault | None:
    try:
        outcome: Graded | Fault = future.result()
    except KilledWorker:
        return None
    except CancelledError:
        raise
    except Exception as error:  # of the task, or of carrying its result here
        return Fault(f"{type(error).__name__}: {error}")
    return outcome


def _same(assignment: Assignment) -> Assignment:
    return assignment
