"""Runs commands as a Mac or Windows would, as far as Linux can pretend to be one.

    echo '[["nbgrader", "generate_assignment", "cnns"]]' | python tests/commands/elsewhere.py win32

Our own modules, and they alone, lose what only Linux (or only Unix) has: modules, and names in
`os`, `signal`, `socket` and `select`. The libraries are imported before: they have a part of their
own for each system. A text file that is opened without an encoding is an error, and so is it to
remove or replace a file that is open, on Windows.
"""

from __future__ import annotations

import asyncio
import builtins
import importlib
import io
import json
import multiprocessing
import os
import platform
import shutil
import sys
import tempfile
import traceback
import types
import warnings
from collections.abc import Callable
from multiprocessing import popen_spawn_posix
from typing import Any

OURS = ("autograder", "course_utils")
LIBRARIES = (
    "distributed",
    "matplotlib.pyplot",
    "nbclient",
    "nbconvert",
    "nbgrader.apps",
    "nbgrader.plugins",
    "psutil",
    "rich.console",
    "rich.progress",
    "scipy.stats",
    "torch",
    "torchvision",
    "typer",
)
_LINUX = {  # a name in Python's libraries that only Linux has
    "os": "getxattr listxattr setxattr memfd_create pidfd_open sched_getaffinity sched_setaffinity "
    "setns unshare splice eventfd copy_file_range posix_fadvise O_PATH O_TMPFILE",
    "signal": "pidfd_send_signal sigtimedwait sigwaitinfo",
    "socket": "AF_NETLINK AF_PACKET AF_VSOCK SO_PEERCRED SOCK_CLOEXEC SOCK_NONBLOCK",
    "select": "epoll",
}
_UNIX = {  # the same for Windows
    "os": "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK chown chroot fchmod fchown fork "
    "forkpty getegid geteuid getgid getloadavg getpgid getuid killpg lchown mkfifo openpty "
    "posix_spawn pread pwrite sendfile set_blocking setsid statvfs sysconf ttyname uname wait3 "
    "wait4 waitid",
    "signal": "SIGALRM SIGCHLD SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIG_BLOCK SIG_SETMASK SIG_UNBLOCK "
    "alarm pthread_sigmask setitimer sigwait",
    "socket": "AF_UNIX socketpair SCM_RIGHTS",
    "select": "poll",
}
_UNIX_MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")
CONSOLE = "cp1252"
NAMES = {"darwin": "Darwin", "win32": "Windows"}


def pretend(system: str) -> None:
    """Make this process take itself for one of another system.

    Args:
        system: as `sys.platform` has it.
    """
    warnings.simplefilter("ignore", EncodingWarning)  # what libraries do is theirs to mend
    shutil.which = _as_linux(shutil.which)
    for name in LIBRARIES:
        importlib.import_module(name)
    windows = system == "win32"
    stripped = {
        name: _without(name, f"{names} {_UNIX[name]}" if windows else names)
        for name, names in _LINUX.items()
    }
    real = builtins.__import__

    def load(name: str, *rest: Any, **options: Any) -> types.ModuleType:
        importer = ((rest[0] if rest else options.get("globals")) or {}).get("__name__") or ""
        if importer.split(".")[0] not in OURS:
            return real(name, *rest, **options)
        if windows and name in _UNIX_MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return stripped.get(name) or real(name, *rest, **options)

    builtins.__import__ = load
    multiprocessing.set_start_method("spawn", force=True)
    popen_spawn_posix.Popen._launch = _as_linux(popen_spawn_posix.Popen._launch)
    asyncio.new_event_loop().close()  # asyncio settles for a system at the first one
    module = rf"({'|'.join(OURS)})(\.|$)"
    warnings.filterwarnings("error", category=EncodingWarning, module=module)
    if windows:
        sys.addaudithook(_refuse_to_touch_open_files)
    platform.system = lambda: NAMES[system]
    sys.platform = system


def _as_linux(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of Python's library, told where it really runs."""

    def told(*arguments: Any, **options: Any) -> Any:
        pretended, sys.platform = sys.platform, "linux"
        try:
            return function(*arguments, **options)
        finally:
            sys.platform = pretended

    return told


def _without(name: str, missing: str) -> types.ModuleType:
    """Return a module that is like another one, but lacks some names."""
    whole, part = importlib.import_module(name), types.ModuleType(name)
    lacking = set(missing.split())
    part.__dict__.update({key: v for key, v in vars(whole).items() if key not in lacking})
    return part


def _refuse_to_touch_open_files(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("os.remove", "os.rename", "os.rmdir"):
        return
    touched = arguments[:2] if event == "os.rename" else arguments[:1]
    paths = {os.path.abspath(os.fsdecode(path)) for path in touched if not isinstance(path, int)}
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue  # that of the listing itself
        if target in paths:
            raise PermissionError(13, "the file is used by another process", target)


def run(command: list[str]) -> tuple[int, str]:
    """Return the exit status of a command, and what it printed: in a process of its own.

    Args:
        command: "autograder" or "nbgrader" with its arguments; or "python", a program.
    """
    with tempfile.TemporaryFile() as printed:
        child = os.fork()
        if not child:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
            sys.stdout, sys.stderr = _console(1), _console(2)
            os._exit(_exit_status(command))
        _, status = os.waitpid(child, 0)
        printed.seek(0)
        return os.waitstatus_to_exitcode(status), printed.read().decode(CONSOLE)


def _console(descriptor: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(os.fdopen(descriptor, "wb", closefd=False), encoding=CONSOLE)


def _exit_status(command: list[str]) -> int:
    sys.argv = command
    try:
        if command[0] == "autograder":
            from autograder.__main__ import main

            main()
        elif command[0] == "nbgrader":
            from nbgrader.apps.nbgraderapp import main

            main()
        else:
            exec(command[1], {"__name__": "autograder.program"})
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
            return 1
        return leaving.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    pretend(sys.argv[1])
    json.dump([run(command) for command in json.load(sys.stdin)], sys.stdout)
