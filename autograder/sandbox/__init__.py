"""The operating-system sandbox: a Jupyter kernel that may run code which nobody has read.

    with open_kernel(Limits(), files={"digits.csv": path}) as kernel:
        kernel.client.execute_interactive("print(1)")
    kernel.usage().peak_memory_bytes

The kernel runs under bubblewrap in namespaces of its own. It sees the interpreter and its packages
read-only and a private folder that goes when it ends. All that links it to the grader are five
sockets, and a relay in the grader counts what comes through them.

    limits.py   every limit with its unit and its reason; what a sandbox used
    bwrap.py    what is visible inside: pure functions from paths to bwrap's arguments
    seccomp.py  the few system calls that are refused
    process.py  starts bwrap, watches memory and processes, kills, verifies that nothing is left
    relay.py    carries the kernel's messages, counts them
    kernel.py   Jupyter's side: the provisioner, the kernel managers, `open_kernel`
    start.py    the first thing that runs inside: lowers the limits, starts ipykernel

Needs Linux, unprivileged user namespaces and bubblewrap; no root, no cgroups, no network.
"""

from autograder.sandbox.bwrap import SandboxUnavailable, check, find_bwrap
from autograder.sandbox.kernel import (
    AsyncSandboxKernelManager,
    Kernel,
    SandboxKernelManager,
    SandboxProvisioner,
    open_async_kernel,
    open_kernel,
)
from autograder.sandbox.limits import Cause, Limits, Usage
from autograder.sandbox.process import SandboxError, alive

__all__ = [
    "AsyncSandboxKernelManager",
    "Cause",
    "Kernel",
    "Limits",
    "SandboxError",
    "SandboxKernelManager",
    "SandboxProvisioner",
    "SandboxUnavailable",
    "Usage",
    "alive",
    "check",
    "find_bwrap",
    "open_async_kernel",
    "open_kernel",
]
