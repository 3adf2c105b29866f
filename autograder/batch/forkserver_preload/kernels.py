"""Starts a fork server of kernels for all workers."""

from contextlib import suppress

from autograder.sandbox.bwrap import SandboxUnavailable
from autograder.sandbox.forking import share_fork_server
from autograder.sandbox.process import SandboxError

# A worker that finds none starts its own, and tells why it cannot.
with suppress(SandboxUnavailable, SandboxError):
    share_fork_server()
