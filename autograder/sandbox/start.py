"""Starts ipykernel inside the sandbox. Runs before any code of the hand-in does.

Usage: python -P start.py CONNECTION_FILE LIMITS. The ports in the connection file are the numbers
of listening sockets that this process inherits: nothing of the kernel's connections lies in a file
system that the hand-in could change. Imports nothing of `autograder`, which is not visible here.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from typing import Any

HOME = "/home/student"


def lower_limits(limits: dict[str, int]) -> None:
    """Sets the limits, {"NOFILE": 1024, ...}, for good: soft and hard alike."""
    for name, value in {**limits, "CORE": 0}.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(number, (value, value))


def use_inherited_sockets() -> None:
    """Makes `bind("ipc://kernel-7")` take the listening socket 7 instead of making one."""
    import zmq

    bind = zmq.Socket.bind

    def bind_inherited(self: Any, address: str) -> Any:
        name, _, descriptor = address.rpartition("-")
        if name == "ipc://kernel":
            self.setsockopt(zmq.USE_FD, int(descriptor))
        return bind(self, address)

    zmq.Socket.bind = bind_inherited  # type: ignore[method-assign,assignment]


def main(connection_file: str, limits: str) -> None:
    """Runs the kernel until it is told to shut down."""
    lower_limits(json.loads(limits))
    use_inherited_sockets()

    import zmq
    from ipykernel.kernelapp import IPKernelApp

    class KernelApp(IPKernelApp):
        def init_control(self, context: Any) -> None:
            # The debugger's socket connects to the kernel's own address, which is not to be found
            # in here: without this it would try for ever.
            context.setsockopt(zmq.RECONNECT_IVL, -1)
            super().init_control(context)

        def write_connection_file(self, **kwargs: Any) -> None:
            pass  # the one that was read is complete, and read-only

    # A `torch.py` of the hand-in must not stand in for the real one, but its own modules are to be
    # found: so its folder comes last.
    sys.path.append(HOME)

    report = os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    app = KernelApp.instance()
    try:
        # History in memory: no database in the hand-in's folder.
        app.initialize(["-f", connection_file, "--HistoryManager.hist_file=:memory:"])
    except BaseException:
        os.write(report, traceback.format_exc().encode())
        raise
    os.close(report)
    app.start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
