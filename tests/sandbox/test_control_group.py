"""What do the control groups allow, and whom have they killed?"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from autograder.sandbox import _measure, _memory_watch
from autograder.sandbox._memory_watch import MemoryWatch
from autograder.sandbox.control_group import own_control_groups
from tests.sandbox import groups
from tests.sandbox.groups import MIB

_VERSION_1 = [
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids",
    "22 1 254:1 / / rw - ext4 /dev/root rw",
]


def test_without_groups_nothing_is_limited(tmp_path: Path) -> None:
    found = own_control_groups(tmp_path)
    assert found.memory_limit().file is None
    assert (found.free_memory_bytes(), found.free_tasks(), found.cores()) == 3 * (math.inf,)
    assert found.oom_kills() == 0


def test_the_limit_of_a_group_of_version_2_is_found(tmp_path: Path) -> None:
    files = {"job/memory.max": f"{2048 * MIB}\n", "job/memory.current": f"{1000 * MIB}\n"}
    found = own_control_groups(groups.version_2(tmp_path, "/job", files))
    assert found.memory_limit().limit_bytes == 2048 * MIB
    assert found.memory_limit().file == tmp_path / "sys/fs/cgroup/job/memory.max"
    assert found.free_memory_bytes() == 1048 * MIB


def test_the_limit_of_a_group_above_holds_too(tmp_path: Path) -> None:
    files = {"a/memory.max": f"{512 * MIB}", "a/memory.current": "0", "a/b/memory.max": "max"}
    found = own_control_groups(groups.version_2(tmp_path, "/a/b", files))
    assert found.memory_limit().limit_bytes == 512 * MIB
    assert found.free_memory_bytes() == 512 * MIB


def test_a_limit_that_only_slows_down_counts(tmp_path: Path) -> None:
    files = {"a/memory.max": f"{4096 * MIB}", "a/memory.high": f"{1024 * MIB}"}
    found = own_control_groups(groups.version_2(tmp_path, "/a", files))
    assert found.memory_limit().limit_bytes == 1024 * MIB


def test_what_is_only_a_copy_of_a_file_is_free(tmp_path: Path) -> None:
    files = {
        "a/memory.max": f"{1000 * MIB}",
        "a/memory.current": f"{900 * MIB}",
        "a/memory.stat": f"anon 1\nactive_file {100 * MIB}\ninactive_file {300 * MIB}\n",
    }
    found = own_control_groups(groups.version_2(tmp_path, "/a", files))
    assert found.free_memory_bytes() == 500 * MIB


def test_a_container_sees_its_limit_at_the_root(tmp_path: Path) -> None:
    found = own_control_groups(groups.version_2(tmp_path, "/", {"memory.max": f"{MIB}"}))
    assert found.memory_limit().limit_bytes == MIB


def test_a_process_outside_of_what_is_mounted_gets_the_limit_that_can_be_seen(
    tmp_path: Path,
) -> None:
    files = {"memory.max": f"{MIB}"}
    found = own_control_groups(groups.version_2(tmp_path, "/../../elsewhere", files))
    assert found.memory_limit().limit_bytes == MIB


def test_groups_of_version_1_are_found(tmp_path: Path) -> None:
    files = {
        "memory/job/memory.limit_in_bytes": f"{2048 * MIB}",
        "memory/job/memory.usage_in_bytes": f"{2000 * MIB}",
        "memory/job/memory.stat": f"inactive_file 7\ntotal_inactive_file {52 * MIB}\n",
        "memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        "memory/memory.limit_in_bytes": "9223372036854771712",
        "pids/job/pids.max": "500",
        "pids/job/pids.current": "20",
        "cpu,cpuacct/job/cpu.cfs_quota_us": "250000",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
    }
    lines = "9:name=systemd:/x\n4:memory:/job\n2:cpu,cpuacct:/job\n8:pids:/job\n"
    found = own_control_groups(groups.made(tmp_path, lines, _VERSION_1, files))
    assert found.memory_limit().limit_bytes == 2048 * MIB
    assert found.free_memory_bytes() == 100 * MIB
    assert found.free_tasks() == 480
    assert found.cores() == 2.5
    assert found.oom_kills() == 3


def test_a_container_of_version_1_without_a_namespace_of_groups(tmp_path: Path) -> None:
    mount = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"
    files = {"memory/memory.limit_in_bytes": f"{MIB}"}
    found = own_control_groups(groups.made(tmp_path, "4:memory:/docker/abc\n", [mount], files))
    assert found.memory_limit().limit_bytes == MIB


def test_without_a_limit_version_1_writes_a_large_number(tmp_path: Path) -> None:
    files = {"memory/memory.limit_in_bytes": "9223372036854771712"}
    found = own_control_groups(groups.made(tmp_path, "4:memory:/\n", _VERSION_1, files))
    assert found.memory_limit().file is None


def test_quotas_of_version_2_are_found(tmp_path: Path) -> None:
    files = {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}
    assert own_control_groups(groups.version_2(tmp_path, "/a/b", files)).cores() == 0.5


def test_kills_are_counted_in_the_own_group_else_on_the_machine(tmp_path: Path) -> None:
    files = {"a/memory.max": "max", "a/memory.events": "low 0\noom 9\noom_kill 2\n"}
    root = groups.version_2(tmp_path, "/a", files)
    (root / "proc/vmstat").write_text("pgfault 1\noom_kill 40\n")
    found = own_control_groups(root)
    assert found.oom_kills() == 2
    (root / "sys/fs/cgroup/a/memory.events").unlink()
    assert found.oom_kills() == 40


def test_the_available_memory_is_that_of_the_tightest(tmp_path: Path) -> None:
    files = {"a/memory.max": f"{3 * MIB}", "a/memory.current": f"{MIB}"}
    limited = own_control_groups(groups.version_2(tmp_path, "/a", files))
    assert _measure.available_memory_bytes(limited) == 2 * MIB
    assert _measure.available_memory_bytes() > 2 * MIB


def test_a_shortage_is_told_with_the_file_that_brings_it_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "a/memory.max": f"{600 * MIB}",
        "a/memory.current": f"{300 * MIB}",
        "a/memory.events": "oom_kill 0\n",
    }
    limited = own_control_groups(groups.version_2(tmp_path, "/a", files))
    monkeypatch.setattr(_memory_watch, "own_control_groups", lambda: limited)
    watch = MemoryWatch()
    assert watch.shortage(200 * MIB) == ""
    assert watch.shortage(301 * MIB) == (
        f"only 300 MiB of memory were left; {tmp_path}/sys/fs/cgroup/a/memory.max allows 600 MiB"
    )
    (tmp_path / "sys/fs/cgroup/a/memory.events").write_text("oom_kill 1\n")
    assert watch.shortage(0).startswith("Linux killed a process for want of memory")
