"""What Python's multiprocessing needs of this machine, without which no worker starts."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path

from autograder import GraderFault
from autograder.sandbox import Finding

SHARED_MEMORY = Path("/dev/shm")
MIN_SHARED_BYTES = 2**20 // 2  # for locks
MIN_TEMPORARY_BYTES = 64 * 2**20  # for the hand-ins that are being graded


def worker_needs() -> Iterator[Finding]:
    """Yield what was found of each thing that workers on this machine need."""
    yield shared_memory()
    yield temporary_folder()


def require_worker_needs() -> None:
    """Check that workers can start on this machine.

    Raises:
        GraderFault: they cannot; the message says what to change.
    """
    for finding in worker_needs():
        if finding.good is False:
            raise GraderFault(f"{finding.what}: {finding.says}: {finding.mend}")


def shared_memory() -> Finding:
    """Return whether processes can share locks."""
    mend = (
        f"mount {SHARED_MEMORY} writable, with 64 MiB (mount -o remount,rw,size=64m "
        f"{SHARED_MEMORY}; docker run --shm-size=64m)"
    )
    try:
        multiprocessing.get_context("forkserver").Lock()
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError as error:
        return Finding(str(SHARED_MEMORY), False, f"cannot be used: {error.strerror}", mend)
    if free < MIN_SHARED_BYTES:
        return Finding(str(SHARED_MEMORY), False, f"{free / 2**10:.0f} KiB free", mend)
    return Finding(str(SHARED_MEMORY), True, f"{free / 2**20:.0f} MiB free")


def temporary_folder() -> Finding:
    """Return whether the folder for temporary files takes a socket, and files."""
    what = "temporary folder"
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        mend = "set TMPDIR to a folder that you may write to"
        return Finding(what, False, f"none can be written to: {error.strerror}", mend)
    address = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
        os.unlink(address)
    except OSError as error:
        why = error.strerror or f"{error}: {len(address)} characters, of 107 at most, for a socket"
        return Finding(what, False, f"{folder} cannot be used: {why}", "export TMPDIR=/tmp")
    free = shutil.disk_usage(folder).free
    says = f"{folder}, {free / 2**20:,.0f} MiB free"
    if free >= MIN_TEMPORARY_BYTES:
        return Finding(what, True, says)
    mend = f"make room, or set TMPDIR to a folder with {MIN_TEMPORARY_BYTES / 2**20:.0f} MiB free"
    return Finding(what, None, says, mend)
