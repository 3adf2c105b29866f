"""Carries messages between the grader's clients and the sandboxed kernel, and counts them.

ZeroMQ can cap the size of one frame, but not how many frames make a message: a hand-in that writes
to its end of a connection itself can fill the reader's memory. So the kernel's bytes pass through
here first. Both addresses are safe from other users and leave nothing behind: the clients' side is
an abstract socket that serves this process alone, the kernel's side has no name any more.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")

_CHUNK_BYTES = 256 * 1024
_FRAME_COST_BYTES = 64  # what libzmq keeps for a frame beside its content
_BACKLOG = 16


class TooMuch(Exception):
    """The kernel sent more than it may, or something that is no message."""


class Meter:
    """Follows the frames of one connection from the kernel.

    Source: ZMTP 3.1, https://rfc.zeromq.org/spec/37/

    Args:
        message_bytes: the most that one message may cost, over all its frames.
    """

    _GREETING_BYTES = 64
    _MORE, _LONG, _COMMAND = 1, 2, 4  # flags of a frame

    def __init__(self, message_bytes: int) -> None:
        self._message_bytes = message_bytes
        self._message = 0  # cost of the present message so far
        self._body = 0  # bytes of the present frame that are still to come
        self._head = bytearray()  # the greeting, or flags and size of the present frame
        self._greeted = False

    def feed(self, data: bytes) -> int:
        """Return what `data` costs its reader: its length, and something for each frame.

        Raises:
            TooMuch: the message is too long, or this is not ZMTP 3.
        """
        cost = len(data)
        rest = memoryview(data)
        while rest:
            if self._body:
                skipped = min(self._body, len(rest))
                self._body -= skipped
                rest = rest[skipped:]
                continue
            missing = self._head_bytes() - len(self._head)
            self._head += rest[:missing]
            rest = rest[missing:]
            if len(self._head) == self._head_bytes():
                self._read_head()
                self._head.clear()
                cost += _FRAME_COST_BYTES
        return cost

    def _head_bytes(self) -> int:
        if not self._greeted:
            return self._GREETING_BYTES
        if not self._head:
            return 1
        return 9 if self._head[0] & self._LONG else 2

    def _read_head(self) -> None:
        if not self._greeted:
            # libzmq falls back to older framings, which this class could not follow.
            if self._head[0] != 0xFF or not self._head[9] & 1 or self._head[10] < 3:
                raise TooMuch("expected the greeting of ZMTP 3")
            self._greeted = True
            return
        flags = self._head[0]
        self._body = int.from_bytes(self._head[1:])
        if self._body > self._message_bytes:
            raise TooMuch(f"a frame of {self._body} bytes")
        if flags & self._COMMAND:
            return
        self._message += self._body + _FRAME_COST_BYTES
        if self._message > self._message_bytes:
            raise TooMuch(f"a message of more than {self._message_bytes} bytes")
        if not flags & self._MORE:
            self._message = 0


@dataclass(eq=False)
class _End:
    """One end of a connection: what is read from it goes out at its peer."""

    socket: socket.socket
    meter: Meter | None  # of what is read from it
    out: bytearray = field(default_factory=bytearray)  # still to be written to it
    peer: _End = field(init=False)


class Relay:
    """Five channels, each with an address for clients and a listening socket for the kernel.

    Args:
        message_bytes: the most that one message from the kernel may cost.
        traffic_bytes: the most that all messages from the kernel may cost.
        on_excess: called once, from the relay's thread, when one of them is passed.

    Attributes:
        address: the clients connect to `ipc://{address}-{port}`, with ports 1 to 5 in the order of
            `CHANNELS`.
        kernel_sockets: the listening sockets for the kernel to inherit, in the same order.
        traffic: what all messages from the kernel have cost so far, in bytes.
    """

    def __init__(
        self, message_bytes: int, traffic_bytes: int, on_excess: Callable[[], object]
    ) -> None:
        self._message_bytes = message_bytes
        self._traffic_bytes = traffic_bytes
        self._on_excess = on_excess
        self.traffic = 0
        self.address = f"@autograder-{secrets.token_hex(16)}"
        self._stack = contextlib.ExitStack()
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        with contextlib.ExitStack() as on_error:
            on_error.callback(self._stack.close)
            self.kernel_sockets = self._listen_for_kernel()
            self._listen_for_clients()
            on_error.pop_all()
        self._thread = threading.Thread(target=self._run, name="sandbox relay", daemon=True)
        self._thread.start()

    def release_kernel_sockets(self) -> None:
        """Close this process's copies, once the kernel has its own."""
        for listener in self.kernel_sockets:
            listener.close()

    def close(self) -> None:
        """End all connections and the thread; may be called twice."""
        with contextlib.suppress(OSError):
            self._wake.send(b".")
        self._thread.join()

    def _listen_for_kernel(self) -> list[socket.socket]:
        listeners = []
        self._kernel_paths = []
        # A name in the file system is needed for a moment. The way through the folder's descriptor
        # is short whatever TMPDIR is: a socket's path has at most 107 bytes.
        with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
            folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            self._stack.callback(os.close, folder_fd)
            for name in CHANNELS:
                listener = self._stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(f"/proc/self/fd/{folder_fd}/{name}")
                listener.listen(_BACKLOG)
                path_fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder_fd)
                self._stack.callback(os.close, path_fd)
                self._kernel_paths.append(f"/proc/self/fd/{path_fd}")
                listeners.append(listener)
        return listeners

    def _listen_for_clients(self) -> None:
        for port, kernel_path in enumerate(self._kernel_paths, start=1):
            listener = self._stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.setblocking(False)
            listener.bind(f"\0{self.address[1:]}-{port}")
            listener.listen(_BACKLOG)
            self._selector.register(listener, selectors.EVENT_READ, kernel_path)
        wake_receiver, self._wake = socket.socketpair()
        self._stack.enter_context(wake_receiver)
        self._stack.enter_context(self._wake)
        self._selector.register(wake_receiver, selectors.EVENT_READ, None)

    def _run(self) -> None:
        try:
            while True:
                for key, events in self._selector.select():
                    if key.data is None:
                        return
                    if isinstance(key.data, str):
                        self._accept(key.fileobj, key.data)  # type: ignore[arg-type]
                    else:
                        self._move(key.data, events)
        except TooMuch:
            self._on_excess()
        finally:
            for key in list(self._selector.get_map().values()):
                if isinstance(key.data, _End):
                    self._disconnect(key.data)
            self._stack.close()

    def _accept(self, listener: socket.socket, kernel_path: str) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # the client has gone already
            return
        kernel = socket.socket(socket.AF_UNIX)
        try:
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            if struct.unpack("3i", credentials)[0] != os.getpid():
                raise PermissionError("a client of another process")
            for end in (client, kernel):
                end.setblocking(False)
            kernel.connect(kernel_path)
        except OSError:  # also: the kernel is gone, or does not answer
            client.close()
            kernel.close()
            return
        client_end, kernel_end = _End(client, None), _End(kernel, Meter(self._message_bytes))
        client_end.peer, kernel_end.peer = kernel_end, client_end
        self._await(client_end)
        self._await(kernel_end)

    def _move(self, end: _End, events: int) -> None:
        if end.socket.fileno() < 0:
            return  # its peer ended in the same round
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(end)
            if events & selectors.EVENT_READ:
                data = end.socket.recv(_CHUNK_BYTES)
                if not data:
                    raise ConnectionResetError
                if end.meter:
                    self.traffic += end.meter.feed(data)
                    if self.traffic > self._traffic_bytes:
                        raise TooMuch(f"messages of more than {self._traffic_bytes} bytes")
                end.peer.out += data
                self._flush(end.peer)
        except BlockingIOError:
            pass
        except OSError:
            self._disconnect(end)
            return
        self._await(end)
        self._await(end.peer)

    def _flush(self, end: _End) -> None:
        with contextlib.suppress(BlockingIOError):
            del end.out[: end.socket.send(end.out)]

    def _await(self, end: _End) -> None:
        """Read from an end only when all that came from it has gone out: so nothing piles up."""
        events = 0 if end.peer.out else selectors.EVENT_READ
        events |= selectors.EVENT_WRITE if end.out else 0
        known = self._selector.get_map().get(end.socket)
        if known is None and events:
            self._selector.register(end.socket, events, end)
        elif known is not None and not events:
            self._selector.unregister(end.socket)
        elif known is not None and known.events != events:  # each change is a system call
            self._selector.modify(end.socket, events, end)

    def _disconnect(self, end: _End) -> None:
        for each in (end, end.peer):
            if each.socket.fileno() >= 0 and each.socket in self._selector.get_map():
                self._selector.unregister(each.socket)
            each.socket.close()
