"""Imported by the process that workers are forked of: starts a fork server of kernels for all.

It imports PyTorch in its sandbox while this process imports what workers need.
"""

from contextlib import suppress

from autograder.sandbox.bwrap import SandboxUnavailable
from autograder.sandbox.forking import share_fork_server
from autograder.sandbox.process import SandboxError

# A worker that finds none starts its own, and tells why it cannot.
with suppress(SandboxUnavailable, SandboxError):
    share_fork_server()
