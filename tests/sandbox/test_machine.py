"""Is too little of the machine found before a hand-in runs, and said in one sentence?"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox import Finding, Limits, SandboxUnavailable, machine
from autograder.sandbox.control_group import ControlGroups, own_control_groups
from tests.sandbox import groups
from tests.sandbox.groups import MIB


def limited(root: Path, **files: str) -> ControlGroups:
    """Return the control groups of a made container: name of a file, _ for a dot -> content."""
    made = {name.replace("_", "."): content for name, content in files.items()}
    return own_control_groups(groups.version_2(root, "/", made))


def bad(limits: Limits, found: ControlGroups) -> list[Finding]:
    """Return what does not do."""
    return [finding for finding in machine.provisions(limits, found) if finding.good is not True]


def test_without_limits_all_will_do(tmp_path: Path) -> None:
    assert bad(Limits(), own_control_groups(tmp_path)) == []


def test_a_container_with_less_memory_than_the_course_promises_is_refused(tmp_path: Path) -> None:
    (finding,) = bad(Limits(), limited(tmp_path, memory_max=f"{2048 * MIB}"))
    assert finding.good is False
    assert "2.0 GiB" in finding.says
    assert f"{tmp_path}/sys/fs/cgroup/memory.max" in finding.says
    assert "5.0 GiB" in finding.mend
    assert "c.Judge.memory_bytes = 1024 * 2**20" in finding.mend


def test_what_that_sentence_says_to_set_will_do(tmp_path: Path) -> None:
    container = limited(tmp_path, memory_max=f"{2048 * MIB}")
    assert bad(Limits(memory_bytes=1024 * 2**20), container) == []


def test_a_container_in_which_no_hand_in_has_room_is_not_told_to_promise_less(
    tmp_path: Path,
) -> None:
    (finding,) = bad(Limits(), limited(tmp_path, memory_max=f"{1500 * MIB}"))
    assert "c.Judge" not in finding.mend


def test_a_container_with_few_processes_is_refused(tmp_path: Path) -> None:
    container = limited(tmp_path, pids_max="300", pids_current="20")
    (finding,) = bad(Limits(), container)
    assert (finding.what, finding.good) == ("processes", False)
    assert "280" in finding.says
    assert bad(Limits(processes=100), container) == []


def test_half_a_core_is_warned_of(tmp_path: Path) -> None:
    (finding,) = bad(Limits(), limited(tmp_path, cpu_max="50000 100000"))
    assert (finding.what, finding.good) == ("processor", None)


def test_as_many_hand_ins_as_the_quota_has_cores_for(tmp_path: Path) -> None:
    assert machine.available_cores(own_control_groups(tmp_path)) >= 1
    (tmp_path / "one").mkdir()
    assert machine.available_cores(limited(tmp_path / "one", cpu_max="100000 100000")) == 1
    (tmp_path / "half").mkdir()
    assert machine.available_cores(limited(tmp_path / "half", cpu_max="50000 100000")) == 1


_ASK = """
from autograder.sandbox import Limits, SandboxUnavailable, require_provisions
try:
    require_provisions(Limits())
    print("enough")
except SandboxUnavailable as error:
    print(error)
"""


def asked(ulimit: str) -> str:
    """Return what is said in a shell with a limit of its own."""
    shell = f'{ulimit}; exec "$@"'
    command = ["bash", "-c", shell, "bash", sys.executable, "-c", _ASK]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_ordinary_shell_has_enough() -> None:
    assert asked("true") == "enough"


@pytest.mark.parametrize(
    ("ulimit", "says"),
    [
        ("ulimit -v 8388608", "`ulimit -v` is 8388608"),
        ("ulimit -d 2097152", "`ulimit -d` is 2097152"),
        ("ulimit -f 1024", "`ulimit -f` is 1024"),
        ("ulimit -t 60", "`ulimit -t` is 60"),
        ("ulimit -n 128", "`ulimit -n` is 128"),
    ],
)
def test_a_limit_of_the_shells_below_a_hand_ins_is_named(ulimit: str, says: str) -> None:
    assert asked(ulimit).startswith(says)


def test_a_soft_limit_of_open_files_that_the_grader_may_raise_is_none() -> None:
    assert asked("ulimit -Sn 64") == "enough"


def test_few_processes_in_an_ordinary_users_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_is_exempt", lambda: False)
    monkeypatch.setattr(machine, "_soft_limit", lambda name: 64)
    finding = machine.tasks(Limits(), ControlGroups((), (), (), Path("/none")))
    assert (finding.good, finding.mend) == (False, "`ulimit -u 4096` in this shell or job")


def test_root_is_not_told_of_a_limit_that_does_not_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_is_exempt", lambda: True)
    monkeypatch.setattr(machine, "_soft_limit", lambda name: 64)
    assert machine.tasks(Limits(), ControlGroups((), (), (), Path("/none"))).good


def test_the_refusal_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_soft_limit", lambda name: math.inf)
    monkeypatch.setattr(machine, "_hard_limit", lambda name: 64)
    with pytest.raises(SandboxUnavailable, match=r"`ulimit -n` is 64.*: `ulimit -n 1024`"):
        machine.require_provisions(Limits())
