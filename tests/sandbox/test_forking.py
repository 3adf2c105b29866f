"""Kernels that are forked of one server: what two hand-ins share, and what they do not.

`test_sandbox.py`, `test_sandbox_limits.py` and the attack tests run with such kernels as well.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psutil import Process

from autograder import GraderFault
from autograder.inside.fork_server import next_hand_in
from autograder.judging._session import Session
from autograder.sandbox import (
    Kernel,
    Limits,
    SandboxError,
    SandboxKernelManager,
    SandboxUnavailable,
    alive,
    check,
    forking,
    open_kernel,
)
from autograder.sandbox.forking import close_fork_server, fork_server, kept_visible
from autograder.sandbox.limits import MIB
from tests.conftest import ROOT
from tests.sandbox.kernels import output, result_of, usage_at_death

Pair = tuple[Kernel, Kernel]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two hand-ins alive at the same time."""
    with open_kernel() as one, open_kernel() as other:
        yield one, other


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another server than that of the pair, which imports little."""
    monkeypatch.setattr(forking, "_server", None)
    monkeypatch.setattr(forking, "PRELOADED", ("ipykernel.kernelapp",))
    yield
    close_fork_server()


def server_pid() -> int:
    """Return the server's id: bubblewrap's first process is older, the keepers are younger.

    Linux begins again with small ids when it has given out the largest one.
    """
    return sorted(alive(fork_server().namespace), key=lambda pid: Process(pid).create_time())[1]


def run(kernel: Kernel, code: str, **values: Any) -> Any:
    return result_of(kernel.client, code, **values)


# What two hand-ins share


def test_two_hand_ins_come_of_one_server(pair: Pair) -> None:
    namespace = fork_server().namespace
    assert len(alive(namespace)) == 4  # bubblewrap's first, the server, a keeper for each hand-in
    with open_kernel():
        assert fork_server().namespace == namespace


def test_a_kernel_collects_its_garbage(pair: Pair) -> None:
    assert run(pair[0], "import gc\nresult = gc.isenabled()")


def test_each_has_namespaces_of_its_own(pair: Pair) -> None:
    code = """
import os
result = {name: os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")}
"""
    one, other = (run(kernel, code) for kernel in pair)
    server = server_pid()
    for name in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        outside = {os.readlink(f"/proc/{pid}/ns/{name}") for pid in (os.getpid(), server)}
        assert len({one[name], other[name]} | outside) == 4 - (len(outside) == 1), name


def test_it_has_the_cores_of_its_grader(pair: Pair) -> None:
    cores = os.sched_getaffinity(0)
    assert len(cores) > 1, "on one core there is nothing to tell"
    code = "import os\nresult = sorted(os.sched_getaffinity(0))"
    assert run(pair[0], code) == sorted(cores)
    os.sched_setaffinity(0, {max(cores)})
    try:
        with open_kernel() as kernel:
            assert run(kernel, code) == [max(cores)]
    finally:
        os.sched_setaffinity(0, cores)


def test_each_sees_and_signals_only_its_own_processes(pair: Pair) -> None:
    one, other = pair
    outside = [*alive(one.namespace), *alive(fork_server().namespace), os.getpid()]
    run(one, "import subprocess\nsleeper = subprocess.Popen(['sleep', '600'])")
    pids, signalled = run(
        other,
        """
import os
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
signalled = []
for pid in {*outside, *range(3, 400)}:
    try:
        os.kill(pid, 0)
        signalled.append(pid)
    except ProcessLookupError:
        pass
result = [pids, signalled]
""",
        outside=[pid for pid in outside if pid > 2],
    )
    assert pids == [1, 2]
    threads = run(other, "import os\nresult = [int(n) for n in os.listdir('/proc/self/task')]")
    assert set(signalled) <= set(threads)
    assert run(one, "sleeper.kill()\nresult = sleeper.wait()") == -signal.SIGKILL  # the control


def test_neither_sees_what_the_other_leaves(pair: Pair) -> None:
    leave = """
import os, pathlib, socket
for folder in ("/tmp", "/dev/shm", "/home/student"):
    pathlib.Path(folder, "message").write_text("the answer is 42")
terminal = os.openpty()
meeting = socket.create_server(("127.0.0.1", 4242))
"""
    find = """
import os, socket
result = [f for f in ("/tmp", "/dev/shm", "/home/student") if os.path.exists(f + "/message")]
result += os.listdir("/dev/pts")
with socket.socket() as s:
    if s.connect_ex(("127.0.0.1", 4242)) == 0:
        result.append("network")
result += [line.split()[7] for line in open("/proc/net/unix").readlines()[1:]
           if len(line.split()) > 7]
for kind in ("shm", "sem", "msg"):
    result += open(f"/proc/sysvipc/{kind}").readlines()[1:]
"""
    one, other = pair
    run(one, leave)
    assert run(other, find) == ["ptmx"]
    control = run(one, find + "\nmeeting.close()")
    assert {"/tmp", "/dev/shm", "/home/student", "0", "network"} <= set(control)


def test_neither_reads_the_first_process_or_what_the_server_had_open(pair: Pair) -> None:
    refused, kinds = run(
        pair[1],
        """
import os, socket, stat
refused = []
for name in ("mem", "environ", "maps", "root", "cwd", "exe"):
    try:
        path = "/proc/1/" + name
        open(path, "rb").read(1) if name in ("mem", "environ", "maps") else os.readlink(path)
    except OSError as error:
        refused.append(name)
kinds = set()
for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink("/proc/self/fd/" + name)
    except OSError:
        continue
    if target.startswith("socket:"):
        with socket.socket(fileno=os.dup(int(name))) as s:
            kinds.add(s.type.name)
    else:
        kinds.add(target.split("[")[0])
result = [refused, sorted(kinds)]
""",
    )
    assert refused == ["mem", "environ", "maps", "root", "cwd", "exe"]
    # Pipes and streams are ipykernel's own; the grader's connections are of another kind.
    own = {"SOCK_STREAM", "/dev/null", "pipe:", "anon_inode:", "/dev/urandom"}
    assert {kind for kind in kinds if not kind.startswith("/proc/")} <= own


def test_neither_has_a_privilege_left(pair: Pair) -> None:
    code = """
result = []
for pid in (1, 2):
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
    result.append([status[name].strip() for name in names])
result.append(open("/proc/sys/user/max_user_namespaces").read())
"""
    locked = ["0" * 16] * 5 + ["1", "2"]
    for kernel in pair:
        assert run(kernel, code) == [locked, locked, "0\n"]


# A needle that does not match the text which describes it.
SEARCH = """
import re
found = set()
pattern = re.compile(rb"[M]ARKED-([0-9a-f]{16})")
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in maps.readlines():
        span, permissions = line.split()[:2]
        begin, end = (int(part, 16) for part in span.split("-"))
        if not permissions.startswith("rw"):
            continue
        for start in range(begin, end, 2**24):
            memory.seek(start)
            block = memory.read(min(2**24 + 64, end - start))
            found |= {match.decode() for match in pattern.findall(block)}
result = sorted(found)
"""


def test_the_memory_of_one_holds_nothing_of_one_before() -> None:
    earlier, key, own = (secrets.token_hex(8) for _ in range(3))
    manager = SandboxKernelManager(files={"a.txt": f"MARKED-{earlier}".encode()})
    manager.session.key = f"MARKED-{key}".encode()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        first = Kernel(manager, client)
        assert run(first, f"text = open('a.txt').read()\n{SEARCH}") == sorted([earlier, key])
        with open_kernel(files={"b.txt": f"MARKED-{own}".encode()}) as second:
            assert run(second, f"text = open('b.txt').read()\n{SEARCH}") == [own]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    with open_kernel() as third:
        assert run(third, SEARCH) == []


def test_random_streams_differ(pair: Pair) -> None:
    code = """
import random, numpy, torch
result = [random.random(), float(numpy.random.rand()), float(torch.rand(1))]
"""
    one, other = (run(kernel, code) for kernel in pair)
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_what_is_mounted_in_a_writable_folder_stays_visible(
    own_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    mounts = {
        **forking.visible(),
        "/tmp/env/lib": str(tmp_path),
        "/tmp/env/lib/module.py": str(tmp_path / "module.py"),
        "/tmp/a-file": str(tmp_path / "module.py"),
    }
    own = set(kept_visible(mounts)) - set(kept_visible(forking.visible()))
    assert own == {"/tmp/env/lib", "/tmp/a-file"}
    monkeypatch.setattr(forking, "visible", lambda: mounts)
    code = """
result = [open("/tmp/env/lib/module.py").read(), open("/tmp/a-file").read()]
for path in ("/tmp/env/lib/module.py", "/tmp/env/lib/other", "/tmp/a-file", "/tmp/own"):
    try:
        open(path, "a").write("")
        result.append(path)
    except OSError:
        pass
"""
    with open_kernel() as kernel:
        assert run(kernel, code) == ["x = 1\n", "x = 1\n", "/tmp/own"]


# A forked kernel is like one that started anew


@pytest.fixture(scope="module")
def anew() -> Iterator[Kernel]:
    with open_kernel(fork=False) as kernel:
        yield kernel


@pytest.mark.parametrize(
    "code",
    [
        "import os\nresult = dict(os.environ)",
        "import sys\nresult = [sys.path, sys.flags.safe_path, sys.executable, sys.stdin is None]",
        "import os\nresult = [os.getcwd(), os.getuid(), os.getgid(), os.getsid(0), os.getpgid(0)]",
        "import os\nresult = os.umask(0o22)\nos.umask(result)",
        "import resource as r\n"
        "result = {n: r.getrlimit(getattr(r, n)) for n in dir(r) if n.startswith('RLIMIT_')}",
        "import signal as s\nresult = {str(n): str(s.getsignal(n)) for n in s.valid_signals()}",
        "import socket\nresult = [socket.gethostname(), socket.if_nameindex()]",
        "import os\nresult = [(f, os.statvfs(f).f_blocks, oct(os.stat(f).st_mode))"
        " for f in ('/tmp', '/dev/shm', '/home/student', '/dev/pts')]",
        "import tqdm.auto\nresult = str(tqdm.auto.tqdm)",
        "import comm, ipywidgets\nresult = sorted(comm.get_comm_manager().targets)",
        "import torch\nresult = [torch.get_num_threads(), torch.is_grad_enabled(),"
        " str(torch.get_default_dtype())]",
        "import matplotlib.pyplot as plt\nresult = {k: str(v) for k, v in plt.rcParams.items()}",
        "import gc, threading, logging, locale\nresult = [gc.isenabled(), gc.get_threshold(),"
        " threading.active_count(), logging.root.level, locale.getlocale()]",
        "import warnings\nresult = sorted(map(str, warnings.filters))",
    ],
)
def test_it_finds_what_a_fresh_kernel_finds(pair: Pair, anew: Kernel, code: str) -> None:
    # Importing PyTorch adds filters of warnings.
    imports = "import torch, torchvision, matplotlib.pyplot, torchinfo\n"
    assert run(pair[0], imports + code) == run(anew, imports + code)


def test_it_shows_figures_and_progress_as_a_fresh_kernel_does(pair: Pair, anew: Kernel) -> None:
    code = """
import matplotlib.pyplot as plt
from tqdm.auto import tqdm
plt.plot([1, 2, 3])
for _ in tqdm(range(3)): pass
"""

    def shown(kernel: Kernel) -> list[Any]:
        messages = []

        def keep(message: dict[str, Any]) -> None:
            content = message["content"]
            messages.append((message["msg_type"], content.get("data", {}).get("image/jpeg")))

        kernel.client.execute_interactive(code, output_hook=keep, allow_stdin=False, timeout=60)
        return [message for message in messages if message[0] in ("display_data", "error")]

    forked = shown(pair[0])
    assert forked == shown(anew)
    assert any(picture for _, picture in forked)


@pytest.mark.parametrize("kind", ["svg", "pdf", "retina"])
def test_a_notebook_may_choose_another_format_of_figures(pair: Pair, kind: str) -> None:
    client = pair[0].client
    kinds = {"svg": "image/svg+xml", "pdf": "application/pdf", "retina": "image/png"}
    formats = "%config InlineBackend.figure_formats = "
    code = f"{formats}['{kind}']\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    shown: list[dict[str, Any]] = []

    def keep(message: dict[str, Any]) -> None:
        assert message["msg_type"] != "error"
        if message["msg_type"] == "display_data":
            shown.append(message["content"]["data"])

    try:
        client.execute_interactive(code, output_hook=keep, allow_stdin=False, timeout=60)
    finally:
        output(client, f"{formats}['jpeg']")
    assert [kinds[kind] in data for data in shown] == [True]


def test_digits_are_read_before_and_figures_are_drawn_once() -> None:
    with open_kernel() as kernel:
        code = """
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from course_utils.data import load_digits_subset
warm = [load_digits_subset.cache_info().currsize]
drawn, draw = [], FigureCanvasAgg.draw
FigureCanvasAgg.draw = lambda self: drawn.append(self) or draw(self)
plt.plot([1, 2]);"""
        output(kernel.client, code)
        assert run(kernel, "result = [warm, len(drawn)]") == [[1], 1]


def test_it_trains(pair: Pair) -> None:
    losses = run(
        pair[0],
        """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
images, labels = torch.randn(256, 1, 16, 16), torch.randint(4, (256,))
model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
result = []
for _ in range(3):
    for batch, targets in DataLoader(TensorDataset(images, labels), 64, num_workers=2):
        loss = nn.functional.cross_entropy(model(batch), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    result.append(float(loss))
""",
    )
    assert losses[-1] < losses[0]


# What one does to the server and to the others


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(7)",
        "import ctypes; ctypes.string_at(0)",
        "import os, signal\nos.fork() or signal.pause()\nos.kill(-1, 15)\nos._exit(1)",
        "import os\nfor n in range(1, 65):\n"
        "    try: os.kill(1, n)\n"
        "    except (OSError, ValueError): pass\n"
        "os._exit(0)",
        "import os\nos.closerange(0, 1000)\nos._exit(1)",
    ],
)
def test_the_server_and_the_others_survive(pair: Pair, code: str) -> None:
    server = fork_server().namespace
    with open_kernel() as kernel:
        assert usage_at_death(kernel, code).cause == "exited"
    assert alive(kernel.namespace) == []
    assert fork_server().namespace == server
    for other in pair:
        assert run(other, "result = 6 * 7") == 42
    with open_kernel() as later:
        assert run(later, "result = 6 * 7") == 42


def test_a_full_disk_is_ones_own(pair: Pair) -> None:
    fill = """
import os
for folder in ("/tmp", "/dev/shm", "/home/student"):
    try:
        with open(folder + "/fill", "wb") as file:
            while True:
                file.write(bytes(2**20))
    except OSError:
        pass
result = [os.statvfs(f).f_bavail for f in ("/tmp", "/dev/shm", "/home/student")]
"""
    write = """
for folder in ("/tmp", "/dev/shm", "/home/student"):
    open(folder + "/small", "wb").write(bytes(2**20))
"""
    limits = Limits(disk_bytes=32 * MIB, scratch_bytes=16 * MIB)
    with open_kernel(limits) as kernel:
        assert run(kernel, fill) == [0, 0, 0]
        run(pair[0], write)
        with open_kernel() as later:
            run(later, write)


def test_a_killed_server_is_the_graders_fault_and_is_replaced(own_server: None) -> None:
    server = fork_server()
    with open_kernel() as kernel:
        session = Session(kernel, Limits())
        for pid in alive(server.namespace):
            with contextlib.suppress(ProcessLookupError):  # the first takes the others with it
                os.kill(pid, signal.SIGKILL)
        assert usage_at_death(kernel).cause == "machine"
        with pytest.raises(GraderFault, match="machine"):
            session.run_cell("1 + 1")
    assert alive(kernel.namespace) == []
    with open_kernel() as later:
        assert run(later, "result = 6 * 7") == 42
    assert fork_server() is not server


def test_a_server_that_does_not_answer_is_the_graders_fault_and_is_replaced(
    own_server: None,
) -> None:
    with open_kernel():
        server = fork_server()
    os.kill(server_pid(), signal.SIGSTOP)
    with (
        pytest.raises(SandboxError, match="does not answer"),
        open_kernel(Limits(startup_s=0.5)),
    ):
        pass
    assert alive(server.namespace) == []
    with open_kernel() as later:
        assert run(later, "result = 6 * 7") == 42


def test_a_server_that_cannot_import_says_why(
    own_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "PRELOADED", ("no_such_module",))
    with pytest.raises(SandboxUnavailable, match="No module named 'no_such_m"), open_kernel():
        pass


def test_with_more_than_one_thread_nothing_is_forked() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with ours, theirs:
            socket.send_fds(ours, [b"fork"], [ours.fileno()])
            with pytest.raises(RuntimeError, match="expected one thread before a fork, got"):
                next_hand_in(theirs)
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("killed", [True, False])
def test_the_server_ends_with_its_grader(killed: bool) -> None:
    code = """
import sys
from autograder.sandbox import open_kernel
from autograder.sandbox.forking import fork_server
with open_kernel() as kernel:
    print(fork_server().namespace, kernel.namespace, flush=True)
sys.stdin.read()
"""
    grader = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with grader:
        assert grader.stdout is not None
        namespaces = [int(number) for number in grader.stdout.readline().split()]
        assert len(alive(namespaces[0])) >= 2
        if killed:
            grader.kill()
    for namespace in namespaces:
        _wait_until_gone(namespace)


def test_a_copy_of_the_grader_has_a_server_of_its_own(own_server: None) -> None:
    server = fork_server()
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            code = int(fork_server() is server)
            close_fork_server()
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert server.running
    with open_kernel() as kernel:
        assert run(kernel, "result = 6 * 7") == 42


_SHARING = """
import os, sys, time
from autograder.sandbox import forking, open_kernel
forking.PRELOADED = ("ipykernel.kernelapp",)
forking.share_fork_server()
child = os.fork()
if child == 0:
    with open_kernel() as kernel:
        print(forking.fork_server().namespace, kernel.namespace, flush=True)
        time.sleep(600)
sys.stdin.readline()
os.kill(child, 9)
sys.stdin.readline()
with open_kernel() as kernel:
    print(forking.fork_server().namespace, kernel.namespace, flush=True)
"""


def test_of_a_shared_server_a_graders_kernels_end_with_it_and_others_go_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SHARING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as graders:
        assert graders.stdin is not None
        assert graders.stdout is not None
        server, kernel = (int(number) for number in graders.stdout.readline().split())
        assert alive(kernel)
        print("kill one", file=graders.stdin, flush=True)
        _wait_until_gone(kernel)
        print("another", file=graders.stdin, flush=True)
        assert int(graders.stdout.readline().split()[0]) == server
    _wait_until_gone(server)


_SILENT = """
import os, signal
from psutil import Process
from autograder.sandbox import Limits, SandboxError, alive, forking, open_kernel
forking.PRELOADED = ("ipykernel.kernelapp",)
forking.share_fork_server()
with open_kernel():
    shared = forking.fork_server()
server = sorted(alive(shared.namespace), key=lambda pid: Process(pid).create_time())[1]
os.kill(server, signal.SIGSTOP)
child = os.fork()
if child == 0:
    try:
        with open_kernel(Limits(startup_s=1.0)):
            print("it answered")
    except SandboxError as error:
        print(error)
    with open_kernel():
        print(forking.fork_server().namespace != shared.namespace, flush=True)
    forking.close_fork_server()
    os._exit(0)
os.waitpid(child, 0)
os.kill(server, signal.SIGCONT)
with open_kernel():
    print(forking.fork_server() is shared)
"""


def test_who_finds_a_shared_server_silent_starts_another_and_leaves_that_one_to_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SILENT],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    told = done.stdout.splitlines()
    assert "the fork server does not answer" in told[0], done
    assert told[-2:] == ["True", "True"], done


def _wait_until_gone(namespace: int) -> None:
    deadline = time.monotonic() + 30
    while alive(namespace):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_where_forking_does_not_work_the_check_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forking, "FORK_SERVER", "no_such_module")
    with pytest.raises(SandboxUnavailable, match=r"(?s)no_such_module.*fork_kernels = False"):
        check(fork=True)
    check(fork=False)
