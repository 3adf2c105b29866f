"""A conversation with a hand-in's kernel: what it is sent, and what may come back, in what time."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable
from typing import Any, Protocol

from autograder import GraderFault, StudentFault
from autograder.judging._messages import unpack
from autograder.sandbox import Limits, Usage

GRACE_S = 5.0  # what an interrupted kernel gets to come to rest before it is killed
_POLL_S = 0.5

_CAUSES = {
    "memory": "it took more memory than the limit of {memory} MiB",
    "processes": "it started more than {processes} processes and threads",
    "files": "it wrote more files than its folder may hold",
    "sockets": "it opened more than {sockets} sockets",
    "objects": "it held too many {too_many} at one time",
    "messages": "it sent more output than the limit",
    "exited": "the kernel died (did it call os._exit, or crash the interpreter?)",
}


class TimeUp(Exception):
    """The kernel did not come to rest in time."""


class StudentKernel(Protocol):
    """A running kernel: `sandbox.Kernel`, or `unsafe.UnsafeKernel`."""

    @property
    def manager(self) -> Any:
        """Return Jupyter's kernel manager."""

    @property
    def client(self) -> Any:
        """Return a blocking client whose channels are open."""

    def usage(self) -> Usage:
        """Return what the kernel used so far, and why it ended if it did."""

    def kill(self) -> None:
        """Kill the kernel."""


class Conversation:
    """Sends requests to a kernel, and listens until it is at rest again.

    Args:
        kernel: a fresh one.
        limits: wall times.

    Attributes:
        end: why the kernel is gone, for the student; None while it is there.
        left_s: of the hand-in's wall time, in seconds: the judge's is its own.
    """

    def __init__(self, kernel: StudentKernel, limits: Limits) -> None:
        self.end: str | None = None
        self.left_s = math.inf
        self._kernel, self._client, self._limits = kernel, kernel.client, limits
        self._client.session.unpack = unpack

    def execute(self, source: str, handle: Callable[[dict[str, Any]], None]) -> None:
        """Run a cell; `handle` sees each message.

        Raises:
            StudentFault, GraderFault: as for `converse`.
        """
        # By default a kernel drops what comes just after a cell that failed.
        message_id = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        self.converse(message_id, handle)

    def start(self, source: str, limit_s: float) -> None:
        """Run the grader's own code, in so many seconds of wall time.

        Raises:
            StudentFault, GraderFault: as for `converse`.
        """
        message_id = self._client.execute(source, silent=True, store_history=False)
        self.converse(message_id, ignore, limit_s)

    def send(self, kind: str, content: dict[str, Any], buffers: list[bytes] | None = None) -> str:
        """Send a message, and return its id."""
        message = self._client.session.msg(kind, content)
        self._client.session.send(self._client.shell_channel.socket, message, buffers=buffers)
        return str(message["header"]["msg_id"])

    def converse(
        self,
        message_id: str,
        handle: Callable[[dict[str, Any]], None],
        limit_s: float | None = None,
    ) -> None:
        """Listen until the kernel is at rest again; `handle` sees each message.

        Args:
            message_id: of the request.
            handle: gets what the request brings about.
            limit_s: wall time in seconds; None for that of a cell.

        Raises:
            StudentFault: it took too long, or the kernel died of it.
            GraderFault: the machine failed.
        """
        started = time.monotonic()
        limit_s = limit_s or self._limits.cell_timeout_s
        try:
            self._listen(message_id, handle, started + min(limit_s, self.left_s))
        except TimeUp:
            self._interrupt(message_id, limit_s, self.left_s <= limit_s)
        finally:
            self._drain_replies()
            self.left_s -= time.monotonic() - started

    def _listen(
        self, message_id: str, handle: Callable[[dict[str, Any]], None], deadline: float
    ) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeUp
            try:
                message = self._client.get_iopub_msg(timeout=min(left, _POLL_S))
            except queue.Empty:
                self._check_alive()
                continue
            except Exception:  # whatever a forged message makes Jupyter's parser raise
                self._check_alive()
                continue
            content, parent = message.get("content"), message.get("parent_header")
            if not isinstance(content, dict) or not isinstance(parent, dict):
                continue
            if parent.get("msg_id") != message_id:
                continue
            if message["msg_type"] == "status":
                if content.get("execution_state") == "idle":
                    return
                continue
            handle(message)

    def _interrupt(self, message_id: str, limit_s: float, whole_submission: bool) -> None:
        """Raise the fault of a kernel that took too long, after stopping or killing it."""
        limit_s = self._limits.submission_timeout_s if whole_submission else limit_s
        what = "the whole notebook" if whole_submission else "it"
        reason = f"{what} took longer than the limit of {limit_s:g} seconds"
        if not whole_submission:
            self._kernel.manager.interrupt_kernel()
            try:
                self._listen(message_id, ignore, time.monotonic() + GRACE_S)
                raise StudentFault(f"{reason} and was stopped")
            except TimeUp:
                reason += " and ignored the interrupt"
        self._kernel.kill()
        self.end = reason
        raise StudentFault(reason)

    def _check_alive(self) -> None:
        usage = self._kernel.usage()
        if usage.cause is None:
            return
        if usage.cause in ("machine", "closed"):
            raise _ended(usage)
        self.end = _CAUSES[usage.cause].format(
            memory=self._limits.memory_bytes // 2**20,
            processes=self._limits.processes,
            sockets=self._limits.sockets,
            too_many=usage.too_many,
        )
        raise StudentFault(self.end)

    def _drain_replies(self) -> None:
        """Take what piled up on the channel of replies: nothing of it is used."""
        while True:
            try:
                self._client.get_shell_msg(timeout=0)
            except queue.Empty:
                return
            except Exception:  # a forged reply: dropped like any other
                continue


def check_machine(kernel: StudentKernel) -> None:
    """Check that the machine did not fail a kernel, which may have ended since.

    Raises:
        GraderFault: it did.
    """
    usage = kernel.usage()
    if usage.cause == "machine":
        raise _ended(usage)


def _ended(usage: Usage) -> GraderFault:
    return GraderFault(f"the sandbox ended ({usage.cause}): {usage.diagnostics}".strip())


def ignore(message: dict[str, Any]) -> None:
    """Drop a message."""
