"""What the processes of a PID namespace use, read from outside.

There may be no control group that counts it. The processes are found in the sandbox's own /proc,
which shows these and no others: nothing that they do to their names, parents or sessions hides one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.sandbox._kernel_objects import KernelObjects, count
from autograder.sandbox.bwrap import WRITABLE
from autograder.sandbox.control_group import ControlGroups, own_control_groups

_HELD = ("RssAnon", "RssShmem", "VmSwap", "VmPTE")
_SHARED_OUT = ("Pss_Anon", "Pss_Shmem", "SwapPss")
_STOPPING_S = 5.0  # for each to see that it is to stop; on a busy core that takes a while
_MOVING = b"RS"  # states, as ps(1) shows them: running, or in a sleep that a signal ends


@dataclass(frozen=True)
class Sample:
    """What the processes use at one time.

    Attributes:
        memory_bytes: private and shared, swapped out or not, and page tables; shared pages count
            for each process.
        tasks: processes and threads, a count.
        cpu_s: processor time since they started, in seconds.
    """

    memory_bytes: int
    tasks: int
    cpu_s: float


@dataclass(frozen=True)
class Processes:
    """The processes of one PID namespace.

    Attributes:
        first: id of the first one, as seen from here.
        namespace: inode number of the namespace.
        forked: the first one is a copy of the fork server's, whose memory is not the hand-in's.
    """

    first: int
    namespace: int
    forked: bool = False

    def sample(self, most: int) -> Sample:
        """Return what they use now.

        Args:
            most: of more processes only the number is found out: do not read while they breed.

        Raises:
            OSError: they are just starting, or have just ended.
        """
        pids = self._pids()
        if len(pids) > most:
            return Sample(0, len(pids), 0.0)
        memory = tasks = ticks = 0
        for pid in pids:
            with contextlib.suppress(OSError):  # it has just ended
                status = read_fields(f"{self._proc}/{pid}/status")
                if self._counts(pid):
                    memory += sum(status.get(name, 0) for name in _HELD)
                tasks += status.get("Threads", 1)
                ticks += self._ticks(pid)
        return Sample(memory, tasks, ticks / os.sysconf("SC_CLK_TCK"))

    def cpu_s(self, most: int) -> float:
        """Return what `sample` says of processor time, and read nothing else for it.

        Args:
            most: as for `sample`.

        Raises:
            OSError: as for `sample`.
        """
        pids = self._pids()
        ticks = 0
        for pid in pids if len(pids) <= most else ():
            with contextlib.suppress(OSError):  # it has just ended
                ticks += self._ticks(pid)
        return ticks / os.sysconf("SC_CLK_TCK")

    def _ticks(self, pid: str) -> int:
        """Return the processor time of one, and of what it waited for, in ticks."""
        with open(f"{self._proc}/{pid}/stat", "rb") as file:
            times = file.read().rpartition(b")")[2].split()[11:15]
        return sum(int(time) for time in times)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[bool]:
        """Stop them meanwhile, and yield whether all have stopped.

        Otherwise they grow while they are measured; and if they are many and busy, they leave the
        grader little of the core for that. What takes care not to be stopped does not stop.
        """
        deadline = time.monotonic() + _STOPPING_S
        try:
            # More than once: each may have started another, or continued one, before it stopped.
            while moving := self._signal(signal.SIGSTOP):
                if time.monotonic() > deadline:
                    break
            yield not moving
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> int:
        """Send a signal to all; return how many of their threads are moving then."""
        with contextlib.suppress(OSError):  # the last has just ended
            pids = [pid for pid in self._pids() if self._counts(pid)]
            for pid in pids:
                with contextlib.suppress(OSError):
                    self._send(pid, number)
            return sum(self._moving(pid) for pid in pids)
        return 0

    def _send(self, pid: str, number: signal.Signals) -> None:
        process = os.open(f"{self._proc}/{pid}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            signal.pidfd_send_signal(process, number)
        finally:
            os.close(process)

    def _moving(self, pid: str) -> int:
        moving = 0
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"{self._proc}/{pid}/task"):
                moving += _state(f"{self._proc}/{pid}/task/{thread}") in _MOVING
        return moving

    def shared_out_memory(self) -> int:
        """Return the memory with shared pages counted once, in bytes: exact, but slow.

        Raises:
            OSError: they are just starting, or have just ended.
        """
        memory = 0
        for pid in filter(self._counts, self._pids()):
            with contextlib.suppress(OSError):
                rollup = read_fields(f"{self._proc}/{pid}/smaps_rollup")
                memory += sum(rollup.get(name, 0) for name in _SHARED_OUT)
                memory += read_fields(f"{self._proc}/{pid}/status").get("VmPTE", 0)
        return memory

    def disk(self) -> tuple[int, int]:
        """Return files and folders, and bytes, in the writable folders.

        Raises:
            OSError: they are just starting, or have just ended.
        """
        systems = [os.statvfs(f"/proc/{self.first}/root{folder}") for folder in WRITABLE]
        entries = sum(system.f_files - system.f_ffree for system in systems)
        return entries, sum((s.f_blocks - s.f_bfree) * s.f_frsize for s in systems)

    def sockets(self) -> int:
        """Return the sockets of their network namespace, a count: also those on their way.

        Raises:
            OSError: they have just ended.
        """
        with open(f"/proc/{self.first}/net/sockstat") as file:
            return int(file.readline().split()[-1])  # "sockets: used 25"

    def kernel_objects(self) -> KernelObjects:
        """Return what they hold of what Linux counts by user, or for nobody.

        Raises:
            OSError: they are just starting, or have just ended.
        """
        pids = [pid for pid in self._pids() if self._counts(pid)]
        return count(self._proc, pids, self.first)

    @property
    def _proc(self) -> str:
        return f"/proc/{self.first}/root/proc"

    def _counts(self, pid: str) -> bool:
        return not (self.forked and pid == "1")

    def _pids(self) -> list[str]:
        # Until the sandbox has a /proc of its own, this would be the machine's.
        if os.stat(f"{self._proc}/1/ns/pid").st_ino != self.namespace:
            raise ProcessLookupError
        return [name for name in os.listdir(self._proc) if name.isdigit()]


def alive(namespace: int) -> list[int]:
    """Return the processes, as seen from here, in the PID namespace with this inode number.

    A process that has ended does not count, even if its parent has not asked for its exit code yet
    (in a container, the parent of the last one may be a program that never asks). The number of a
    namespace that has ended may be given to a new one.
    """
    return [pid for pid in _all_pids() if _is_alive_in(pid, namespace)]


def available_memory_bytes(groups: ControlGroups | None = None) -> float:
    """Return how much memory this machine, and the control groups, could still give, in bytes.

    Args:
        groups: this process's, if they are known already.
    """
    groups = groups or own_control_groups()
    return min(read_fields("/proc/meminfo")["MemAvailable"], groups.free_memory_bytes())


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _is_alive_in(pid: int, namespace: int) -> bool:
    try:
        if os.stat(f"/proc/{pid}/ns/pid").st_ino != namespace:
            return False
        return _state(f"/proc/{pid}") not in b"ZX"
    except OSError:
        return False


def read_fields(path: str) -> dict[str, int]:
    """Return the numbers in a file of lines `name: number [kB]`; kilobytes as bytes."""
    fields = {}
    with open(path, "rb") as file:
        for line in file:
            name, _, value = line.partition(b":")
            words = value.split()
            if words and words[0].isdigit():
                unit = 1024 if words[-1] == b"kB" else 1
                fields[name.decode()] = int(words[0]) * unit
    return fields


def _state(folder: str) -> bytes:
    """Return the letter that ps(1) shows, of a process or thread: Z and X have ended."""
    with open(f"{folder}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0]
