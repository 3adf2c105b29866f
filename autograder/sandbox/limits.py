"""How much a hand-in may use, and how much one used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MIB = 1024 * 1024
GIB = 1024 * MIB

Cause = Literal[
    "memory", "processes", "files", "sockets", "objects", "messages", "machine", "exited", "closed"
]
"""Why a sandbox ended.

The hand-in's doing: "memory", "processes", "files", "sockets", "objects" (of the Linux
kernel's), "messages" (a limit was passed),
"exited" (the kernel ended by itself: `os._exit`, a crash, a kill from inside). The grader's:
"machine" (the machine ran out of memory whoever's doing it was), "closed" (the grader ended it).
"""


@dataclass(frozen=True)
class Limits:
    """All limits of one hand-in. The sandbox enforces the first group, the session the second.

    Attributes:
        memory_bytes: of all its processes together, in bytes: the private and shared memory that
            they hold, swapped out or not, and their page tables. One process that asks for more
            gets a MemoryError, all together are killed. 4 GiB: torch and the exercise take 0.8
            GiB, and two workers fit a laptop.
        address_space_bytes: of one process, in bytes, reserved or used. A backstop for memory that
            `memory_bytes` cannot see at once. 16 GiB: torch alone reserves nearly 4.
        processes: processes and threads together, a count. 256: a kernel has 15, each worker of
            a data loader about as many.
        open_files: of one process, a count. 1024: what Linux gives by default.
        file_bytes: of one file, in bytes. 512 MiB: MNIST unpacked is 47 MB.
        disk_bytes: of the working folder, in bytes. It is kept in memory. 512 MiB as above.
        scratch_bytes: of /tmp and of /dev/shm, each, in bytes. 256 MiB: the batches that a data
            loader's workers pass on.
        files: files and folders in all three together, a count: each takes a kilobyte of the
            kernel's memory that no size limit counts. 20,000.
        sockets: of all its processes together, a count: what is sent and not yet read is memory of
            no process, up to some megabytes for each. 128: a kernel has 9, with a data loader and
            a pool of 20 processes 16.
        in_flight: descriptors that were sent through a socket and not yet received, of all its
            processes, a count. 256: a data loader's workers send one for each tensor of a batch.
        watches: of epoll(7), of all its processes, a count: Linux gives one user some millions, few
            on a small machine. 50,000: a kernel has 50, and so has each process that it forks.
        pipes: of all its processes, a count: Linux gives one user 64 MiB for their buffers. 256: a
            pool of 20 processes has 50.
        terminals: pseudo-terminals, a count. 16: `!` in a notebook takes one.
        locks: of files, a count: each takes a fifth of a kilobyte of nobody's. 1,000.
        mappings: of memory, of all its processes, a count: each takes a quarter of a kilobyte of
            nobody's. 200,000: a process that has imported torch has 1,500.
        message_bytes: of one message from the kernel, in bytes. 128 MiB: a cell that prints 90 MB
            at once is to end with its output cut off, not with a dead kernel.
        traffic_bytes: of all messages from the kernel, in bytes. It bounds what can pile up in the
            grader's memory. 1 GiB: an honest notebook sends some 20 MB.
        reserve_bytes: of the machine's memory, in bytes. With less than that available the sandbox
            is killed, by no fault of the hand-in ("machine"). 512 MiB.
        startup_s: until the kernel answers, in seconds of wall time. 180: the first one
            waits until its fork server has imported PyTorch and the rest, on a busy machine too.

        cell_timeout_s: one cell, in seconds of wall time. 120.
        submission_timeout_s: all cells and all answers to checks, in seconds of wall time; what the
            judge itself takes does not count. 900. A second kernel, which runs the cells once more
            to train a network, has as much again.
        cell_output_bytes: outputs of a cell that are kept, in bytes. 1 MiB: a large figure is
            0.3.
        notebook_output_bytes: outputs of a notebook that are kept, in bytes. 8 MiB: what a browser
            shows without trouble.
    """

    memory_bytes: int = 4 * GIB
    address_space_bytes: int = 16 * GIB
    processes: int = 256
    open_files: int = 1024
    file_bytes: int = 512 * MIB
    disk_bytes: int = 512 * MIB
    scratch_bytes: int = 256 * MIB
    files: int = 20_000
    sockets: int = 128
    in_flight: int = 256
    watches: int = 50_000
    pipes: int = 256
    terminals: int = 16
    locks: int = 1_000
    mappings: int = 200_000
    message_bytes: int = 128 * MIB
    traffic_bytes: int = 1 * GIB
    reserve_bytes: int = 512 * MIB
    startup_s: float = 180

    cell_timeout_s: float = 120
    submission_timeout_s: float = 900
    cell_output_bytes: int = 1 * MIB
    notebook_output_bytes: int = 8 * MIB

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"expected the limit {name} to be positive, got {value!r}")


@dataclass(frozen=True)
class Usage:
    """What a sandbox used so far, sampled up to ten times a second.

    Attributes:
        memory_bytes: what its processes held at the last look, in bytes.
        peak_memory_bytes: most memory that its processes held at one time, in bytes. Pages that
            forked processes share count once for each of them.
        peak_processes: most processes and threads at one time.
        peak_disk_bytes: most that its three writable folders held at one time, in bytes.
        cpu_s: processor time of all its processes, in seconds.
        message_bytes: what came through its sockets, in bytes.
        cause: why it ended; None while it runs.
        exit_code: of the kernel if it ended by itself (128 + signal for a killed one).
        too_many: what there was too much of, in words, if the cause is "objects".
        diagnostics: the first that bubblewrap and the kernel's start wrote to stderr. For the
            grader's eyes only.
    """

    memory_bytes: int = 0
    peak_memory_bytes: int = 0
    peak_processes: int = 0
    peak_disk_bytes: int = 0
    cpu_s: float = 0.0
    message_bytes: int = 0
    cause: Cause | None = None
    exit_code: int | None = None
    too_many: str = ""
    diagnostics: str = ""
