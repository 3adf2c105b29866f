"""Looks whether this machine and this course can grade, and says how to mend what is missing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from autograder import GraderFault, sandbox
from autograder.batch.worker_needs import worker_needs
from autograder.course import secret
from autograder.course.course import course_config, forks_kernels, hand_in_limits, open_course
from autograder.course.gradebook_file import require_usable_gradebook
from autograder.sandbox import Finding, host_system
from autograder.sandbox.control_group import own_control_groups

MIN_DISK_BYTES = 2 * 2**30  # a graded class of 500, with its pictures
PATIENCE_S = 5.0  # with a gradebook that another command is writing to, seconds
PACKAGES = {  # name -> least version, as autograder/pyproject.toml asks for
    "torch": (2, 9),
    "nbgrader": (0, 9, 5),
    "nbconvert": (7,),
    "ipykernel": (6,),
}


def examine(course_root: Path) -> Iterator[Finding]:
    """Yield what is found, one thing after another."""
    yield python()
    yield from packages()
    found = sandboxed(course_root)
    yield found
    if found.good:
        yield imported()
    if hasattr(os, "geteuid"):  # Windows has no root, and grades nothing
        yield user(os.geteuid())
    yield memory(course_root)
    yield from provided(course_root)
    yield disk(course_root)
    yield digits()
    yield configuration(course_root)
    yield tools()
    yield writable(course_root)
    yield database(course_root / "gradebook.db")
    yield assignments(course_root)
    yield kept_secret(course_root / secret.FILE)


def python() -> Finding:
    """Return whether Python is recent enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, found, "" if good else "install Python 3.11 or later")


def packages() -> Iterator[Finding]:
    """Yield of each package that grading rests on whether it is there and recent enough."""
    for name, least in PACKAGES.items():
        if name == "torch" and not host_system.runs_hand_ins():
            continue  # only grading asks for more than `course_utils` does
        wanted = ".".join(map(str, least))
        mend = f"pip install '{name}>={wanted}'"
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding(name, False, "not installed", mend)
            continue
        numbers = tuple(int(part) for part in found.split("+")[0].split(".")[:3] if part.isdigit())
        good = numbers >= least
        yield Finding(name, good, found, "" if good else mend)


def sandboxed(course_root: Path) -> Finding:
    """Return whether a hand-in can be locked up here, in the way that the course asks for."""
    try:
        fork = forks_kernels(course_config(course_root))
    except GraderFault:
        fork = True
    try:
        sandbox.check(fork=fork)
    except sandbox.SandboxUnavailable as error:
        return Finding("sandbox", False, "hand-ins cannot be locked up", str(error))
    how = "kernels are forked" if fork else "each kernel starts anew"
    return Finding("sandbox", True, f"{sandbox.find_bwrap()}; {how}")


def imported() -> Finding:
    """Return whether all that kernels import at their start can be imported, in a sandbox."""
    failing = sandbox.failing_imports()
    if not failing:
        return Finding("imports", True, "kernels can import PyTorch and the rest")
    says = "; ".join(f"{name} cannot be imported: {why}" for name, why in failing.items())
    return Finding("imports", False, says, sandbox.REINSTALL)


def user(user_id: int) -> Finding:
    """Return whether grading runs as an ordinary user."""
    if user_id:
        return Finding("user", True, "an ordinary user")
    return Finding("user", None, "root", "grade as an ordinary user: see the security page")


def memory(course_root: Path) -> Finding:
    """Return whether there is memory for what one hand-in may take."""
    limit = _limits(course_root).memory_bytes
    free = min(psutil.virtual_memory().available, own_control_groups().free_memory_bytes())
    says = f"{free / 2**30:.1f} GiB free, one hand-in may take {limit / 2**30:.1f}"
    mend = "end other programs, or lower c.Judge.memory_bytes in nbgrader_config.py"
    return Finding("memory", True, says) if free >= limit else Finding("memory", None, says, mend)


def provided(course_root: Path) -> Iterator[Finding]:
    """Yield whether this machine gives a hand-in all that it is promised, and workers theirs."""
    if host_system.runs_hand_ins():
        yield from sandbox.provisions(_limits(course_root))
        yield from worker_needs()


def _limits(course_root: Path) -> sandbox.Limits:
    try:
        return hand_in_limits(course_config(course_root))
    except GraderFault:  # which another look tells of
        return sandbox.Limits()


def disk(course_root: Path) -> Finding:
    """Return whether there is room for graded notebooks and feedback."""
    free = shutil.disk_usage(course_root).free
    says = f"{free / 2**30:.1f} GiB free in the course's folder"
    if free >= MIN_DISK_BYTES:
        return Finding("disk", True, says)
    return Finding("disk", False, says, f"make room: {MIN_DISK_BYTES / 2**30:.0f} GiB or more")


def digits() -> Finding:
    """Return whether the digits that grading uses are there."""
    try:
        from course_utils.data import load_digits_subset  # here: it needs torch

        split = load_digits_subset()
    except (ImportError, OSError, RuntimeError) as error:
        mend = "pip install --force-reinstall --no-deps . in the checkout"
        return Finding("digits", False, str(error), mend)
    count = len(split.train_labels) + len(split.test_labels)
    return Finding("digits", True, f"{count:,} of MNIST's, in course_utils")


def configuration(course_root: Path) -> Finding:
    """Return whether `nbgrader_config.py` is here and grades outside the student's process."""
    try:
        config = course_config(course_root)
    except GraderFault as error:
        return Finding("configuration", False, "nbgrader_config.py cannot be read", str(error))
    steps = [str(step) for step in config.Autograde.get("autograde_preprocessors", [])]
    if "autograder.nbgrader_step.Judge" in steps:
        return Finding("configuration", True, "nbgrader_config.py forms verdicts outside")
    return Finding(
        "configuration",
        False,
        "nbgrader would believe what the student's process says",
        "put autograder.nbgrader_step.Judge into c.Autograde.autograde_preprocessors, as the "
        "nbgrader_config.py of this package does",
    )


def tools() -> Finding:
    """Return whether nbgrader finds `alembic`, with which it makes its database."""
    beside = shutil.which("alembic", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("alembic")
    mend = "" if found else "pip install alembic"
    return Finding("alembic", bool(found), found or "not found", mend)


def writable(course_root: Path) -> Finding:
    """Return whether results can be written into the course."""
    if os.access(course_root, os.W_OK):
        return Finding("course", True, "its folder can be written to")
    return Finding("course", False, "its folder cannot be written to", "grade in a copy of it")


def assignments(course_root: Path) -> Finding:
    """Return which assignments there are to be graded."""
    try:
        course = open_course(course_root)
    except GraderFault as error:
        return Finding("assignments", False, "no course", str(error))
    known = course.assignments()
    released = [name for name in known if any(course.folder("release", name).glob("*.ipynb"))]
    lacking = [name for name in known if name not in released]
    if lacking:
        mend = "; ".join(f"nbgrader generate_assignment {name} --force" for name in lacking)
        return Finding("assignments", None, f"without a release: {', '.join(lacking)}", mend)
    if not released:
        mend = "write source/<assignment>/<assignment>.ipynb, or go to the course's folder"
        return Finding("assignments", None, "none", mend)
    return Finding("assignments", True, f"released: {', '.join(released)}")


def database(path: Path) -> Finding:
    """Return whether the gradebook can be read and written."""
    if not path.exists():
        return Finding("gradebook", True, "none yet: it is made when grading begins")
    try:
        require_usable_gradebook(f"sqlite:///{path}")
    except GraderFault as error:
        says, _, mend = str(error).partition(": ")
        return Finding("gradebook", False, says, mend)
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        mend = "end other commands that use it; if it is damaged, restore your last copy"
        return Finding("gradebook", False, str(error), mend)
    if verdict != "ok":
        return Finding("gradebook", False, f"damaged: {verdict}", "restore your last copy of it")
    return Finding("gradebook", True, f"{path.stat().st_size / 1e6:.1f} MB, sound")


def kept_secret(path: Path) -> Finding:
    """Return whether the course's secret is there, and readable by its owner alone."""
    if os.environ.get(secret.VARIABLE):
        return Finding("secret", True, f"from {secret.VARIABLE}")
    if not path.exists():
        return Finding("secret", True, "none yet: it is made when grading begins")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077 and hasattr(os, "geteuid"):  # on Windows a file's mode says nothing of others
        return Finding("secret", False, f"others may read {path}", f"chmod 600 {path}")
    return Finding("secret", True, "readable by you alone")
