"""What a hand-in may do that reads or writes where it does not belong: through a real kernel."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

import autograder
from autograder.sandbox import (
    Kernel,
    Limits,
    SandboxProvisioner,
    SandboxUnavailable,
    alive,
    bwrap,
    check,
    open_kernel,
)
from autograder.sandbox._relay import Relay
from autograder.sandbox._seccomp import seccomp_filter
from tests.sandbox.kernels import result_of

PACKAGE = Path(autograder.__file__).parent
PROJECT = PACKAGE.parent
SECRET = "a-secret-of-the-grader"
FILES = {
    "digits.csv": b"1,2,3\n",
    "my_module.py": b"answer = 42\n",
    # The kernel would not even start with this one.
    "json.py": b"raise ImportError('the wrong json')\n",
    "torch.py": b"raise ImportError('the wrong torch')\n",
}


@pytest.fixture(scope="module", params=[True, False], ids=["forked", "anew"])
def fork(request: pytest.FixtureRequest) -> bool:
    """Both ways to start a kernel."""
    return bool(request.param)


@pytest.fixture(scope="module")
def kernel(fork: bool) -> Iterator[Kernel]:
    """One kernel for all tests here: none of them harms it, or a later one fails."""
    os.environ["GRADER_TOKEN"] = SECRET
    try:
        with open_kernel(files=FILES, fork=fork) as kernel:
            yield kernel
    finally:
        del os.environ["GRADER_TOKEN"]


def run(kernel: Kernel, code: str, **values: Any) -> Any:
    return result_of(kernel.client, code, **values)


def test_an_honest_notebook_finds_a_home(kernel: Kernel) -> None:
    found = run(
        kernel,
        """
import getpass, os, pathlib, socket, sys
pathlib.Path("mine.txt").write_text("x")
result = [os.getcwd(), str(pathlib.Path.home()), os.getuid(), getpass.getuser(),
          socket.gethostname(), sys.prefix, sorted(os.listdir())]
""",
    )
    home = "/home/student"
    files = sorted([*FILES, "mine.txt"])
    assert found == [home, home, 1000, "student", "sandbox", sys.prefix, files]


def test_reads_no_file_of_the_grader(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "solutions.txt").write_text(SECRET)
    hidden = ["/etc/shadow", "/etc/machine-id", "/var", "/run", "/sys", "/boot"]
    hidden += [str(tmp_path), str(tmp_path / "solutions.txt"), str(Path(__file__))]
    hidden += [str(path) for path in PACKAGE.glob("*.py")]
    hidden += [str(PROJECT / name) for name in ("source", "release", "tests", "pyproject.toml")]
    # Through the other processes' eyes, in case there are any.
    hidden += [f"/proc/{pid}/root{tmp_path}" for pid in (os.getpid(), os.getppid())]
    found = run(
        kernel, "import os\nresult = [p for p in hidden if os.path.lexists(p)]", hidden=hidden
    )
    assert found == []


def test_sees_in_home_folders_only_the_way_to_the_interpreter(kernel: Kernel) -> None:
    seen = run(
        kernel,
        """
import os
result = []
for top in ("/root", "/home", os.path.dirname(prefix)):
    for folder, folders, files in os.walk(top):
        if folder in mounts:
            folders.clear()
        else:
            result += [os.path.join(folder, name) for name in files]
""",
        prefix=sys.prefix,
        mounts=[*bwrap.visible(), bwrap.HOME],
    )
    assert [path for path in seen if path not in bwrap.visible()] == []


def test_reads_what_the_grader_gave(kernel: Kernel) -> None:
    assert run(kernel, "result = open('digits.csv').read()") == "1,2,3\n"


def test_finds_of_autograder_only_what_runs_inside(kernel: Kernel) -> None:
    found, inside, text, course = run(
        kernel,
        """
import autograder, importlib.util, os
def names(*parts):
    return sorted(n for n in os.listdir(os.path.join(*parts)) if n != "__pycache__")
folder = autograder.__path__[0]
result = [names(folder), names(folder, "inside"),
          open(autograder.__file__).read(), bool(importlib.util.find_spec("course_utils"))]
""",
    )
    assert found == ["__init__.py", "inside"]
    assert {"probe.py", "wire.py", "start.py"} <= set(inside)
    assert text == ""
    assert course


def test_an_installed_autograder_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "lib" / "site-packages"
    (site / "autograder").mkdir(parents=True)
    (site / "autograder" / "references.py").write_text("the solution")
    (site / "honest").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    command = bwrap.bwrap_command(
        bwrap.find_bwrap(),
        ["/bin/ls", str(site / "autograder"), str(site / "honest"), "-d", str(site / "honest")],
        limits=Limits(),
        mounts=bwrap.visible(),
    )
    listing = [*command[: command.index("--")], "--", "/usr/bin/find", str(site), "-type", "f"]
    shown = subprocess.run(listing, capture_output=True, text=True, check=True, env={})
    assert shown.stdout == ""
    assert subprocess.run(command, capture_output=True, env={}).returncode == 0


def test_sees_no_environment_of_the_grader(kernel: Kernel) -> None:
    seen = run(
        kernel,
        """
import glob, os
result = [dict(os.environ)]
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        result.append(open(path).read())
    except OSError:
        pass
""",
    )
    assert SECRET not in json.dumps(seen)
    assert "JPY_PARENT_PID" not in seen[0]
    assert seen[0]["NBGRADER_EXECUTION"] == "autograde"  # the control: it has one of its own


def test_memory_that_was_let_go_is_at_hand_again(kernel: Kernel) -> None:
    faults = run(
        kernel,
        """
import resource
result = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [bytearray(20 * 2**20) for _ in range(3)]  # 15,360 pages: as a network's predictions
    del held
    result.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
""",
    )
    assert max(faults[1:]) < 1000, faults


def test_reaches_no_network(kernel: Kernel) -> None:
    name = f"\0autograder-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(name)
        unix.listen()
        socket.create_connection(tcp.getsockname()).close()  # the control: it does listen
        outcome = run(
            kernel,
            """
import socket
def attempt(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
attempts = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("8.8.8.8", 53)),
            (socket.AF_INET6, ("2001:4860:4860::8888", 53)), (socket.AF_UNIX, name),
            (getattr(socket, "AF_VSOCK", 40), (2, 1024))]
result = []
for family, address in attempts:
    try:
        attempt(family, address)
        result.append("connected")
    except OSError as error:
        result.append(type(error).__name__)
try:
    result.append(socket.gethostbyname("example.org"))
except OSError as error:
    result.append(type(error).__name__)
with socket.create_server(("127.0.0.1", 0)) as own:
    socket.create_connection(own.getsockname()).close()
""",
            port=tcp.getsockname()[1],
            name=name,
        )
    refused = "ConnectionRefusedError"
    assert outcome == [refused, "OSError", "OSError", refused, "OSError", "gaierror"]


def test_writes_only_in_its_folders(kernel: Kernel) -> None:
    writable = run(
        kernel,
        """
import os
result = []
points = [line.split()[4] for line in open("/proc/self/mountinfo")]
for folder in {*points, "/", "/home", "/opt", "/etc", "/opt/grading/autograder", "/proc/self"}:
    try:
        with open(os.path.join(folder, "planted"), "w") as file:
            file.write("x")
        result.append(folder)
    except OSError:
        pass
result.sort()
""",
    )
    assert writable == ["/dev/shm", "/home/student", "/tmp"]


def test_changes_no_setting_of_linux(kernel: Kernel) -> None:
    opened = run(
        kernel,
        """
import os
result = []
for top in ("/proc/sys", "/proc/sysrq-trigger", "/proc/1", "/proc/self"):
    for folder, _, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names):
            if not os.path.islink(path):
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                    result.append(path)
                except OSError:
                    pass
""",
    )
    assert opened == []


def test_changes_no_permission_of_the_machine(kernel: Kernel) -> None:
    before = stat.S_IMODE(os.stat("/dev/null").st_mode)
    try:
        written = run(
            kernel,
            """
import os
for path in ("/dev/null", "/usr/bin/env", "/opt/grading"):
    try:
        os.chmod(path, 0o600)
    except OSError:
        pass
result = open("/dev/null", "w").write("honest output goes there")
""",
        )
        assert stat.S_IMODE(os.stat("/dev/null").st_mode) == before
        assert written == 24
    finally:
        if stat.S_IMODE(os.stat("/dev/null").st_mode) != before:
            os.chmod("/dev/null", before)


def test_gains_no_privilege(kernel: Kernel) -> None:
    outcome = run(
        kernel,
        """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
MS_REMOUNT, MS_BIND, CLONE_NEWUSER, CLONE_NEWNS = 32, 4096, 0x10000000, 0x20000
ALL_CORES = b"\\xff" * 128
attempts = {
    "remount /": lambda: libc.mount(b"none", b"/", None, MS_REMOUNT | MS_BIND, None),
    "mount tmpfs": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "umount": lambda: libc.umount2(b"/dev/shm", 2),
    "unshare user": lambda: libc.unshare(CLONE_NEWUSER),
    "unshare mount": lambda: libc.unshare(CLONE_NEWNS),
    "setuid": lambda: libc.setuid(0),
    "chroot": lambda: libc.chroot(b"/tmp"),
    "ptrace": lambda: libc.ptrace(16, 1, 0, 0),
    "memfd": lambda: libc.memfd_create(b"x", 0),
    "shmget": lambda: libc.shmget(0, 1 << 20, 0o1600),
    "take all cores": lambda: libc.sched_setaffinity(0, len(ALL_CORES), ALL_CORES),
}
result = [name for name, attempt in attempts.items() if attempt() != -1]
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
result += [status["CapEff"].strip(), status["CapBnd"].strip(), status["NoNewPrivs"].strip()]
""",
    )
    assert outcome == ["0" * 16, "0" * 16, "1"]


def test_sees_and_signals_only_its_own_processes(kernel: Kernel) -> None:
    pids, signalled = run(
        kernel,
        """
import os
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
signalled = []
for pid in outside:
    if pid not in pids:
        try:
            os.kill(pid, 0)
            signalled.append(pid)
        except ProcessLookupError:
            pass
result = [pids, signalled]
""",
        outside=[os.getpid(), os.getppid(), *alive(kernel.namespace)],
    )
    assert pids == [1, 2]
    assert signalled == []


def test_a_file_named_like_a_library_does_not_shadow_it(kernel: Kernel) -> None:
    found = run(
        kernel,
        """
import importlib.util, json
result = [json.__file__, importlib.util.find_spec("torch").origin,
          importlib.util.find_spec("IPython").origin]
""",
    )
    assert all(path.startswith((sys.prefix, sys.base_prefix)) for path in found)
    # The control: its own modules are found.
    assert run(kernel, "import my_module\nresult = my_module.answer") == 42


def test_a_subprocess_of_the_hand_in_does_not_shadow_either(kernel: Kernel) -> None:
    found = run(
        kernel,
        """
import subprocess, sys
result = subprocess.run([sys.executable, "-c", "import json; print(json.__file__)"],
                        capture_output=True, text=True).stdout
""",
    )
    assert found.startswith(sys.base_prefix)


def test_two_hand_ins_do_not_meet(kernel: Kernel, fork: bool) -> None:
    with open_kernel(fork=fork) as other:
        leave = """
import os, pathlib, socket
for folder in ("/tmp", "/dev/shm", "/home/student"):
    pathlib.Path(folder, "message").write_text("the answer is 42")
meeting = socket.socket(socket.AF_UNIX)
meeting.bind("\\0meeting")
meeting.listen()
"""
        find = """
import os, socket
result = [f for f in ("/tmp", "/dev/shm", "/home/student") if os.path.exists(f + "/message")]
with socket.socket(socket.AF_UNIX) as s:
    if s.connect_ex("\\0meeting") == 0:
        result.append("socket")
"""
        run(kernel, leave)
        assert run(other, find) == []
        assert run(kernel, find + "\nmeeting.close()") != []  # the control
        assert other.namespace != kernel.namespace


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/etc/passwd", "a//b", "a/../b", "a/.b", ".ssh", "new\nline"]
)
def test_a_file_with_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"), open_kernel(files={name: b""}):
        pass


@pytest.mark.parametrize("fork", [True, False])
def test_files_lie_in_their_folders(fork: bool) -> None:
    files = {"net/deep/model.py": b"width = 3", "a\u200cb.csv": b"1"}
    with open_kernel(files=files, fork=fork) as kernel:
        asked = "from net.deep.model import width; result = [width, open('a\u200cb.csv').read()]"
        assert run(kernel, asked) == [3, "1"]


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "data.csv"
    link.symlink_to("/etc/shadow")
    with pytest.raises(ValueError, match="regular file"), open_kernel(files={"data.csv": link}):
        pass


def test_no_other_process_reaches_the_kernel(kernel: Kernel) -> None:
    address = "\0" + kernel.manager.ip[1:] + "-1"
    code = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "s.settimeout(5)\n"
        "s.connect(sys.argv[1].replace('@', chr(0)))\n"
        "print(len(s.recv(10)))\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, "@" + address[1:]], capture_output=True, text=True
    )
    assert other.stdout == "0\n" or "ConnectionResetError" in other.stderr
    with socket.socket(socket.AF_UNIX) as own:  # the control: the kernel's greeting
        own.settimeout(5)
        own.connect(address)
        assert own.recv(1) == b"\xff"


def test_a_long_tmpdir_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    relay = Relay(1000, 1000, lambda: None)
    relay.release_kernel_sockets()
    relay.close()
    assert list(folder.iterdir()) == []


def test_serves_a_stock_kernel_manager(tmp_path: Path) -> None:
    manager = KernelManager(connection_file=str(tmp_path / "kernel.json"))
    manager._kernel_spec = KernelSpec(argv=["no-such-program"], language="python")
    manager.provisioner = SandboxProvisioner(kernel_spec=manager._kernel_spec, parent=manager)
    manager.start_kernel(cwd="/nowhere", env={"GRADER_TOKEN": SECRET})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        code = "import os\nresult = 'GRADER_TOKEN' in os.environ"
        assert result_of(client, code) is False
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert list(tmp_path.iterdir()) == []


def test_this_machine_can_run_the_sandbox(fork: bool) -> None:
    check(fork=fork)


def test_without_bubblewrap_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwrap, "_candidates", list)
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap"):
        bwrap.find_bwrap.__wrapped__()


def test_a_broken_bubblewrap_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwrap, "_candidates", lambda: [Path("/bin/false"), Path("/no/bwrap")])
    with pytest.raises(SandboxUnavailable, match=r"(?s)/bin/false: exit code 1.*/no/bwrap: "):
        bwrap.find_bwrap.__wrapped__()


def test_the_filter_of_system_calls_is_refused_for_an_unknown_machine() -> None:
    assert len(seccomp_filter(as_root=False, machine="aarch64")) % 8 == 0
    with pytest.raises(ValueError, match="got 'vax'"):
        seccomp_filter(as_root=False, machine="vax")
