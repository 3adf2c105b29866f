"""Whether this machine can run the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys

from autograder.sandbox.bwrap import (
    SandboxUnavailable,
    attempt,
    bwrap_command,
    find_bwrap,
    namespace_hints,
    visible,
)
from autograder.sandbox.forking import PRELOADED, Fork, ForkServer
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import SandboxError, SandboxProcess

_IMPORTS_S = 180
_TRY = """
import importlib, json, sys
failing = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
print()
print(json.dumps(failing))
"""


def check(*, fork: bool = True) -> None:
    """Check that this machine can run the sandbox: start this very interpreter in one.

    Args:
        fork: whether kernels are to be forked: then one is.

    Raises:
        SandboxUnavailable: it cannot; the message says why and what to do.
    """
    argv = [sys.executable, "-c", "import ipykernel"]
    complaint = attempt(bwrap_command(find_bwrap(), argv, limits=Limits(), mounts=visible()))
    if complaint is not None:
        raise SandboxUnavailable(
            f"{sys.executable} does not run inside bubblewrap: {complaint}\n"
            "Are Python and its packages readable by this user, and ipykernel installed?"
        )
    if fork:
        _fork_one()


def _fork_one() -> None:
    try:
        server = ForkServer(modules=())  # it imports nothing: this takes a fraction of a second
        try:
            SandboxProcess(Fork(Limits(), {}, {}, {}, {}, server), limits=None).close()
        finally:
            server.close()
    except SandboxError as error:
        raise SandboxUnavailable(
            f"Kernels cannot be forked here, although bubblewrap works: {error}"
            f"{_advice(str(error))}"
        ) from error


def _advice(complaint: str) -> str:
    """Return what to do where kernels cannot be forked; nothing where there is no room to."""
    if any(word in complaint for word in ("temporarily unavailable", "Cannot allocate memory")):
        return ""
    advice = ""
    if any(word in complaint for word in ("unshare", "mount", "_map", "max_user_namespaces")):
        advice = "\nLinux must let a sandbox make namespaces within its own, and mount /proc there."
        advice += namespace_hints()
    return (
        f"{advice}\nOr set c.Judge.fork_kernels = False in nbgrader_config.py: each kernel then "
        "imports PyTorch itself, which takes some seconds more for each hand-in."
    )


def failing_imports() -> dict[str, str]:
    """Return what every kernel imports and cannot: module -> why, in one line.

    Raises:
        SandboxUnavailable: there is no sandbox to try it in.
    """
    argv = [sys.executable, "-c", _TRY, *PRELOADED]
    command = bwrap_command(find_bwrap(), argv, limits=Limits(), mounts=visible())
    done = subprocess.run(command, env={}, capture_output=True, timeout=_IMPORTS_S)
    if done.returncode:
        return {"PyTorch": done.stderr.decode(errors="replace").strip()[-1000:]}
    return dict(json.loads(done.stdout.splitlines()[-1]))
