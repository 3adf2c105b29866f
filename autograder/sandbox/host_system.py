"""What hand-ins run on. Everything else of this package runs on every system that Python has."""

from __future__ import annotations

import platform
import sys

from autograder import GraderFault


def runs_hand_ins() -> bool:
    """Return whether this system can lock a hand-in up."""
    return sys.platform == "linux"


def needs_linux() -> str:
    """Return in one sentence why no hand-in runs here, and where it can."""
    return (
        f"running hand-ins needs Linux, and this is {platform.system()}: use WSL2 on Windows, a "
        "server, or a container"
    )


def require_linux() -> None:
    """Return if hand-ins can run on this system.

    Raises:
        GraderFault: they cannot.
    """
    if not runs_hand_ins():
        raise GraderFault(needs_linux())
