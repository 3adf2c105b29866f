"""Control groups for the tests: made ones, as files, and a real one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

MIB = 2**20


def made(root: Path, cgroup: str, mounts: list[str], files: Mapping[str, str]) -> Path:
    """Return a root folder with made files of /proc and /sys.

    Args:
        root: new or empty.
        cgroup: what /proc/self/cgroup holds.
        mounts: lines of /proc/self/mountinfo.
        files: path below /sys/fs/cgroup -> content.
    """
    proc = root / "proc" / "self"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text("".join(f"{line}\n" for line in mounts))
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def version_2(root: Path, group: str, files: Mapping[str, str]) -> Path:
    """Return a root folder whose process is in a group of version 2."""
    mount = "25 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
    return made(root, f"0::{group}\n", [mount], files)


@contextlib.contextmanager
def real_memory_limit(limit_bytes: int) -> Iterator[Path]:
    """Yield a control group of this machine's with a limit of memory: `cgroup.procs` takes in.

    Fails where none can be made.
    """
    version_2 = "memory" in _words(Path("/sys/fs/cgroup/cgroup.controllers"))
    top = Path("/sys/fs/cgroup" if version_2 else "/sys/fs/cgroup/memory")
    group = top / f"autograder-test-{os.getpid()}"
    try:
        if version_2:
            (top / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
        limit = "memory.max" if version_2 else "memory.limit_in_bytes"
        (group / limit).write_text(str(limit_bytes))
    except OSError as error:
        raise AssertionError(
            f"this test needs a control group of memory that it may make ({error}): run it as root "
            "of the machine"
        ) from error
    try:
        yield group
    finally:
        deadline = time.monotonic() + 30
        while _words(group / "cgroup.procs") and time.monotonic() < deadline:
            time.sleep(0.1)
        group.rmdir()


def _words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []
