"""Locks the present process up once more: bubblewrap's steps, for one that cannot start anew.

Called inside a sandbox of bubblewrap's, by a process that holds nothing of a hand-in yet. Sources:
user_namespaces(7), capabilities(7), mount(2), and bubblewrap.c, whose order of steps this follows.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

USER_ID = 1000

# Source: linux/sched.h
_NEW_NAMESPACES = (
    0x10000000  # user: before all others, which then belong to it
    | 0x00020000  # mount
    | 0x20000000  # PID: of the children
    | 0x40000000  # network
    | 0x08000000  # IPC
    | 0x04000000  # UTS: the host name
    | 0x02000000  # cgroup
)
# Source: linux/prctl.h, linux/capability.h
_SET_DUMPABLE, _DROP_FROM_BOUNDS, _SET_NO_NEW_PRIVS, _AMBIENT, _CLEAR_ALL = 4, 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
# Source: linux/mount.h
_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC, _BIND, _RECURSIVE = 1, 2, 4, 8, 4096, 16384
# Source: linux/sockios.h, linux/if.h
_SET_INTERFACE_FLAGS, _INTERFACE_UP = 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def set_memory_readable(readable: bool) -> None:
    """Let processes of the same user read and change this one's memory, or not."""
    _call("prctl", _SET_DUMPABLE, int(readable), 0, 0, 0)


def leave_namespaces() -> None:
    """Move to new namespaces of every kind, with no user namespace below them.

    The present process keeps its PID namespace: its next child is the first process of the new one.
    """
    _call("unshare", _NEW_NAMESPACES)
    set_memory_readable(True)  # else the files below belong to root
    Path("/proc/self/setgroups").write_text("deny")
    for name in ("uid_map", "gid_map"):
        Path("/proc/self", name).write_text(f"{USER_ID} {USER_ID} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    set_memory_readable(False)


def mount_own_folders(sizes: Mapping[str, int], kept: Sequence[str]) -> None:
    """Cover what hand-ins write to, and what shows processes, by this namespace's own.

    Args:
        sizes: writable folder -> its size in bytes.
        kept: what is mounted in these folders and is to stay visible (an interpreter in /tmp).
    """
    descriptors = {path: os.open(path, os.O_PATH) for path in kept}
    for folder, size in sizes.items():
        _mount("tmpfs", folder, "tmpfs", _NO_SUID | _NO_DEV, f"size={size},mode=0755")
    for path, descriptor in descriptors.items():
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).touch()
        _mount(source, path, "", _BIND | _RECURSIVE, "")
        os.close(descriptor)
    terminals = "newinstance,ptmxmode=0666,mode=620,max=64"
    _mount("devpts", "/dev/pts", "devpts", _NO_SUID | _NO_EXEC, terminals)
    _mount("proc", "/proc", "proc", _READ_ONLY | _NO_SUID | _NO_DEV | _NO_EXEC, "")


def start_loopback() -> None:
    """Give the network namespace its 127.0.0.1 and nothing else."""
    request = struct.pack("16sH14x", b"lo", _INTERFACE_UP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, request)


def drop_privileges() -> None:
    """Give up every capability for good; the memory is not readable by others any more."""
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _call("prctl", _DROP_FROM_BOUNDS, capability, 0, 0, 0)
    _call("prctl", _AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _call("capset", header, bytes(24))  # effective, permitted and inheritable, 64 bits each
    _call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    set_memory_readable(False)


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode(),
        ctypes.c_ulong(flags),
        options.encode(),
        what=target,
    )


def _call(name: str, *arguments: Any, what: str = "") -> None:
    """Call a function of the C library.

    Raises:
        OSError: it failed.
    """
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", what or None)
