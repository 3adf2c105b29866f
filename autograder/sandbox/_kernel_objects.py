"""What a hand-in holds of things that Linux counts by user, or counts for nobody.

All hand-ins and the grader are one user to Linux. Where one of them uses up what that user may have
(watches of epoll, pipes' buffers, terminals, descriptors on their way through sockets), the others
fail; locks and mappings take memory of the kernel's that no process is charged for. A control group
would bound the memory; without one it is counted from outside, once a second, and too much of it
ends the hand-in. What can be refused at once is refused in `seccomp`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.sandbox.limits import Limits

SHARE = 2  # a hand-in may open one of so many of the descriptors that the grader may
_READ_BYTES = 4 * 2**20  # of one file in /proc at most: a list of locks or mappings may be endless


@dataclass(frozen=True)
class KernelObjects:
    """What the processes of a hand-in hold at one time, counts.

    Attributes:
        in_flight: descriptors that were sent through a socket and not yet received.
        watches: of epoll(7); what forked processes share counts for each.
        pipes: pipes.
        terminals: pseudo-terminals.
        locks: locks of files.
        mappings: mappings of memory.
    """

    in_flight: int = 0
    watches: int = 0
    pipes: int = 0
    terminals: int = 0
    locks: int = 0
    mappings: int = 0

    def over(self, limits: Limits) -> str:
        """Return what is over its limit, in words; "" if nothing is."""
        for name, words in _WORDS.items():
            if getattr(self, name) > getattr(limits, name):
                return words
        return ""


_WORDS = {
    "in_flight": "descriptors on their way through sockets",
    "watches": "watches of epoll",
    "pipes": "pipes",
    "terminals": "terminals",
    "locks": "locks of files",
    "mappings": "mappings of memory",
}


def count(proc: str, pids: Iterable[str], first: int) -> KernelObjects:
    """Return what some processes hold.

    Args:
        proc: their /proc.
        pids: their numbers in it.
        first: one of them, as seen from here.

    Raises:
        OSError: that one has ended.
    """
    in_flight = watches = mappings = 0
    pipes, held = set[str](), set[str]()
    for pid in pids:
        with contextlib.suppress(OSError):  # it has just ended
            folder = f"{proc}/{pid}"
            for descriptor in os.listdir(f"{folder}/fd"):
                with contextlib.suppress(OSError):  # it has just been closed
                    what = os.readlink(f"{folder}/fd/{descriptor}")
                    if what.startswith("pipe:"):
                        pipes.add(what)
                    elif what.startswith("anon_inode:[eventpoll]"):
                        watches += _lines(f"{folder}/fdinfo/{descriptor}")
                    elif what.startswith("socket:") and what not in held:
                        held.add(what)
                        in_flight += _pending(f"{folder}/fdinfo/{descriptor}")
            mappings += _lines(f"{folder}/maps")
    hidden = _unix_sockets(first) - held
    return KernelObjects(
        in_flight + _HIDDEN_IN_A_SOCKET * len(hidden),
        watches,
        len(pipes),
        len(os.listdir(f"/proc/{first}/root/dev/pts")) - 1,  # one is `ptmx`
        _lines(f"{proc}/locks"),
        mappings,
    )


# A socket that no process holds is itself on its way: what waits in it cannot be seen.
_HIDDEN_IN_A_SOCKET = 4


def raise_own_limit() -> None:
    """Let this process open as many descriptors as it may let itself."""
    import resource  # here: Windows has none, and no hand-ins run there

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_files(limits: Limits) -> int:
    """Return how many descriptors a process of a hand-in may open.

    Linux lets nobody send descriptors while the user has more of them on their way than the sender
    may open. So a hand-in that sends them without end stops itself before it stops the grader.
    """
    import resource  # here, too

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return limits.open_files if hard < 0 else min(limits.open_files, hard // SHARE)


def _unix_sockets(pid: int) -> set[str]:
    """Return the sockets that may carry descriptors in the network namespace of a process."""
    with open(f"/proc/{pid}/net/unix") as file:
        inodes = {line.split(maxsplit=7)[6] for line in file.readlines()[1:]}
    return {f"socket:[{inode}]" for inode in inodes if inode != "0"}


def _pending(fdinfo: str) -> int:
    """Return how many descriptors wait in a socket to be received."""
    with open(fdinfo, "rb") as file:
        for line in file:
            if line.startswith(b"scm_fds:"):
                return int(line.split()[1])
    return 0


def _lines(path: str) -> int:
    """Return how many lines a file has, as far as it is read."""
    lines = 0
    with open(path, "rb", buffering=0) as file:
        left = _READ_BYTES
        while left > 0 and (chunk := file.read(min(left, 1 << 16))):
            lines += chunk.count(b"\n")
            left -= len(chunk)
    return lines
