"""A sandbox from its start to the last of its processes: watches, kills, verifies that all is gone.

A thread measures up to ten times a second what it uses, and kills it when it is over a limit.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from autograder.sandbox._launch import Launch, Launched, has_ended
from autograder.sandbox._measure import Processes, alive
from autograder.sandbox._memory_watch import MemoryWatch
from autograder.sandbox.bwrap import SandboxUnavailable
from autograder.sandbox.limits import Cause, Limits, Usage

_INTERVAL_S = 0.1
_STARVED_S = 0.05  # a look takes a few milliseconds, if they leave the grader the core
_OBJECTS_INTERVAL_S = 1.0  # counting them takes a millisecond, and more for many
_DEATH_S = 20.0  # until a killed sandbox is gone; freeing gigabytes takes a while
_DIAGNOSTIC_BYTES = 16 * 1024


class SandboxError(Exception):
    """The sandbox did not start, or did not end: a fault of the grader's machine."""


class SandboxProcess:
    """A command in a sandbox.

    Args:
        launch: the way to start it.
        limits: what it may use; None for code of the grader's own, which is not measured.
        message_bytes: returns what has come through its sockets, for `usage`.

    Attributes:
        namespace: inode number of its PID namespace.

    Raises:
        SandboxUnavailable: there is no bubblewrap.
        SandboxError: it did not start.
    """

    def __init__(
        self,
        launch: Launch,
        limits: Limits | None,
        message_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        self._launch, self._limits = launch, limits
        self._message_bytes = message_bytes
        self._usage = Usage()
        self._errors = _Errors()
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._cause: Cause | None = None
        self._too_many, self._look_at_objects = "", 0.0
        self._processes = Processes(0, 0)
        self._memory, self._short_of_memory = MemoryWatch(), ""
        self._first_fd: int | None = None  # of the first process, while it may live
        self.namespace = 0
        # Linux kills bubblewrap (--die-with-parent) when the *thread* that started it ends. So that
        # is done by a thread which lives as long as the sandbox.
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure:
            self._thread.join()
            if isinstance(self._failure, SandboxUnavailable):
                raise self._failure
            raise SandboxError(
                f"the sandbox did not start: {self._failure}\n{self._errors.text}".strip()
            ) from self._failure

    @property
    def running(self) -> bool:
        """Return whether any of its processes is left."""
        return self._thread.is_alive()

    def usage(self) -> Usage:
        """Return what it has used so far, and why it ended if it did.

        Processor time is measured afresh, in steps of the kernel's tick (10 ms); the rest ten times
        a second.
        """
        cpu_s = 0.0
        if self._limits:
            with contextlib.suppress(OSError):  # it is just starting, or has ended
                cpu_s = self._processes.cpu_s(self._limits.processes)
        return replace(
            self._usage,
            cpu_s=max(self._usage.cpu_s, cpu_s),
            message_bytes=self._message_bytes(),
            cause=self._cause if not self.running else None,
            too_many=self._too_many,
            diagnostics="\n".join(filter(None, [self._short_of_memory, self._errors.text])),
        )

    def kill(self, cause: Cause) -> None:
        """Send SIGKILL to the first process inside, and so to all; the first cause counts."""
        with self._lock:
            if self._first_fd is None:
                return
            self._cause = self._cause or cause
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first_fd, signal.SIGKILL)

    def close(self) -> None:
        """Kill it if need be, and return when all its processes are gone.

        Raises:
            SandboxError: some are not.
        """
        self.kill("closed")
        self._thread.join(timeout=2 * _DEATH_S)
        if self._failure or self.running:
            raise SandboxError(
                f"processes of a sandbox are left: {self._failure or alive(self.namespace)}"
            )

    # What follows runs in the sandbox's thread.

    def _run(self) -> None:
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(self._errors.close)
                try:
                    launched = self._launch(stack, self._errors.end)
                finally:
                    self._errors.close_end()
                self._processes = Processes(launched.first, launched.namespace, launched.forked)
                self.namespace, self._first_fd = launched.namespace, launched.first_fd
                self._started.set()
                try:
                    self._watch(launched)
                finally:
                    self._finish(launched)
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    def _watch(self, launched: Launched) -> None:
        """Sample until the command ends or is killed."""
        poll = select.poll()
        for descriptor in launched.ending:
            poll.register(descriptor, select.POLLIN)
        while True:
            started = time.monotonic()
            if self._limits:
                self._sample(self._limits)
            self._errors.read()
            took_s = time.monotonic() - started
            # They may have been stopped meanwhile, so they are to have as much time for themselves.
            if poll.poll(max(_INTERVAL_S - took_s, took_s) * 1000):
                return

    def _sample(self, limits: Limits) -> None:
        """Measure all processes, and kill them if they are over a limit."""
        processes, started = self._processes, time.monotonic()
        try:
            sample = processes.sample(limits.processes)
            entries, disk = processes.disk()
            sockets = processes.sockets()
        except OSError:  # it is just starting, or just ending
            return
        self._usage = replace(
            self._usage,
            memory_bytes=sample.memory_bytes,
            peak_memory_bytes=max(self._usage.peak_memory_bytes, sample.memory_bytes),
            peak_processes=max(self._usage.peak_processes, sample.tasks),
            peak_disk_bytes=max(self._usage.peak_disk_bytes, disk),
            cpu_s=max(self._usage.cpu_s, sample.cpu_s),
        )
        if sample.tasks > limits.processes:
            self.kill("processes")
        if entries > limits.files:
            self.kill("files")
        if sockets > limits.sockets:
            self.kill("sockets")
        self._short_of_memory = self._short_of_memory or self._memory.shortage(limits.reserve_bytes)
        if self._short_of_memory:
            self.kill("machine")
        if sample.memory_bytes > limits.memory_bytes or time.monotonic() - started > _STARVED_S:
            self._look_closer(limits)
        else:
            self._count_objects(limits)

    def _look_closer(self, limits: Limits) -> None:
        """Measure while they stand still, and kill what holds too much: shared pages count once.

        Many that are busy leave the grader so little of the core that one look takes seconds, in
        which they fill gigabytes.
        """
        processes = self._processes
        with processes.standing_still() as stopped, contextlib.suppress(OSError):
            if processes.sample(limits.processes).memory_bytes > limits.memory_bytes and (
                not stopped or processes.shared_out_memory() > limits.memory_bytes
            ):
                self.kill("memory")
            self._count_objects(limits)

    def _count_objects(self, limits: Limits) -> None:
        """Once in a while, count what Linux has made for them, and kill what has too many."""
        if time.monotonic() < self._look_at_objects:
            return
        self._look_at_objects = time.monotonic() + _OBJECTS_INTERVAL_S
        with contextlib.suppress(OSError):  # it is just ending
            self._too_many = self._processes.kernel_objects().over(limits)
        if self._too_many:
            self.kill("objects")

    def _finish(self, launched: Launched) -> None:
        """Kill what is left, wait for it, and note what it used in all."""
        deadline = time.monotonic() + _DEATH_S
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(launched.first_fd, signal.SIGKILL)
        end = launched.end(deadline)
        self._errors.read()
        with self._lock:
            if self._cause in (None, "closed") and self._limits and self._memory.has_killed():
                self._short_of_memory = self._memory.shortage(self._limits.reserve_bytes)
                self._cause = "machine"  # it may have lacked, at its end, what was killed
            self._cause = self._cause or ("machine" if end.exit_code is None else "exited")
        self._usage = replace(
            self._usage,
            cpu_s=max(self._usage.cpu_s, end.cpu_s),
            exit_code=end.exit_code if self._cause == "exited" else None,
        )
        # The first process of a PID namespace ends only when all others have.
        gone = has_ended(launched.first_fd, deadline)
        left = alive(self.namespace)
        with self._lock:
            self._first_fd = None
        if left or not gone:
            raise TimeoutError(f"after {_DEATH_S:.0f} s these are left: {left}")


class _Errors:
    """The first that comes through a pipe.

    Attributes:
        end: descriptor of the end to write to.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept = b""
        self._read_end, self.end = os.pipe()
        self._open = True
        os.set_blocking(self._read_end, False)

    @property
    def text(self) -> str:
        """Return what has come, cut off at a cap."""
        self.read()
        return self._kept.decode(errors="replace")

    def read(self) -> None:
        """Take what is there: nobody who writes is to wait."""
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._open:
                self._kept += os.read(self._read_end, _DIAGNOSTIC_BYTES)
                self._kept = self._kept[:_DIAGNOSTIC_BYTES]

    def close_end(self) -> None:
        """Close the end to write to: what is started has its own."""
        os.close(self.end)

    def close(self) -> None:
        """Close the pipe, after taking what is there."""
        self.read()
        with self._lock:
            self._open = False
            os.close(self._read_end)
