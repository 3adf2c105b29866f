"""What a hand-in may do that breaks the grading of others: through a real kernel.

An honest kernel runs beside all attacks and must answer after each; of the attacker nothing may be
left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox import (
    Kernel,
    Limits,
    SandboxError,
    _launch,
    _measure,
    alive,
    open_kernel,
)
from autograder.sandbox._launch import Bwrap
from autograder.sandbox._measure import read_fields
from autograder.sandbox._relay import Meter, TooMuch
from autograder.sandbox.limits import MIB
from autograder.sandbox.process import SandboxProcess
from tests.conftest import ROOT
from tests.sandbox import kernels
from tests.sandbox.kernels import usage_at_death

SMALL = Limits(
    memory_bytes=400 * MIB,
    processes=60,
    file_bytes=16 * MIB,
    disk_bytes=32 * MIB,
    scratch_bytes=8 * MIB,
    files=2000,
    message_bytes=4 * MIB,
    traffic_bytes=16 * MIB,
)


# A process that has imported PyTorch has so much more, reserved or used: forked kernels begin so.
IMPORTED_BYTES = 1024 * MIB

Attacker = Callable[..., AbstractContextManager[Kernel]]


@pytest.fixture(scope="module", params=[True, False], ids=["forked", "anew"])
def fork(request: pytest.FixtureRequest) -> bool:
    """Both ways to start a kernel."""
    return bool(request.param)


@pytest.fixture(scope="module")
def small_limits(fork: bool) -> Limits:
    return replace(SMALL, memory_bytes=SMALL.memory_bytes + IMPORTED_BYTES) if fork else SMALL


@pytest.fixture(scope="module")
def honest(fork: bool) -> Iterator[Kernel]:
    with open_kernel(fork=fork) as kernel:
        yield kernel


@pytest.fixture(autouse=True)
def _the_honest_kernel_goes_on(honest: Kernel) -> Iterator[None]:
    yield
    assert output(honest, "print(6 * 7)") == "42\n"


@pytest.fixture
def attacker(fork: bool, small_limits: Limits) -> Attacker:
    @contextlib.contextmanager
    def open_attacker(**limits: Any) -> Iterator[Kernel]:
        with open_kernel(replace(small_limits, **limits), fork=fork) as kernel:
            yield kernel
        assert alive(kernel.namespace) == []

    return open_attacker


def output(kernel: Kernel, code: str) -> str:
    return kernels.output(kernel.client, code)


def machine_memory_bytes() -> int:
    """Return what processes hold, and Linux for them, on the whole machine.

    MemAvailable does not count what Linux has ready for the next process of each core, which after
    the end of many processes is a gigabyte.
    """
    held = ("AnonPages", "Shmem", "SUnreclaim", "PageTables", "KernelStack")
    fields = read_fields("/proc/meminfo")
    return sum(fields[name] for name in held)


def own_memory_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# Memory


def test_one_process_that_asks_for_too_much_gets_a_memory_error(attacker: Attacker) -> None:
    code = """
try:
    bytearray(20 * 2**30)
except MemoryError:
    print("refused")
print(len(bytearray(100 * 2**20)))
"""
    with attacker() as kernel:
        assert output(kernel, code) == f"refused\n{100 * MIB}\n"
        assert kernel.usage().cause is None


def test_a_memory_bomb_of_many_processes_is_killed(
    attacker: Attacker, honest: Kernel, small_limits: Limits, fork: bool
) -> None:
    code = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        block = b"x" * (100 * 2**20)
        time.sleep(60)
time.sleep(60)
"""
    before = machine_memory_bytes()
    with attacker() as kernel:
        usage = usage_at_death(kernel, code)
        assert usage.cause == "memory"
        # Not the 4 GB that it is after: two cores fill some 2 GB a second, and it is measured every
        # 0.1 s. What a forked kernel has inherited counts once more for each of its children.
        inherited = 40 * honest.usage().peak_memory_bytes if fork else 0
        assert usage.peak_memory_bytes < small_limits.memory_bytes + 2000 * MIB + inherited
    _wait_until(lambda: machine_memory_bytes() < before + 100 * MIB)


_MANY_SESSIONS = """
import os, time
ready, go = os.pipe()
for _ in range(40):
    if os.fork() == 0:
        os.setsid()  # Linux gives each session as much of a core as the grader's
        os.close(go)
        os.read(ready, 1)
        blocks = []
        while True:
            blocks.append(b"x" * (10 * 2**20))
os.close(go)
time.sleep(60)
"""


def test_a_memory_bomb_leaves_the_grader_the_time_to_measure_it(
    attacker: Attacker, small_limits: Limits
) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})  # as a worker is
    try:
        before = machine_memory_bytes()
        with attacker() as kernel:
            kernel.client.execute(_MANY_SESSIONS)
            held, deadline = 0, time.monotonic() + 60
            while kernel.usage().cause is None:
                assert time.monotonic() < deadline, "it lives"
                held = max(held, machine_memory_bytes() - before)
                time.sleep(0.02)
        assert kernel.usage().cause == "memory"
        # Between two looks one core fills a gigabyte and more.
        assert held < small_limits.memory_bytes + 3000 * MIB
    finally:
        os.sched_setaffinity(0, cores)


_SHARE_MEMORY = """
import os, time
block = b"x" * (150 * 2**20)
for _ in range(5):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
for _ in range(5):
    os.wait()
print("done")
"""


def test_what_does_not_stop_to_be_measured_is_killed(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_measure, "_MOVING", b"RST")  # the stopped count as moving
    monkeypatch.setattr(_measure, "_STOPPING_S", 0.5)
    with attacker() as kernel:
        assert usage_at_death(kernel, _SHARE_MEMORY).cause == "memory"


def test_memory_that_processes_share_counts(attacker: Attacker) -> None:
    code = """
import mmap
blocks = []
while True:
    block = mmap.mmap(-1, 20 * 2**20)
    for page in range(0, len(block), 4096):
        block[page] = 1
    blocks.append(block)
"""
    with attacker() as kernel:
        assert usage_at_death(kernel, code).cause == "memory"


def test_page_tables_count(attacker: Attacker) -> None:
    code = """
import mmap, os, time
GIB = 2**30
for _ in range(20):
    if os.fork() == 0:
        kept = []
        for _ in range(50):
            kept.append(mmap.mmap(-1, GIB, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
            for block in range(0, GIB, 2 * 2**20):  # each read takes a page, of a page table only
                kept[-1][block]
        time.sleep(60)
time.sleep(60)
"""
    with attacker(address_space_bytes=100 * 1024 * MIB) as kernel:
        assert usage_at_death(kernel, code).cause == "memory"


def test_forked_processes_that_share_their_memory_are_not_killed(
    attacker: Attacker, small_limits: Limits
) -> None:
    with attacker() as kernel:
        assert output(kernel, _SHARE_MEMORY) == "done\n"
        assert kernel.usage().peak_memory_bytes > small_limits.memory_bytes


def test_with_the_machine_short_of_memory_it_is_killed_by_no_fault_of_its_own() -> None:
    limits = Limits(reserve_bytes=10**15)
    process = SandboxProcess(_command("/bin/sleep", "60"), limits)
    _wait_until(lambda: not process.running)
    process.close()
    assert process.usage().cause == "machine"


# Processes


def refused_or_killed(kernel: Kernel) -> bool:
    """Whether the limit of processes held.

    Linux refuses the 61st process, except to root's sandboxes, which the watchdog kills; on a busy
    machine they take a while to die.
    """
    if kernel.usage().peak_processes <= SMALL.processes:
        return kernel.usage().cause in (None, "processes")
    return usage_at_death(kernel, "").cause == "processes"


def test_a_fork_bomb_is_stopped(attacker: Attacker) -> None:
    code = """
import os, time
end = time.monotonic() + 20
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            end -= 15
    except OSError:
        time.sleep(0.01)
"""
    with attacker() as kernel:
        kernel.client.execute(code)
        time.sleep(3)
        assert refused_or_killed(kernel)


def test_too_many_threads_are_stopped(attacker: Attacker) -> None:
    code = """
import threading, time
for _ in range(200):
    try:
        threading.Thread(target=time.sleep, args=(5,)).start()
    except RuntimeError:
        print("refused")
        break
time.sleep(2)
"""
    with attacker() as kernel:
        kernel.client.execute(code)
        time.sleep(2)
        assert refused_or_killed(kernel)


def test_a_daemon_does_not_outlive_the_kernel(attacker: Attacker) -> None:
    code = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(600)
    os._exit(0)
os.wait()
print("daemon started")
"""
    with attacker() as kernel:
        assert output(kernel, code) == "daemon started\n"
        assert len(alive(kernel.namespace)) == 3  # init, the kernel, the daemon
        # And it does not even survive a kernel that goes by itself.
        usage = usage_at_death(kernel, "import os; os._exit(7)")
        assert (usage.cause, usage.exit_code) == ("exited", 7)
        assert alive(kernel.namespace) == []


def test_kill_all_reaches_nothing_outside(attacker: Attacker) -> None:
    with attacker() as kernel:
        code = "import os; print(os.popen('sleep 60 &').close()); os.kill(-1, 15)"
        assert output(kernel, code) == "None\n"
        usage = usage_at_death(kernel, "import signal; signal.raise_signal(15)")
        assert (usage.cause, usage.exit_code) == ("exited", 128 + 15)


_KILL = """
import os, signal, subprocess
for process in (os.getpid(), 0, -1, -2):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(process, number)
            print("killed", process)
        except PermissionError:
            pass
print(subprocess.run("kill -9 $PPID; kill -STOP $PPID", shell=True, stderr=-3).returncode)
child = subprocess.Popen(["sleep", "60"]); child.kill(); print(child.wait())
"""


def test_nothing_kills_or_stops_the_kernel_it_runs_in_from_beside(attacker: Attacker) -> None:
    with attacker() as kernel:
        assert output(kernel, _KILL) == "1\n-9\n"
        assert output(kernel, "print(6 * 7)") == "42\n"


def test_a_cell_that_ignores_interrupts_is_killed(attacker: Attacker) -> None:
    code = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(60)
    except BaseException:
        pass
"""
    with attacker() as kernel:
        kernel.client.execute(code)
        time.sleep(0.5)
        kernel.manager.interrupt_kernel()
        time.sleep(0.5)
        assert kernel.usage().cause is None
        kernel.kill()
        assert kernel.usage().cause == "closed"
        assert alive(kernel.namespace) == []


def test_an_interrupt_ends_an_honest_cell_and_not_the_kernel(honest: Kernel) -> None:
    request = honest.client.execute("while True: pass", stop_on_error=False)
    time.sleep(0.5)
    honest.manager.interrupt_kernel()
    reply = honest.client._recv_reply(request, timeout=10)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert honest.usage().cause is None


# Disk


@pytest.mark.parametrize(
    ("folder", "size_bytes"),
    [
        ("/home/student", SMALL.disk_bytes),
        ("/tmp", SMALL.scratch_bytes),
        ("/dev/shm", SMALL.scratch_bytes),
    ],
)
def test_a_full_disk_is_an_error_of_the_cell(small: Kernel, folder: str, size_bytes: int) -> None:
    code = f"""
import errno, os
written = 0
try:
    for number in range(100):
        with open(f"{folder}/{{number}}", "wb") as file:
            written += file.write(bytes(2**20))
except OSError as error:
    assert error.errno == errno.ENOSPC
print(written)
for number in range(100):
    if os.path.exists(f"{folder}/{{number}}"):
        os.remove(f"{folder}/{{number}}")
"""
    assert 0 < int(output(small, code)) <= size_bytes


@pytest.fixture(scope="module")
def small(fork: bool, small_limits: Limits) -> Iterator[Kernel]:
    with open_kernel(small_limits, fork=fork) as kernel:
        yield kernel


def test_a_giant_file_is_an_error_of_the_cell(small: Kernel) -> None:
    code = """
import errno, os
for size in (2**20, 2**40):
    try:
        with open("giant", "wb") as file:
            file.seek(size)
            file.write(b"x")
            file.flush()
        print(os.path.getsize("giant"))
    except OSError as error:
        print(errno.errorcode[error.errno])
os.remove("giant")
"""
    assert output(small, code) == f"{MIB + 1}\nEFBIG\n"


def test_no_core_is_dumped(small: Kernel) -> None:
    code = """
import glob, os, signal
child = os.fork()
if child == 0:
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGABRT)
print(os.WCOREDUMP(os.waitpid(child, 0)[1]), glob.glob("core*"))
"""
    assert output(small, code) == "False []\n"


def test_open_files_are_limited(small: Kernel) -> None:
    code = """
files = []
try:
    while len(files) < 5000:
        files.append(open("/dev/null"))
except OSError:
    pass
count = len(files)
files.clear()
print(count)
"""
    assert 500 < int(output(small, code)) < SMALL.open_files


def test_too_many_files_are_stopped(attacker: Attacker) -> None:
    code = """
import time
for number in range(100000):
    open(f"/dev/shm/{number}", "w").close()
time.sleep(5)
"""
    with attacker() as kernel:
        usage = usage_at_death(kernel, code)
        assert usage.cause == "files"


# Sockets: what lies in them is memory of no process


_UNIX = "socket.socketpair()"
_TCP = "(client := socket.create_connection(server.getsockname()), server.accept()[0])"


@pytest.mark.parametrize("pair", [_UNIX, _TCP], ids=["unix", "tcp"])
def test_too_many_sockets_are_stopped(attacker: Attacker, pair: str) -> None:
    code = f"""
import socket, time
server = socket.create_server(("127.0.0.1", 0))
kept = []
for _ in range(200):
    kept.append({pair})
    for end in kept[-1]:
        end.setblocking(False)
        try:
            while True:
                end.send(bytes(65536))
        except BlockingIOError:
            pass
time.sleep(60)
"""
    before = machine_memory_bytes()
    with attacker() as kernel:
        assert usage_at_death(kernel, code).cause == "sockets"
    _wait_until(lambda: machine_memory_bytes() < before + 100 * MIB)


def test_data_loaders_and_pools_open_few_sockets(attacker: Attacker) -> None:
    code = """
import multiprocessing
from torch.utils.data import DataLoader
with multiprocessing.Pool(10) as pool:
    loader = DataLoader(range(100), num_workers=3)
    print(sum(pool.map(abs, range(10))), sum(int(batch) for batch in loader))
"""
    with attacker(sockets=32, processes=200, memory_bytes=4096 * MIB) as kernel:
        assert output(kernel, code) == "45 4950\n"


# Messages


def test_a_long_output_arrives(small: Kernel) -> None:
    assert len(output(small, "print('x' * 2_000_000)")) == 2_000_001


def test_a_giant_message_ends_the_kernel(attacker: Attacker, small_limits: Limits) -> None:
    before = own_memory_bytes()
    # Memory enough for the copies that a kernel makes of a message that does not get away.
    with attacker(memory_bytes=small_limits.memory_bytes + SMALL.memory_bytes) as kernel:
        usage = usage_at_death(kernel, "print('x' * 20_000_000)")
        assert usage.cause == "messages", usage
    assert own_memory_bytes() - before < 2 * SMALL.traffic_bytes


def test_a_flood_of_messages_ends_the_kernel(attacker: Attacker) -> None:
    code = """
import time
from IPython.display import display_html
while True:
    display_html("x" * 100_000, raw=True)
    time.sleep(0.005)  # or it dies of what piles up in it, while a busy machine's reader waits
"""
    with attacker() as kernel:
        usage = usage_at_death(kernel, code)
        assert usage.cause == "messages", usage
        assert usage.message_bytes < SMALL.traffic_bytes + 2 * MIB


def test_a_message_without_end_ends_the_kernel(attacker: Attacker) -> None:
    # A message of any number of frames, each small, written past the kernel's ZeroMQ: in the
    # reader's ZeroMQ it would grow until the last frame.
    code = """
import os, socket, stat
frame = bytes([3]) + (2**20).to_bytes(8) + bytes(2**20)
for name in os.listdir("/proc/self/fd"):
    try:
        if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
            continue
        end = socket.socket(fileno=os.dup(int(name)))
        if end.family != socket.AF_UNIX or end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            continue
        end.getpeername()
        end.settimeout(0.2)
        for _ in range(50):
            end.sendall(frame)
    except OSError:
        pass
"""
    before = own_memory_bytes()
    with attacker() as kernel:
        assert usage_at_death(kernel, code).cause == "messages"
    assert own_memory_bytes() - before < 2 * SMALL.traffic_bytes


def test_the_meter_follows_frames_however_they_are_cut() -> None:
    greeting = b"\xff" + bytes(8) + b"\x7f" + b"\x03" + bytes(53)
    small_frame, large_frame = b"\x01\x05hello", b"\x02" + (300).to_bytes(8) + bytes(300)
    stream = greeting + b"\x04\x05READY" + 10 * (small_frame + large_frame)
    for step in (1, 7, 64, len(stream)):
        meter = Meter(message_bytes=500)
        cost = sum(meter.feed(stream[i : i + step]) for i in range(0, len(stream), step))
        assert cost == len(stream) + 64 * 22  # the greeting, a command, twenty frames
    meter = Meter(message_bytes=400)
    with pytest.raises(TooMuch, match="a message of more"):
        meter.feed(stream)
    with pytest.raises(TooMuch, match="a frame of"):
        Meter(message_bytes=200).feed(stream)
    with pytest.raises(TooMuch, match="greeting"):
        Meter(message_bytes=500).feed(b"\x01\x00" + bytes(100))


def test_the_kernels_stderr_is_capped() -> None:
    process = SandboxProcess(_command("/bin/sh", "-c", "yes honest line >&2"), SMALL)
    time.sleep(1)
    process.close()
    assert process.usage().cause == "closed"
    assert 0 < len(process.usage().diagnostics) <= 16 * 1024


# The grader


def test_nothing_is_left_when_the_grader_is_killed(tmp_path: Path, fork: bool) -> None:
    code = """
import os, time
from autograder.sandbox import open_kernel
with open_kernel(fork=FORK) as kernel:
    kernel.client.execute("import os, time\\nos.fork() or os.setsid()\\ntime.sleep(600)")
    time.sleep(0.5)
    print(kernel.namespace, flush=True)
    time.sleep(600)
"""
    grader = subprocess.Popen(
        [sys.executable, "-c", code.replace("FORK", str(fork))],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)},
        cwd=ROOT,
    )
    with grader:
        assert grader.stdout is not None
        namespace = int(grader.stdout.readline())
        assert len(alive(namespace)) == 3
        os.kill(grader.pid, signal.SIGKILL)
        grader.wait()
    _wait_until(lambda: not alive(namespace))
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_outlives_the_thread_that_opened_it() -> None:
    # bubblewrap's --die-with-parent means the thread, not the process.
    opened: list[SandboxProcess] = []

    def start() -> None:
        opened.append(SandboxProcess(_command("/bin/sleep", "60"), SMALL))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    time.sleep(0.5)
    running = opened[0].running
    opened[0].close()
    assert running


def test_a_kernel_that_cannot_start_is_the_graders_fault_and_says_why(fork: bool) -> None:
    with (
        pytest.raises(SandboxError, match="Traceback"),
        open_kernel(Limits(memory_bytes=8 * MIB), fork=fork),
    ):
        pass


@pytest.mark.parametrize("ended", [False, True])
def test_bubblewraps_own_complaint_is_reported(
    ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hold_when_it_has_ended(first: int, stack: contextlib.ExitStack) -> int:
        _wait_until(lambda: not Path(f"/proc/{first}").exists())
        return hold(first, stack)

    hold = _launch.hold
    if ended:
        monkeypatch.setattr(_launch, "hold", hold_when_it_has_ended)
    complaint = _complaint(_command("/bin/true", mounts={"/opt/x": "/no/such/path"}))
    assert "/no/such/path" in complaint
    assert "it ended at once" in complaint or not ended


def _complaint(command: Bwrap) -> str:
    """Return what is told of a command that ends while it starts: before it is held, or after."""
    try:
        process = SandboxProcess(command, SMALL)
    except SandboxError as error:
        return str(error)
    _wait_until(lambda: not process.running)
    process.close()
    assert process.usage().cause == "exited"
    return process.usage().diagnostics


def test_usage_counts_processor_time_memory_and_disk(honest: Kernel, attacker: Attacker) -> None:
    with attacker() as kernel:
        output(
            kernel,
            """
import time
block = bytes(1) * (100 * 2**20)
open("file", "wb").write(bytes(10 * 2**20))
start = time.process_time()
while time.process_time() < start + 1:
    pass
""",
        )
    usage = kernel.usage()
    assert usage.cpu_s >= 1
    before_bytes = honest.usage().peak_memory_bytes
    assert 100 * MIB < usage.peak_memory_bytes < before_bytes + 150 * MIB
    assert usage.peak_memory_bytes > before_bytes + 50 * MIB
    assert 10 * MIB < usage.peak_disk_bytes < 12 * MIB


@pytest.mark.parametrize("name", ["memory_bytes", "startup_s", "traffic_bytes"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"the limit {name} to be positive"):
        Limits(**{name: 0})


def _command(*argv: str, mounts: Mapping[str, str] | None = None) -> Bwrap:
    system = {path: path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.exists(path)}
    return Bwrap(argv, limits=SMALL, mounts=system | dict(mounts or {}), files={})


def _wait_until(true: Any) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
