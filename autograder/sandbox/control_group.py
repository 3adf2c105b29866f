"""What the control groups of this process allow, and whom they killed: a container's, a job's.

A container, a service and a job of a cluster each may use a part of the machine. /proc/meminfo and
psutil tell of the whole; Linux kills by the part.

Sources: Linux's documentation, admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst; proc(5) for
`cgroup` and `mountinfo`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NO_LIMIT = 2**60  # version 1 writes about 2**63 for none


@dataclass(frozen=True)
class MemoryLimit:
    """How much memory a control group may use.

    Attributes:
        limit_bytes: that much; infinite where nothing limits it.
        file: where that stands.
    """

    limit_bytes: float = math.inf
    file: Path | None = None


@dataclass(frozen=True)
class ControlGroups:
    """The control groups of this process: its own, and those above it, as all their limits hold.

    Attributes:
        memory: folders of those that count memory, the own one first.
        tasks: the same for processes and threads.
        processors: the same for processor time.
        machine: the file that counts what was killed on the whole machine.
    """

    memory: tuple[Path, ...]
    tasks: tuple[Path, ...]
    processors: tuple[Path, ...]
    machine: Path

    def memory_limit(self) -> MemoryLimit:
        """Return the tightest limit of memory; one that only slows down counts, too."""
        limits = (limit for folder in self.memory for limit in _memory_limits(folder))
        return min(limits, key=lambda each: each.limit_bytes, default=MemoryLimit())

    def free_memory_bytes(self) -> float:
        """Return how much more memory they allow, in bytes; infinite without a limit."""
        return min(map(_free_memory_bytes, self.memory), default=math.inf)

    def free_tasks(self) -> float:
        """Return how many more processes and threads they allow; infinite without a limit."""
        return min(map(_free_tasks, self.tasks), default=math.inf)

    def cores(self) -> float:
        """Return how many cores they let this process keep busy; infinite without a limit."""
        return min(map(_cores, self.processors), default=math.inf)

    def oom_kills(self) -> int:
        """Return how many processes Linux has killed in the own one for want of memory, so far.

        Where no group tells, those of the whole machine count.
        """
        for folder in self.memory[:1]:
            for name in ("memory.events", "memory.oom_control"):
                if (kills := _field(folder / name, "oom_kill")) is not None:
                    return kills
        return _field(self.machine, "oom_kill") or 0


def own_control_groups(root: Path = Path("/")) -> ControlGroups:
    """Return the control groups of this process, as far as they can be seen from here.

    Args:
        root: where /proc and /sys lie.
    """
    chains = [
        [group, *(above for above in group.parents if above.is_relative_to(top))]
        for group, top in _own(root)
    ]
    folders = list(dict.fromkeys(folder for chain in chains for folder in chain))

    def those_with(*files: str) -> tuple[Path, ...]:
        return tuple(f for f in folders if any((f / name).exists() for name in files))

    return ControlGroups(
        memory=those_with("memory.max", "memory.limit_in_bytes"),
        tasks=those_with("pids.max"),
        processors=those_with("cpu.max", "cpu.cfs_quota_us"),
        machine=root / "proc/vmstat",
    )


def _own(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield this process's group in each hierarchy, and where that is mounted."""
    paths = {}  # the controllers, "" for version 2 -> the path of the group
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        paths[controllers] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, system = line.partition(" - ")
        _, _, _, shown, at = mount.split()[:5]
        kind, _, options = system.split()[:3]
        for controllers, path in paths.items():
            version_1 = kind == "cgroup" and set(controllers.split(",")) <= set(options.split(","))
            if version_1 if controllers else kind == "cgroup2":
                top = root / _plain(at).lstrip("/")
                yield _below(top, path, _plain(shown)), top


def _below(top: Path, path: str, shown: str) -> Path:
    """Return the folder of a group where `shown` is mounted at `top`; that, if it is not below."""
    if not Path(path).is_relative_to(shown) or ".." in Path(path).parts:
        return top
    group = top / Path(path).relative_to(shown)
    return group if group.is_dir() else top


def _plain(escaped: str) -> str:
    """Return a path of `mountinfo`, where a space is written \\040."""
    return escaped.replace(r"\040", " ")


def _memory_limits(folder: Path) -> Iterator[MemoryLimit]:
    for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
        limit = _number(folder / name)
        if limit is not None and limit < _NO_LIMIT:
            yield MemoryLimit(limit, folder / name)


def _free_memory_bytes(folder: Path) -> float:
    limit = min((each.limit_bytes for each in _memory_limits(folder)), default=math.inf)
    if math.isinf(limit):
        return limit
    version_1 = (folder / "memory.limit_in_bytes").exists()
    used = _number(folder / ("memory.usage_in_bytes" if version_1 else "memory.current")) or 0
    # Linux takes back what is only a copy of a file on a disk. Version 1 has the sum with the
    # groups below under another name.
    names = (f"{'total_' if version_1 else ''}{which}_file" for which in ("active", "inactive"))
    caches = sum(_field(folder / "memory.stat", name) or 0 for name in names)
    return max(0.0, limit - used + caches)


def _free_tasks(folder: Path) -> float:
    return (_number(folder / "pids.max") or math.inf) - (_number(folder / "pids.current") or 0)


def _cores(folder: Path) -> float:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    for line in _lines(folder / "cpu.max"):
        quota, period = map(_as_number, line.split())
    return quota / period if quota and period and quota > 0 else math.inf


def _number(path: Path) -> float | None:
    """Return the number that a file holds, infinite for "max"; None if there is none."""
    return next(map(_as_number, _lines(path)), None)


def _as_number(text: str) -> float:
    return math.inf if text == "max" else float(text)


def _field(path: Path, name: str) -> int | None:
    """Return the number in the line `name number` of a file; None if there is none."""
    for line in _lines(path):
        word, _, value = line.partition(" ")
        if word == name:
            return int(value)
    return None


def _lines(path: Path) -> list[str]:
    """Return the lines of a file; none if it is not there for this process."""
    try:
        return path.read_text("ascii", errors="replace").splitlines()
    except OSError:
        return []
