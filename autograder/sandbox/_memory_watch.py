"""Tells a grader's want of memory from a hand-in's greed."""

from __future__ import annotations

from autograder.sandbox._measure import available_memory_bytes
from autograder.sandbox.control_group import own_control_groups
from autograder.sandbox.limits import MIB


class MemoryWatch:
    """Watches the memory of this machine, and of this process's control groups, from now on."""

    def __init__(self) -> None:
        self._groups = own_control_groups()
        self._kills_before = self._groups.oom_kills()

    def has_killed(self) -> bool:
        """Return whether Linux has killed a process since, which may have been anybody's."""
        return self._groups.oom_kills() > self._kills_before

    def shortage(self, reserve_bytes: float) -> str:
        """Return in words how memory runs short, or ran short; "" if it does not.

        Args:
            reserve_bytes: with less than that left it runs short.
        """
        available = available_memory_bytes(self._groups)
        if self.has_killed():
            what = "Linux killed a process for want of memory"
        elif available < reserve_bytes:
            what = f"only {available / MIB:.0f} MiB of memory were left"
        else:
            return ""
        limit = self._groups.memory_limit()
        if limit.file is None:
            return what
        return f"{what}; {limit.file} allows {limit.limit_bytes / MIB:.0f} MiB"
