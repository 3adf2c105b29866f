"""Is a kill for want of memory the machine's fault, and not the hand-in's?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder import GraderFault
from autograder.judging._session import Session, check_machine
from autograder.sandbox import Limits, _memory_watch, open_kernel
from autograder.sandbox.control_group import own_control_groups
from tests.sandbox import groups
from tests.sandbox.groups import MIB
from tests.sandbox.kernels import usage_at_death

_HOLD = "x = bytearray(b'1') * {bytes}\nimport time\ntime.sleep({seconds})\ndel x\n"
_CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])\n"


def counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that counts the kills of a made group, in which sandboxes are from now on."""
    files = {"a/memory.max": "max", "a/memory.events": "oom_kill 0\n"}
    group = own_control_groups(groups.version_2(root, "/a", files))
    monkeypatch.setattr(_memory_watch, "own_control_groups", lambda: group)
    return root / "sys/fs/cgroup/a/memory.events"


def test_a_kernel_that_died_when_linux_killed_is_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = counted(tmp_path, monkeypatch)
    with open_kernel(Limits(), fork=False) as kernel:
        session = Session(kernel, Limits())
        events.write_text("oom_kill 1\n")
        with pytest.raises(GraderFault, match="Linux killed a process for want of memory"):
            session.run_cell("import os\nos._exit(9)")


def test_a_kernel_that_kills_itself_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(tmp_path, monkeypatch)
    with open_kernel(Limits(), fork=False) as kernel:
        assert usage_at_death(kernel, "import os\nos._exit(9)").cause == "exited"


def test_one_that_only_a_child_of_was_killed_is_the_machines_even_when_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = counted(tmp_path, monkeypatch)
    with open_kernel(Limits(), fork=False) as kernel:
        check_machine(kernel)
        events.write_text("oom_kill 1\n")
        kernel.kill()
    with pytest.raises(GraderFault, match="Linux killed"):
        check_machine(kernel)


_GRADE = """
import json, sys
from pathlib import Path
group, code, reserve = sys.argv[1:]
Path(group, "cgroup.procs").write_text("0")
from autograder import GraderFault
from autograder.judging._session import Session, check_machine
from autograder.sandbox import Limits, open_kernel
limits = Limits(reserve_bytes=int(reserve))
with open_kernel(limits) as kernel:
    try:
        session = Session(kernel, limits)
        shown = [str(session.run_cell(code))]
        shown.append(str(session.run_cell("print(6 * 7)")))
        kernel.kill()
        check_machine(kernel)
        fault = ""
    except GraderFault as error:
        shown, fault = [], str(error)
events = Path(group, "memory.events")
counts = (events if events.exists() else Path(group, "memory.oom_control")).read_text().split()
kills = int(counts[counts.index("oom_kill") + 1])
print(json.dumps([shown, fault, kills]))
"""


def run_limited(code: str, *, reserve_bytes: int, limit_bytes: int) -> list[Any]:
    """Return what a cell showed, the grader's fault, and kills, all in a real control group."""
    with groups.real_memory_limit(limit_bytes) as group:
        arguments = [str(group), code, str(reserve_bytes)]
        done = subprocess.run(
            [sys.executable, "-c", _GRADE, *arguments], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        shown: list[Any] = json.loads(done.stdout)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize("where", ["the kernel", "a process of it"])
def test_what_a_real_control_group_kills_is_the_graders_fault(where: str) -> None:
    hold = _HOLD.format(bytes=3_000 * MIB, seconds=20)
    code = hold if where == "the kernel" else _CHILD.format(code=hold)
    shown, fault, kills = run_limited(code, reserve_bytes=1, limit_bytes=1_600 * MIB)
    assert kills > 0, "nothing was tried"
    assert (shown, "Linux killed a process" in fault) == ([], True)


@pytest.mark.slow
def test_in_a_real_control_group_it_is_ended_before_linux_kills() -> None:
    code = "x = []\nimport time\n" + 30 * "x.append(b'1' * 2**26); time.sleep(0.2)\n"
    shown, fault, kills = run_limited(code, reserve_bytes=512 * MIB, limit_bytes=2_000 * MIB)
    assert (shown, kills) == ([], 0)
    assert "of memory were left" in fault


@pytest.mark.slow
def test_with_room_in_a_real_control_group_all_is_well() -> None:
    code = _HOLD.format(bytes=500 * MIB, seconds=1)
    shown, fault, kills = run_limited(code, reserve_bytes=512 * MIB, limit_bytes=6_000 * MIB)
    assert (fault, kills) == ("", 0)
    assert "42" in shown[1]
