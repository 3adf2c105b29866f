"""A process that has imported what notebooks import, and forks a kernel of each hand-in.

Usage: python -P -m autograder.inside.fork_server CONTROL_SOCKET MODULE...

For each hand-in the grader sends one end of a fresh connection over the control socket. What comes
over that connection (the kernel's key, its sockets, the hand-in's files) is read by the forked
process: nothing of one hand-in is ever in the memory that the next one inherits. Of a hand-in there
are three processes:

    server              in bubblewrap's namespaces; runs nothing of a hand-in
    └─ keeper           waits, tells the grader what the hand-in used; ends it with the grader
       └─ first process PID 1 of the hand-in's own namespaces: prepares them, then reaps
          └─ kernel     PID 2, the only one that runs code of the hand-in
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import random
import resource
import select
import shutil
import signal
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn

from autograder.inside import namespaces, start, warm

MESSAGE_BYTES = 64 * 1024
_MAX_DESCRIPTORS = 16


def main(control_fd: int, modules: list[str]) -> None:
    """Serve until the grader is gone; in a forked process: runs the kernel to its end."""
    # ipykernel sets this too, but only when matplotlib has been imported already.
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    gc.disable()  # nothing imported is garbage, and looking takes a fourth of the time
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            sys.exit(f"{module} cannot be imported: {type(error).__name__}: {error}")
    warm.warm_up(modules)
    namespaces.set_memory_readable(False)
    gc.collect()
    gc.freeze()  # else the first collection of a forked process would copy all of the memory
    gc.enable()
    with closing(socket.socket(fileno=control_fd)) as control:
        channel = next_hand_in(control)
    request, sockets = become_kernel(channel)
    check_memory(request["resource_limits"].get("DATA", resource.RLIM_INFINITY))
    start.lower_limits(request["resource_limits"])
    reseed()
    ports = dict(zip(request["ports"], sockets, strict=True))
    start.run_kernel(request["connection"] | ports)


def next_hand_in(control: socket.socket) -> socket.socket:
    """Return the connection to the grader, in a process that was forked for one hand-in.

    Raises:
        SystemExit: there will be no more hand-ins.
        RuntimeError: an imported module has started a thread, which a fork would lose.
    """
    while True:
        message, descriptors = receive(control)
        if not message:
            sys.exit()
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:
            raise RuntimeError(f"expected one thread before a fork, got {threads}")
        if os.fork() == 0:
            return socket.socket(fileno=descriptors[0])
        os.close(descriptors[0])
        while _reap_a_keeper():
            pass


def become_kernel(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the grader's request and the kernel's sockets, in the process that runs the kernel.

    It is then locked up; of the grader it holds what it returns and nothing else.
    """
    namespaces.leave_namespaces()
    first = os.fork()
    if first:
        keep(first, channel)
    channel.send(b"first")  # the message carries this process's id
    message, (errors, *sockets) = receive(channel)
    request = json.loads(message)
    os.dup2(errors, 2)
    os.close(errors)
    namespaces.mount_own_folders(request["sizes"], request["kept"])
    for _ in range(request["files"]):
        write_file(channel)
    namespaces.start_loopback()
    os.setsid()
    os.chdir(start.HOME)
    namespaces.drop_privileges()
    channel.send(b"ready")
    channel.close()
    kernel = os.fork()
    if kernel:
        reap(kernel)
    namespaces.set_memory_readable(True)  # its own, as any process's is
    close_all_but({0, 1, 2, *sockets})
    return request, sockets


def keep(first: int, channel: socket.socket) -> NoReturn:
    """Wait for the first process, tell what all used and how the kernel ended, and end.

    When the grader that it belongs to is gone, it kills it: this server may have other graders.
    """
    first_fd = os.pidfd_open(first)
    namespaces.drop_privileges()
    close_all_but({channel.fileno(), first_fd})
    either = select.poll()
    either.register(first_fd, select.POLLIN)
    either.register(channel, 0)  # that it is closed: what comes is for the first process
    if first_fd not in dict(either.poll()):
        os.kill(first, signal.SIGKILL)
    _, status, spent = os.wait4(first, 0)
    code = os.waitstatus_to_exitcode(status)
    told = {
        "cpu_s": spent.ru_utime + spent.ru_stime,
        # Only from outside can the first process of a namespace be killed.
        "exit_code": None if code < 0 else code,
    }
    with suppress(BrokenPipeError):
        channel.send(json.dumps(told).encode())
    os._exit(0)


def reap(kernel: int) -> NoReturn:
    """Wait for orphans until the kernel ends, and end with its exit code: then all are killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which Python would handle, even from inside
    close_all_but(set())
    while True:
        pid, status = os.wait()
        if pid == kernel:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def write_file(channel: socket.socket) -> None:
    """Write one file of the grader's: its path is the message, its content a descriptor."""
    path, (descriptor,) = receive(channel)
    target = Path(os.fsdecode(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(descriptor, "rb") as source, target.open("xb") as file:
        shutil.copyfileobj(source, file)


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """Return a message and the descriptors that came with it; b"" when the other end is closed."""
    size = socket.CMSG_LEN(_MAX_DESCRIPTORS * 4)
    # Not inheritable by the programs that a hand-in may start.
    flags = socket.MSG_CMSG_CLOEXEC
    message, extra, _, _ = connection.recvmsg(MESSAGE_BYTES, size, flags)
    descriptors = array.array("i")
    for _, kind, data in extra:
        if kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data)
    return message, list(descriptors)


def close_all_but(kept: set[int]) -> None:
    """Close every descriptor of this process that is not in `kept`."""
    end = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    low = 0
    for descriptor in (*sorted(kept), end):
        if low < descriptor:  # Python 3.11 takes an empty range for an endless one
            os.closerange(low, descriptor)
        low = descriptor + 1


def check_memory(limit_bytes: int) -> None:
    """Check that a limit leaves this process memory: else it cannot even complain.

    Raises:
        MemoryError: it does not.
    """
    has_bytes = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData:")
    )
    if limit_bytes != resource.RLIM_INFINITY and has_bytes > limit_bytes:
        raise MemoryError(
            f"expected a limit of memory above the {has_bytes} bytes that the imported modules "
            f"have, got {limit_bytes}"
        )


def reseed() -> None:
    """Give this process random streams of its own: it has inherited the server's."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _reap_a_keeper() -> bool:
    """Return whether a process that a former hand-in left was cleared away."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
