"""The grader's side of kernels that are forked: its fork server, and the way to a kernel of it.

Source: the server's side is inside/fork_server.py, which says what its processes are.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.sandbox._fonts import font_cache
from autograder.sandbox._launch import Bwrap, End, Launched, hold, opened
from autograder.sandbox.bwrap import (
    FORK_SERVER,
    TEXT_FILES,
    WRITABLE,
    SandboxUnavailable,
    visible,
)
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import SandboxError, SandboxProcess

# What notebooks and the probe import and what costs time: never what looks at the kernel when it is
# imported and acts accordingly (tqdm.auto, matplotlib's inline backend, and so most of
# course_utils).
PRELOADED = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "ipywidgets",
    "torch",
    "torchvision",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "torchinfo",
    "tqdm",
    "safetensors.torch",
    "course_utils.data",
)
REINSTALL = (
    "install versions that fit each other, as this package's constraints.txt has them "
    "(`pip install --constraint constraints.txt torch torchvision`)"
)
_CANNOT_BE_IMPORTED = "cannot be imported"  # as inside/fork_server.py says it
_MESSAGE_BYTES = 1024
_CREDENTIALS = struct.Struct("3i")  # process, user, group: struct ucred of unix(7)


class ForkServer:
    """A process in a sandbox that forks kernels; it ends with this one.

    Copies of this process may use it too (`share_fork_server`), and cannot end it.

    Args:
        modules: what it imports first.

    Raises:
        SandboxUnavailable, SandboxError: it did not start.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as on_error, theirs:
            on_error.enter_context(ours)
            number = str(theirs.fileno())
            launch = Bwrap(
                [sys.executable, "-P", "-m", FORK_SERVER, number, *modules],
                limits=Limits(),
                mounts=visible(),
                files={inside: text.encode() for inside, text in TEXT_FILES.items()} | font_cache(),
                inherited=[theirs.fileno()],
                forking=True,
            )
            self._process = SandboxProcess(launch, limits=None)
            on_error.pop_all()
        self._control = ours
        self._owner = os.getpid()

    @property
    def running(self) -> bool:
        """Return whether it still serves."""
        if self._control.fileno() < 0:
            return False
        hung_up = select.poll()
        hung_up.register(self._control, 0)
        return not hung_up.poll(0)

    @property
    def namespace(self) -> int:
        """Return the inode number of its PID namespace, for `alive`."""
        return self._process.namespace

    @property
    def diagnostics(self) -> str:
        """Return the first that it wrote to stderr; in a copy of its owner nothing."""
        return self._process.usage().diagnostics if self._is_owner else ""

    def connect(self) -> socket.socket:
        """Return a connection to a process that is being forked.

        Raises:
            OSError: the server is gone.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
        return ours

    def close(self) -> None:
        """End it, and all kernels that it has forked; in a copy of its owner: let go of it.

        Raises:
            SandboxError: something of it is left.
        """
        self._control.close()
        if self._is_owner:
            self._process.close()

    @property
    def _is_owner(self) -> bool:
        return os.getpid() == self._owner


_server: ForkServer | None = None
_server_lock = threading.Lock()
_shared = False  # with copies of this process


def fork_server() -> ForkServer:
    """Return this process's fork server, started if there is none.

    Raises:
        SandboxUnavailable, SandboxError: it did not start.
    """
    global _server
    with _server_lock:
        if _server is not None and not _server.running:
            _server.close()
            _server = None
        if _server is None:
            _server = ForkServer(PRELOADED)
        return _server


def close_fork_server() -> None:
    """End this process's fork server, if there is one."""
    global _server
    with _server_lock:
        if _server is not None:
            _server.close()
            _server = None


def share_fork_server() -> None:
    """Start this process's fork server, for copies of this process as well.

    Raises:
        SandboxUnavailable, SandboxError: it did not start.
    """
    global _shared
    fork_server()
    _shared = True


def _leave_fork_server() -> None:
    """Leave the fork server in a copy of this process: unless shared, it needs its own."""
    global _server, _server_lock
    _server, _server_lock = _server if _shared else None, threading.Lock()


atexit.register(close_fork_server)
os.register_at_fork(after_in_child=_leave_fork_server)


@dataclass(frozen=True)
class Fork:
    """Forks a kernel of the fork server.

    Attributes:
        limits: what it may use.
        resource_limits: what Linux enforces: name as in setrlimit(2) -> value.
        files: path inside -> content.
        connection: as in a connection file of Jupyter's; its ports do not count.
        sockets: name of the port -> descriptor of the socket on which the kernel listens.
        server: another one than this process's.
    """

    limits: Limits
    resource_limits: Mapping[str, int]
    files: Mapping[str, bytes | Path]
    connection: Mapping[str, Any]
    sockets: Mapping[str, int]
    server: ForkServer | None = None

    def __call__(self, stack: contextlib.ExitStack, errors: int) -> Launched:
        """Return the sandbox, started.

        Raises:
            SandboxUnavailable, SandboxError: the server does not start or does not answer.
            OSError, ValueError: a file cannot be read.
        """
        server = self.server or fork_server()
        try:
            channel = stack.enter_context(server.connect())
            channel.settimeout(self.limits.startup_s)
            first = _sender(channel)
            first_fd = hold(first, stack)
            with contextlib.ExitStack() as on_error:
                on_error.callback(signal.pidfd_send_signal, first_fd, signal.SIGKILL)
                os.sched_setaffinity(first, os.sched_getaffinity(0))  # else the server's
                # It answers what is sent only now: so the descriptor is of no later process that
                # was given the same id.
                self._send(channel, errors)
                if _sender(channel) != first:
                    raise ConnectionError("another process answered")
                on_error.pop_all()
        except TimeoutError as error:
            with contextlib.suppress(SandboxError):
                server.close()
            raise SandboxError(f"the fork server does not answer\n{server.diagnostics}") from error
        except ConnectionError as error:
            for line in server.diagnostics.splitlines():
                if _CANNOT_BE_IMPORTED in line:  # nor will it be for the next hand-in
                    raise SandboxUnavailable(f"{line}: {REINSTALL}") from error
            raise SandboxError(f"no kernel was forked: {error}\n{server.diagnostics}") from error
        namespace = os.stat(f"/proc/{first}/ns/pid").st_ino
        return Launched(
            first, first_fd, namespace, True, (first_fd,), lambda until: _told(channel, until)
        )

    def _send(self, channel: socket.socket, errors: int) -> None:
        sizes = {
            folder: self.limits.disk_bytes if folder == WRITABLE[0] else self.limits.scratch_bytes
            for folder in WRITABLE
        }
        request = {
            "resource_limits": dict(self.resource_limits),
            "sizes": sizes,
            "kept": kept_visible(visible()),
            "files": len(self.files),
            "connection": dict(self.connection),
            "ports": list(self.sockets),
        }
        descriptors = [errors, *self.sockets.values()]
        socket.send_fds(channel, [json.dumps(request).encode()], descriptors)
        for inside, content in self.files.items():
            with contextlib.ExitStack() as sent:
                socket.send_fds(channel, [os.fsencode(inside)], [opened(content, sent)])


def kept_visible(mounts: Mapping[str, str | None]) -> list[str]:
    """Return the paths inside that lie in a writable folder, without those below another one."""
    inside = [path for path in mounts if path.startswith(tuple(f"{f}/" for f in WRITABLE))]
    return [path for path in inside if not path.startswith(tuple(f"{i}/" for i in inside))]


def _sender(channel: socket.socket) -> int:
    """Return the id of the process, as seen from here, that sent the next message.

    Raises:
        ConnectionError: there is none.
    """
    message, extra, _, _ = channel.recvmsg(_MESSAGE_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
    if not message:
        raise ConnectionError("it ended at once")
    (credentials,) = (data for _, kind, data in extra if kind == socket.SCM_CREDENTIALS)
    return int(_CREDENTIALS.unpack(credentials)[0])


def _told(channel: socket.socket, deadline: float) -> End:
    """Return what the keeper tells of an end; it is gone if something killed the server."""
    channel.settimeout(max(0.0, deadline - time.monotonic()))
    try:
        told = json.loads(channel.recv(_MESSAGE_BYTES))
    except (OSError, ValueError):
        return End(None)
    return End(told["exit_code"], told["cpu_s"])
