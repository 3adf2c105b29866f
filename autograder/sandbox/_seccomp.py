"""The system calls that the sandbox refuses, as a filter for `bwrap --seccomp`.

Namespaces and dropped capabilities keep the hand-in away from everything outside. What they leave
is refused here, and nothing that an honest notebook needs:

- memory that belongs to no process, so that the watchdog could not count it: memory files, System V
  segments and queues, kernel keys;
- what Linux gives a user few of, and hand-ins and grader are one user: watches of files;
- leaving the cores that the hand-in was given, where it would slow down others;
- killing or stopping the kernel from a process beside it, which would come by chance: what a cell
  does to the kernel it runs in is the affair of `inside/leaving.py`;
- sockets that no network namespace confines: vsock reaches the host of a virtual machine;
- large parts of the Linux kernel with a history of holes (io_uring, bpf, perf), and ptrace with its
  kin, which no notebook needs.
"""

from __future__ import annotations

import errno
import platform
import signal
import struct
from collections.abc import Mapping

# Number of each call on x86_64 and on aarch64. Source: Linux, arch/x86/entry/syscalls/
# syscall_64.tbl and include/uapi/asm-generic/unistd.h
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "sched_setaffinity": (203, 122),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "open_by_handle_at": (304, 265),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "process_madvise": (440, 440),
}
SOCKET = (41, 198)
KILL = (62, 129)
# Whom `kill` would reach: the kernel, which is process 2 in its namespace, its process group, the
# caller's, all. As unsigned numbers of 32 bits.
_KERNELS = (2, 2**32 - 2, 0, 2**32 - 1)

# Where root starts the sandbox, files and devices of root's take the hand-in for their owner. All
# but the devices are on read-only file systems; /dev/null's permissions must not be changed either.
# Changing permissions then does nothing but succeeds, so that honest copies of files go on.
CHANGES_OF_PERMISSIONS = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
}
CHANGES_OF_ATTRIBUTES = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "file_setattr": (469, 469),
}
SOCKET_FAMILIES = (1, 2, 10, 16)  # linux/socket.h: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK

# machine -> (column above, AUDIT_ARCH_... of linux/audit.h)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h
# Offsets in struct seccomp_data, little endian.
_NUMBER, _ARCH, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_X32_CALLS = 0x40000000  # x86_64 only: the same calls under other numbers

_Step = tuple[int, str, str, int]


def seccomp_filter(*, as_root: bool, machine: str | None = None) -> bytes:
    """Return the filter as an array of `struct sock_filter`.

    Args:
        as_root: root starts the sandbox.
        machine: as `platform.machine()` names it; None for this one.

    Raises:
        ValueError: the numbers of this machine's system calls are not known here.
    """
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise ValueError(f"expected one of the machines {list(MACHINES)}, got {machine!r}")
    column, arch = MACHINES[machine]
    refused = {**REFUSED, **(CHANGES_OF_ATTRIBUTES if as_root else {})}
    pretended = CHANGES_OF_PERMISSIONS if as_root else {}

    def jumps(calls: Mapping[str, tuple[int | None, int | None]], label: str) -> list[_Step]:
        numbers = [numbers[column] for numbers in calls.values()]
        return [(_EQUAL, label, "", number) for number in numbers if number is not None]

    # (code, jump if true, jump if false, constant); jumps are written as names and resolved below
    steps: list[_Step] = [
        (_LOAD, "", "", _ARCH),
        (_EQUAL, "", "refuse", arch),
        (_LOAD, "", "", _NUMBER),
        (_AT_LEAST, "refuse", "", _X32_CALLS),
        *jumps(refused, "refuse"),
        *jumps(pretended, "pretend"),
        (_EQUAL, "kill", "", KILL[column]),
        (_EQUAL, "", "allow", SOCKET[column]),
        (_LOAD, "", "", _FIRST_ARGUMENT),
        *((_EQUAL, "allow", "", family) for family in SOCKET_FAMILIES),
        (_RETURN, "", "", _ERRNO | errno.EAFNOSUPPORT),
        (_LOAD, "", "", _SECOND_ARGUMENT),  # kill
        (_EQUAL, "whom", "", signal.SIGKILL),
        (_EQUAL, "whom", "allow", signal.SIGSTOP),
        (_LOAD, "", "", _FIRST_ARGUMENT),  # whom
        *((_EQUAL, "forbid", "", process) for process in _KERNELS),
        (_RETURN, "", "", _ALLOW),
        (_RETURN, "", "", _ERRNO | errno.ENOSYS),  # libraries then take their older way
        (_RETURN, "", "", _ERRNO | 0),
        (_RETURN, "", "", _ERRNO | errno.EPERM),
    ]
    end = len(steps)
    labels = {"allow": end - 4, "refuse": end - 3, "pretend": end - 2, "forbid": end - 1}
    labels["whom"] = labels["allow"] - len(_KERNELS) - 1
    labels["kill"] = labels["whom"] - 3

    def offset(label: str, position: int) -> int:
        return labels[label] - position - 1 if label else 0

    return b"".join(
        struct.pack("=HBBI", code, offset(then, i), offset(otherwise, i), constant)
        for i, (code, then, otherwise, constant) in enumerate(steps)
    )
