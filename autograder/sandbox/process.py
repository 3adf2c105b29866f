"""Runs one command under bubblewrap, watches what it uses, and makes sure that it is gone.

There may be no cgroup to count a sandbox's memory, so a thread counts it ten times a second. It
finds the processes in the sandbox's own /proc, which shows these and no others: nothing that they
do to their names, parents or sessions hides one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.sandbox.bwrap import WRITABLE, bwrap_command, find_bwrap
from autograder.sandbox.limits import Cause, Limits, Usage
from autograder.sandbox.seccomp import seccomp_filter

_INTERVAL_S = 0.1
_DEATH_S = 20.0  # until a killed sandbox is gone; freeing gigabytes takes a while
_DIAGNOSTIC_BYTES = 16 * 1024
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class SandboxError(Exception):
    """The sandbox did not start, or did not end: a fault of the grader's machine."""


def alive(namespace: int) -> list[int]:
    """Returns the processes, as seen from here, in the PID namespace with this inode number.

    A process that has ended does not count, even if its parent has not asked for its exit code yet
    (in a container, the parent of the last one may be a program that never asks). The number of a
    namespace that has ended may be given to a new one.
    """
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}/ns/pid").st_ino == namespace and _state(pid) not in b"ZX":
                found.append(pid)
    return found


class SandboxProcess:
    """A command in a sandbox, from its start to the last of its processes.

    Args:
        argv: the command inside.
        limits: what it may use.
        mounts: as for `bwrap_command`.
        files: path inside -> content.
        inherited: descriptors that the command gets.
        message_bytes: returns what has come through its sockets, for `usage`.

    Attributes:
        namespace: inode number of its PID namespace.

    Raises:
        SandboxError: bubblewrap did not start it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        mounts: Mapping[str, str | None],
        files: Mapping[str, bytes | Path],
        inherited: Sequence[int] = (),
        message_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        self._limits = limits
        self._message_bytes = message_bytes
        self._bwrap = find_bwrap()
        self._usage = Usage()
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._cause: Cause | None = None
        self._child = 0  # the first process inside
        self._child_fd: int | None = None  # a descriptor of it, while it may live
        self.namespace = 0
        # Linux kills bubblewrap (--die-with-parent) when the *thread* that started it ends. So that
        # is done by a thread which lives as long as the sandbox.
        self._thread = threading.Thread(
            target=self._run, args=(argv, mounts, files, inherited), name="sandbox", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._failure:
            self._thread.join()
            raise SandboxError(
                f"bubblewrap did not start: {self._failure}\n{self._usage.diagnostics}"
            ) from self._failure

    @property
    def running(self) -> bool:
        """Whether any of its processes is left."""
        return self._thread.is_alive()

    def usage(self) -> Usage:
        """Returns what it has used so far, and why it ended if it did.

        Processor time is measured afresh, in steps of the kernel's tick (10 ms); the rest ten times
        a second.
        """
        cpu_s = 0.0
        with contextlib.suppress(OSError):  # it is just starting, or has ended
            cpu_s = self._measure_processes()[2]
        return replace(
            self._usage,
            cpu_s=max(self._usage.cpu_s, cpu_s),
            message_bytes=self._message_bytes(),
            cause=self._cause if not self.running else None,
        )

    def kill(self, cause: Cause) -> None:
        """Sends SIGKILL to the first process inside, and so to all; the first cause counts."""
        with self._lock:
            if self._child_fd is None:
                return
            self._cause = self._cause or cause
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._child_fd, signal.SIGKILL)

    def close(self) -> None:
        """Kills it if need be, and returns when all its processes are gone.

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

    def _run(
        self,
        argv: Sequence[str],
        mounts: Mapping[str, str | None],
        files: Mapping[str, bytes | Path],
        inherited: Sequence[int],
    ) -> None:
        try:
            with contextlib.ExitStack() as stack:
                bwrap, errors = self._launch(stack, argv, mounts, files, inherited)
                self._started.set()
                try:
                    self._watch(bwrap, errors)
                finally:
                    self._finish(bwrap, errors)
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    def _launch(
        self,
        stack: contextlib.ExitStack,
        argv: Sequence[str],
        mounts: Mapping[str, str | None],
        files: Mapping[str, bytes | Path],
        inherited: Sequence[int],
    ) -> tuple[subprocess.Popen[bytes], int]:
        errors, errors_end = os.pipe()
        stack.callback(os.close, errors)
        os.set_blocking(errors, False)
        info, info_end = os.pipe()
        with contextlib.ExitStack() as passed:
            passed.callback(os.close, errors_end)
            info_file = stack.enter_context(open(info, "rb"))
            passed.callback(os.close, info_end)
            data = {inside: _open(content, passed) for inside, content in files.items()}
            seccomp_fd = _open(seccomp_filter(as_root=os.geteuid() == 0), passed)
            command = bwrap_command(
                self._bwrap,
                argv,
                limits=self._limits,
                mounts=mounts,
                data=data,
                info_fd=info_end,
                seccomp_fd=seccomp_fd,
            )
            bwrap = subprocess.Popen(
                command,
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors_end,
                pass_fds=[*data.values(), *inherited, info_end, seccomp_fd],
            )
        try:
            child, self.namespace = _read_info(info_file.read())
            child_fd = os.pidfd_open(child)
            stack.callback(os.close, child_fd)
            # While this is open the namespace's number is not given to another.
            stack.callback(os.close, os.open(f"/proc/{child}/ns/pid", os.O_RDONLY))
        except BaseException:
            bwrap.kill()
            bwrap.wait()
            self._read_errors(errors)
            raise
        self._child, self._child_fd = child, child_fd
        return bwrap, errors

    def _watch(self, bwrap: subprocess.Popen[bytes], errors: int) -> None:
        """Samples until the command ends or is killed."""
        assert self._child_fd is not None
        bwrap_fd = os.pidfd_open(bwrap.pid)
        try:
            poll = select.poll()
            poll.register(bwrap_fd, select.POLLIN)
            poll.register(self._child_fd, select.POLLIN)
            while True:
                next_sample = time.monotonic() + _INTERVAL_S
                self._sample()
                self._read_errors(errors)
                if poll.poll(max(0.0, next_sample - time.monotonic()) * 1000):
                    return
        finally:
            os.close(bwrap_fd)

    def _sample(self) -> None:
        """Measures all processes, and kills them if they are over a limit."""
        try:
            memory, tasks, cpu_s = self._measure_processes()
            entries, disk = self._measure_disk()
        except OSError:  # it is just starting, or just ending
            return
        self._usage = replace(
            self._usage,
            peak_memory_bytes=max(self._usage.peak_memory_bytes, memory),
            peak_processes=max(self._usage.peak_processes, tasks),
            peak_disk_bytes=max(self._usage.peak_disk_bytes, disk),
            cpu_s=max(self._usage.cpu_s, cpu_s),
        )
        limits = self._limits
        if tasks > limits.processes:
            self.kill("processes")
        elif memory > limits.memory_bytes and self._shared_out_memory() > limits.memory_bytes:
            self.kill("memory")
        elif entries > limits.files:
            self.kill("files")
        elif available_memory_bytes() < limits.reserve_bytes:
            self.kill("machine")

    def _measure_processes(self) -> tuple[int, int, float]:
        """Returns memory in bytes, processes and threads, and processor seconds."""
        memory = tasks = ticks = 0
        pids = self._pids()
        if len(pids) > self._limits.processes:  # do not read thousands of files while they breed
            return 0, len(pids), 0.0
        for pid in pids:
            with contextlib.suppress(OSError):  # it has just ended
                status = _read_fields(f"{self._proc}/{pid}/status")
                memory += sum(status.get(name, 0) for name in ("RssAnon", "RssShmem", "VmSwap"))
                tasks += status.get("Threads", 1)
                with open(f"{self._proc}/{pid}/stat", "rb") as file:
                    times = file.read().rpartition(b")")[2].split()[11:15]
                ticks += sum(int(time) for time in times)
        return memory, tasks, ticks * _TICK_S

    def _shared_out_memory(self) -> int:
        """Returns the memory with shared pages counted once: exact, but too slow for every time."""
        memory = 0
        for pid in self._pids():
            with contextlib.suppress(OSError):
                rollup = _read_fields(f"{self._proc}/{pid}/smaps_rollup")
                memory += sum(rollup.get(name, 0) for name in ("Pss_Anon", "Pss_Shmem", "SwapPss"))
        return memory

    def _measure_disk(self) -> tuple[int, int]:
        """Returns files and folders, and bytes, in the writable folders."""
        systems = [os.statvfs(f"/proc/{self._child}/root{folder}") for folder in WRITABLE]
        entries = sum(system.f_files - system.f_ffree for system in systems)
        return entries, sum((s.f_blocks - s.f_bfree) * s.f_frsize for s in systems)

    @property
    def _proc(self) -> str:
        return f"/proc/{self._child}/root/proc"

    def _pids(self) -> list[str]:
        # Until bubblewrap has changed the root, this would be the machine's own /proc.
        if os.stat(f"{self._proc}/1/ns/pid").st_ino != self.namespace:
            raise ProcessLookupError
        return [name for name in os.listdir(self._proc) if name.isdigit()]

    def _read_errors(self, errors: int) -> None:
        with contextlib.suppress(BlockingIOError):
            text = os.read(errors, _DIAGNOSTIC_BYTES).decode(errors="replace")
            kept = (self._usage.diagnostics + text)[:_DIAGNOSTIC_BYTES]
            self._usage = replace(self._usage, diagnostics=kept)

    def _finish(self, bwrap: subprocess.Popen[bytes], errors: int) -> None:
        """Kills what is left, waits for it, and notes what it used in all."""
        assert self._child_fd is not None
        deadline = time.monotonic() + _DEATH_S
        self.kill("exited")
        bwrap_fd = os.pidfd_open(bwrap.pid)
        try:
            if not _ended(bwrap_fd, deadline):
                bwrap.kill()
            _, status, spent = os.wait4(bwrap.pid, 0)
        finally:
            os.close(bwrap_fd)
        bwrap.returncode = os.waitstatus_to_exitcode(status)
        self._read_errors(errors)
        self._usage = replace(
            self._usage,
            cpu_s=max(self._usage.cpu_s, spent.ru_utime + spent.ru_stime),
            exit_code=bwrap.returncode if self._cause == "exited" else None,
        )
        # The first process of a PID namespace ends only when all others have.
        gone = _ended(self._child_fd, deadline)
        left = alive(self.namespace)
        with self._lock:
            self._child_fd = None
        if left or not gone:
            raise TimeoutError(f"after {_DEATH_S:.0f} s these are left: {left}")


def available_memory_bytes() -> int:
    """Returns how much memory this machine could still give, in bytes."""
    return _read_fields("/proc/meminfo")["MemAvailable"]


def _read_fields(path: str) -> dict[str, int]:
    """Returns the numbers in a file of lines `name: number [kB]`; kilobytes as bytes."""
    fields = {}
    with open(path, "rb") as file:
        for line in file:
            name, _, value = line.partition(b":")
            words = value.split()
            if words and words[0].isdigit():
                unit = 1024 if words[-1] == b"kB" else 1
                fields[name.decode()] = int(words[0]) * unit
    return fields


def _state(pid: int) -> bytes:
    """Returns the letter that ps(1) shows: Z and X have ended."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0]


def _ended(pidfd: int, deadline: float) -> bool:
    return bool(select.select([pidfd], [], [], max(0.0, deadline - time.monotonic()))[0])


def _open(content: bytes | Path, stack: contextlib.ExitStack) -> int:
    """Returns a descriptor from which bubblewrap can read the content; the stack closes it."""
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
    """Returns the first process's id and its PID namespace, from what `--info-fd` gives."""
    if not raw:
        raise ChildProcessError("it ended at once")
    info = json.loads(raw)
    return int(info["child-pid"]), int(info["pid-namespace"])
