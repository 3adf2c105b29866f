"""Whether this machine can run the sandbox."""

from __future__ import annotations

import sys

from autograder.sandbox.bwrap import (
    SandboxUnavailable,
    attempt,
    bwrap_command,
    find_bwrap,
    visible,
)
from autograder.sandbox.forking import Fork, ForkServer
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import SandboxError, SandboxProcess


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
            f"Kernels cannot be forked here, although bubblewrap works: {error}\n"
            "Linux must let a sandbox make namespaces within its own, and mount /proc there: see "
            "user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns (sysctl).\n"
            "Or set c.Judge.fork_kernels = False in nbgrader_config.py: each kernel then imports "
            "PyTorch itself, which takes some seconds more for each hand-in."
        ) from error
