"""Two ways to start a sandbox have one interface, `Launch`; this is the way by bubblewrap."""

from __future__ import annotations

import contextlib
import json
import os
import select
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from autograder.sandbox._seccomp import seccomp_filter
from autograder.sandbox.bwrap import bwrap_command, find_bwrap
from autograder.sandbox.limits import Limits

_AT_ONCE = "it ended at once"


@dataclass(frozen=True)
class End:
    """How a sandbox ended.

    Attributes:
        exit_code: of the command (128 + signal for a killed one); None if something outside took
            it down.
        cpu_s: processor time of all its processes, in seconds.
    """

    exit_code: int | None
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Launched:
    """A sandbox that has just been started.

    Attributes:
        first: id of the first process inside, as seen from here.
        first_fd: a descriptor of that process. While the launcher's stack is open it stays good,
            and the number of the PID namespace is not given to another.
        namespace: inode number of its PID namespace.
        forked: the first process is a copy of the fork server's.
        ending: descriptors of processes: when one of these has ended, so has the command.
        end: returns how it ended, when all inside is killed; waits until the given time of
            `time.monotonic` at most.
    """

    first: int
    first_fd: int
    namespace: int
    forked: bool
    ending: tuple[int, ...]
    end: Callable[[float], End]


class Launch(Protocol):
    """A way to start a sandbox."""

    def __call__(self, stack: contextlib.ExitStack, errors: int) -> Launched:
        """Return the sandbox, started.

        Linux kills it when the calling thread ends.

        Args:
            stack: is left when it has ended.
            errors: descriptor that its stderr goes to; the caller closes it.

        Raises:
            Exception: it did not start.
        """


@dataclass(frozen=True)
class Bwrap:
    """Starts a command under bubblewrap.

    Attributes:
        argv: the command inside.
        limits: sizes of the writable folders.
        mounts: as for `bwrap_command`.
        files: path inside -> content.
        inherited: descriptors that the command gets.
        forking: whether it is the fork server: see `bwrap_command`.
    """

    argv: Sequence[str]
    limits: Limits
    mounts: Mapping[str, str | None]
    files: Mapping[str, bytes | Path]
    inherited: Sequence[int] = ()
    forking: bool = False

    def __call__(self, stack: contextlib.ExitStack, errors: int) -> Launched:
        """Return the sandbox, started.

        Raises:
            SandboxUnavailable: there is no bubblewrap.
            OSError, ValueError: it did not start, or a file cannot be read.
        """
        bwrap, info = self._start(errors)
        try:
            bwrap_fd = os.pidfd_open(bwrap.pid)
            stack.callback(os.close, bwrap_fd)
            first, namespace = _read_info(info)
            first_fd = hold(first, stack)
        except BaseException:
            bwrap.kill()
            bwrap.wait()
            raise

        def end(deadline: float) -> End:
            if not has_ended(bwrap_fd, deadline):
                bwrap.kill()
            _, status, spent = os.wait4(bwrap.pid, 0)
            bwrap.returncode = os.waitstatus_to_exitcode(status)
            return End(bwrap.returncode, spent.ru_utime + spent.ru_stime)

        return Launched(first, first_fd, namespace, False, (bwrap_fd, first_fd), end)

    def _start(self, errors: int) -> tuple[subprocess.Popen[bytes], bytes]:
        """Return bubblewrap, and what it tells of the namespaces."""
        with contextlib.ExitStack() as passed:
            info, info_end = os.pipe()
            info_file = passed.enter_context(open(info, "rb"))
            with contextlib.ExitStack() as until_started:
                until_started.callback(os.close, info_end)
                data = {i: opened(content, until_started) for i, content in self.files.items()}
                seccomp_fd = opened(seccomp_filter(as_root=os.geteuid() == 0), until_started)
                command = bwrap_command(
                    find_bwrap(),
                    self.argv,
                    limits=self.limits,
                    mounts=self.mounts,
                    data=data,
                    info_fd=info_end,
                    seccomp_fd=seccomp_fd,
                    forking=self.forking,
                )
                bwrap = subprocess.Popen(
                    command,
                    env={},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=[*data.values(), *self.inherited, info_end, seccomp_fd],
                )
            return bwrap, info_file.read()


def hold(first: int, stack: contextlib.ExitStack) -> int:
    """Return a descriptor of a first process; holds on to its PID namespace's number too.

    Raises:
        ChildProcessError: it has ended already.
    """
    try:
        descriptor = os.pidfd_open(first)
        stack.callback(os.close, descriptor)
        stack.callback(os.close, os.open(f"/proc/{first}/ns/pid", os.O_RDONLY))
    except (ProcessLookupError, FileNotFoundError) as error:
        raise ChildProcessError(_AT_ONCE) from error
    return descriptor


def has_ended(pidfd: int, deadline: float) -> bool:
    """Return whether a process has ended by then, as soon as it has."""
    ended = select.poll()  # and not select.select, which takes no descriptor above 1,023
    ended.register(pidfd, select.POLLIN)
    return bool(ended.poll(max(0.0, deadline - time.monotonic()) * 1000))


def opened(content: bytes | Path, stack: contextlib.ExitStack) -> int:
    """Return a descriptor from which the content can be read; the stack closes it.

    Raises:
        OSError, ValueError: it cannot be read, or is no regular file.
    """
    if isinstance(content, Path):
        descriptor = os.open(content, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        stack.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"expected a regular file, got {content}")
        return descriptor
    descriptor = os.memfd_create("sandbox")
    stack.callback(os.close, descriptor)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _read_info(raw: bytes) -> tuple[int, int]:
    """Return the first process's id and its PID namespace, from what `--info-fd` gives."""
    if not raw:
        raise ChildProcessError(_AT_ONCE)
    info = json.loads(raw)
    return int(info["child-pid"]), int(info["pid-namespace"])
