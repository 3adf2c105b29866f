"""What this machine gives to the grader, against what a hand-in is promised.

With less, Linux would kill or refuse in the middle of a hand-in, and that would look like the
student's doing. So nothing is graded then.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.sandbox.bwrap import SandboxUnavailable
from autograder.sandbox.control_group import ControlGroups, own_control_groups
from autograder.sandbox.finding import Finding
from autograder.sandbox.host_system import runs_hand_ins
from autograder.sandbox.limits import GIB, MIB, Limits

OWN_MEMORY_BYTES = 512 * MIB  # of the grader itself: what asks, a worker, the fork server
OWN_TASKS = 128  # the same in processes and threads, with a few workers
MIN_MEMORY_BYTES = 1 * GIB  # of a hand-in: PyTorch and the exercise take 0.8
MIN_OPEN_FILES = 256  # a hand-in may open half of them

_KIB = 1024
_ULIMITS = {  # as in setrlimit(2) -> what ulimit calls it, and the unit that it counts in
    "AS": ("v", _KIB),
    "DATA": ("d", _KIB),
    "FSIZE": ("f", _KIB),
    "CPU": ("t", 1),
    "NPROC": ("u", 1),
    "NOFILE": ("n", 1),
}


def provisions(limits: Limits, groups: ControlGroups | None = None) -> Iterator[Finding]:
    """Yield what was found of each thing that a hand-in is promised.

    Args:
        limits: what a hand-in may use.
        groups: the control groups that limit it; this process's if not given.
    """
    groups = groups or own_control_groups()
    yield memory(limits, groups)
    yield tasks(limits, groups)
    yield ulimits(limits)
    yield cores(groups)


def require_provisions(limits: Limits) -> None:
    """Check that this machine can give a hand-in all that it is promised.

    Raises:
        SandboxUnavailable: it cannot; the message says what to change.
    """
    for finding in provisions(limits) if runs_hand_ins() else ():
        if finding.good is False:
            raise SandboxUnavailable(f"{finding.says}: {finding.mend}")


def memory(limits: Limits, groups: ControlGroups) -> Finding:
    """Return whether the container, service or job may use as much memory as a hand-in may."""
    limit = groups.memory_limit()
    around = OWN_MEMORY_BYTES + limits.reserve_bytes
    if limit.limit_bytes >= limits.memory_bytes + around:
        return Finding("memory limit", True, "no container or job allows less than a hand-in needs")
    says = (
        f"{limit.limit_bytes / GIB:.1f} GiB of memory are allowed here ({limit.file}), and a "
        f"hand-in may take {limits.memory_bytes / GIB:.1f}, the grader {around / GIB:.1f} more"
    )
    mend = (
        f"give the container, service or job {(limits.memory_bytes + around) / GIB:.1f} GiB "
        "(docker run --memory, systemd's MemoryMax, SLURM's --mem)"
    )
    if limit.limit_bytes - around >= MIN_MEMORY_BYTES:
        most = int((limit.limit_bytes - around) // MIB)
        mend += f", or set c.Judge.memory_bytes = {most} * 2**20 in nbgrader_config.py"
    return Finding("memory limit", False, says, mend)


def tasks(limits: Limits, groups: ControlGroups) -> Finding:
    """Return whether as many processes and threads may run as a hand-in may start."""
    needed = limits.processes + OWN_TASKS
    ulimit = math.inf if _is_exempt() else _soft_limit("NPROC")
    for most, set_by, mend in (
        (ulimit, "`ulimit -u`", f"`ulimit -u {max(4096, needed)}` in this shell or job"),
        (
            groups.free_tasks(),
            "the control group's pids.max",
            f"give the container, service or job {max(1024, needed)} (docker run --pids-limit, "
            "systemd's TasksMax)",
        ),
    ):
        if most < needed:
            says = (
                f"{most:g} processes and threads are allowed here by {set_by}, and a hand-in may "
                f"have {limits.processes}, the grader {OWN_TASKS} more"
            )
            return Finding("processes", False, says, mend)
    return Finding("processes", True, f"{needed} may run, threads too")


def ulimits(limits: Limits) -> Finding:
    """Return whether the shell's own limits leave room for those of a hand-in."""
    needed = {
        "AS": limits.address_space_bytes,
        "DATA": limits.memory_bytes,
        "FSIZE": limits.file_bytes,
        "CPU": math.ceil(limits.submission_timeout_s),
        "NOFILE": MIN_OPEN_FILES,
    }
    low = {}
    for name, value in needed.items():
        # How many files it may open the grader raises itself, as far as it may.
        found = _hard_limit(name) if name == "NOFILE" else _soft_limit(name)
        if found < value:
            letter, unit = _ULIMITS[name]
            low[f"`ulimit -{letter}` is {found / unit:.0f}"] = (
                f"`ulimit -{letter} {'1024' if name == 'NOFILE' else 'unlimited'}`"
            )
    if not low:
        return Finding("limits", True, "none of the shell's is below a hand-in's")
    says = f"{', '.join(low)}: less than a hand-in may use"
    return Finding("limits", False, says, f"{', '.join(low.values())} in this shell or job")


def cores(groups: ControlGroups) -> Finding:
    """Return whether there is processor time for one hand-in at least: its time limits run on."""
    given = groups.cores()
    if given >= 1:
        return Finding("processor", True, f"{available_cores(groups)} hand-ins at one time")
    return Finding(
        "processor",
        None,
        f"{given:g} of one core is allowed here: hand-ins may run into their time limits",
        "give the container, service or job one core or more (docker run --cpus, systemd's "
        "CPUQuota), or raise c.Judge.cell_timeout_s and c.Judge.submission_timeout_s",
    )


def available_cores(groups: ControlGroups | None = None) -> int:
    """Return how many processors this process may keep busy, one at least."""
    groups = groups or own_control_groups()
    return max(1, math.floor(min(len(os.sched_getaffinity(0)), groups.cores())))


def _soft_limit(name: str) -> float:
    import resource  # here: Windows has none, and no hand-ins run there

    soft = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
    return math.inf if soft == resource.RLIM_INFINITY else soft


def _hard_limit(name: str) -> float:
    import resource  # here, too

    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
    return math.inf if hard == resource.RLIM_INFINITY else hard


def _is_exempt() -> bool:
    """Return whether this is root of the machine, whose processes Linux does not count."""
    everybody = Path("/proc/self/uid_map").read_text("ascii").split()
    return os.geteuid() == 0 and everybody == ["0", "0", str(2**32 - 1)]
