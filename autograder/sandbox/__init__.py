"""The operating-system sandbox: a Jupyter kernel that may run code which nobody has read.

    with open_kernel(Limits(), files={"digits.csv": path}) as kernel:
        kernel.client.execute_interactive("print(1)")
    kernel.usage().peak_memory_bytes

The kernel runs under bubblewrap in namespaces of its own. It sees the interpreter and its packages
read-only and a private folder that goes when it ends. All that links it to the grader are five
sockets, and a relay in the grader counts what comes through them. By default it is forked of a
process that has imported PyTorch already, and locks itself up as bubblewrap would.

    limits.py       every limit with its unit and its reason; what a sandbox used
    bwrap.py        what is visible inside: pure functions from paths to bwrap's arguments
    _seccomp.py     the few system calls that are refused
    _launch.py      what starts a sandbox: the interface, and the way by bubblewrap
    forking.py      the other way: this process's fork server, a kernel of it
    _measure.py     what the processes of a PID namespace use; _kernel_objects.py, of what is shared
    control_group.py  what a container or job allows; _memory_watch.py whether memory ran short
    process.py      starts a sandbox, watches it, kills it, verifies that nothing is left
    _relay.py       carries the kernel's messages, counts them
    _provisioner.py Jupyter's view of all this; _managers.py builds kernel managers on it
    _kernel.py      `open_kernel`
    check.py        whether this machine can run it; machine.py whether it gives all that a
                    hand-in is promised; host_system.py whether it is Linux at all

What runs inside before the hand-in does (the fork server, ipykernel's start) is `inside/`.

Needs Linux, unprivileged user namespaces and bubblewrap; no root, no control groups, no network.
"""

from autograder.sandbox._kernel import Kernel, open_kernel
from autograder.sandbox._managers import SandboxKernelManager
from autograder.sandbox._measure import alive
from autograder.sandbox._memory_watch import MemoryWatch
from autograder.sandbox._provisioner import SandboxProvisioner
from autograder.sandbox.bwrap import SandboxUnavailable, find_bwrap
from autograder.sandbox.check import check, failing_imports
from autograder.sandbox.finding import Finding
from autograder.sandbox.forking import REINSTALL
from autograder.sandbox.limits import Cause, Limits, Usage
from autograder.sandbox.machine import available_cores, provisions, require_provisions
from autograder.sandbox.process import SandboxError

__all__ = [
    "REINSTALL",
    "Cause",
    "Finding",
    "Kernel",
    "Limits",
    "MemoryWatch",
    "SandboxError",
    "SandboxKernelManager",
    "SandboxProvisioner",
    "SandboxUnavailable",
    "Usage",
    "alive",
    "available_cores",
    "check",
    "failing_imports",
    "find_bwrap",
    "open_kernel",
    "provisions",
    "require_provisions",
]
