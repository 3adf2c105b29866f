"""Starts ipykernel inside the sandbox. Runs before any code of the hand-in does.

Usage: python -P -m autograder.inside.start CONNECTION_FILE LIMITS. The ports of the
connection are the numbers of listening sockets that this process has inherited: nothing of the
kernel's connections lies in a file system that the hand-in could change.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from autograder.inside import warm

HOME = "/home/student"


def lower_limits(limits: dict[str, int]) -> None:
    """Set the limits, {"NOFILE": 1024, ...}, for good: soft and hard alike."""
    for name, value in {**limits, "CORE": 0}.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(number, (value, value))


def use_inherited_sockets() -> None:
    """Make `bind("ipc://kernel-7")` take the listening socket 7 instead of making one."""
    import zmq

    bind = zmq.Socket.bind

    def bind_inherited(self: Any, address: str) -> Any:
        name, _, descriptor = address.rpartition("-")
        if name == "ipc://kernel":
            self.setsockopt(zmq.USE_FD, int(descriptor))
        return bind(self, address)

    zmq.Socket.bind = bind_inherited  # type: ignore[method-assign,assignment]


def run_kernel(connection: dict[str, Any]) -> None:
    """Run the kernel until it is told to shut down.

    Args:
        connection: as in a connection file of Jupyter's.
    """
    use_inherited_sockets()

    import zmq
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class KernelApp(IPKernelApp):
        def init_control(self, context: Any) -> None:
            # The debugger's socket connects to the kernel's own address, which is not to be found
            # in here: without this it would try for ever.
            context.setsockopt(zmq.RECONNECT_IVL, -1)
            super().init_control(context)

        def init_connection_file(self) -> None:
            self.load_connection_info(connection)  # type: ignore[arg-type]

        def write_connection_file(self, **kwargs: Any) -> None:
            pass  # there is none

    # A `torch.py` of the hand-in must not stand in for the real one, but its own modules are to be
    # found: so its folder comes last.
    sys.path.append(HOME)

    report = os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    app = KernelApp.instance()
    app.update_config(Config(InlineBackend=warm.INLINE))
    if "ipywidgets" in sys.modules:  # imported when there was no kernel: it is to meet this one
        app.update_config(Config(InteractiveShellApp={"extensions": ["ipywidgets"]}))
    try:
        # History in memory: no database in the hand-in's folder.
        app.initialize(["--HistoryManager.hist_file=:memory:"])
    except BaseException:
        os.write(report, traceback.format_exc().encode())
        raise
    os.close(report)
    with contextlib.suppress(SystemExit, KeyboardInterrupt):
        app.start()
    while True:  # something of the hand-in's left the loop, as `sys.exit` in a callback does
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            app.io_loop.start()


def main(connection_file: str, limits: str) -> None:
    """Run the kernel of a connection file under limits."""
    lower_limits(json.loads(limits))
    run_kernel(json.loads(Path(connection_file).read_text()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
