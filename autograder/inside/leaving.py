"""What leaves a notebook, while it is graded.

`exit()` and its like do nothing. What would end the kernel later than the cell that asks for it (a
thread, a timer, a signal) does nothing either: else the points would hang on when it comes. What
ends the kernel in a cell, as `os._exit` does, ends it there.
"""

from __future__ import annotations

import asyncio
import faulthandler
import functools
import os
import resource
import signal
import threading
from collections.abc import Callable
from typing import Any

from ipykernel.parentpoller import ParentPollerUnix

from autograder.inside.absent import Absent, say

_FATAL = (
    signal.SIGHUP,
    signal.SIGTERM,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
    signal.SIGIO,
    signal.SIGPWR,
)
_CRASHES = (
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGABRT,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSYS,
    signal.SIGTRAP,
    signal.SIGQUIT,
)
_ENDED = 1  # the exit code of a kernel that a cell ends


def install(shell: Any, absent: Absent) -> None:
    """Have what a shell's cells do to leave it come to nothing.

    Args:
        shell: IPython's, in the main thread.
        absent: knows whether the judge asks.
    """
    running = _Running(shell, absent)
    shell.ask_exit = lambda: say(
        f"to leave does nothing while your notebook is graded, so the cell that begins with "
        f"`{running.first_line}` goes on"
    )
    loop = asyncio.get_event_loop()
    loop.stop = lambda: say("the kernel's loop goes on while your notebook is graded")  # type: ignore[method-assign]
    _guard_functions(running.now)
    _guard_signals()


class _Running:
    """Whether a cell runs, or the judge's question: what ends the kernel then ends it there.

    Attributes:
        first_line: of the cell that runs, or ran last.
    """

    def __init__(self, shell: Any, absent: Absent) -> None:
        self.first_line = ""
        self._absent, self._cell = absent, False
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def _begin(self, info: Any) -> None:
        self._cell, self.first_line = True, info.raw_cell.strip().split("\n")[0][:60]

    def _end(self, result: Any) -> None:
        self._cell = False

    def now(self) -> bool:
        """Return whether the caller is what the cell, or the question, runs."""
        main = threading.current_thread() is threading.main_thread()
        return main and (self._cell or self._absent.answering)


def _guard_functions(now: Callable[[], bool]) -> None:
    """Have the functions that end a process end this one in a cell only."""
    kernel = os.getpid()
    leave = os._exit

    def end() -> None:
        """End the kernel, or else what asks for it."""
        if now() or isinstance(threading.current_thread(), ParentPollerUnix):
            leave(_ENDED)
        say("the kernel goes on: what ends it after its cell does nothing while it is graded")
        raise SystemExit

    def guard(module: Any, name: str, meant: Callable[..., bool]) -> None:
        function = getattr(module, name)

        @functools.wraps(function)
        def guarded(*arguments: Any, **options: Any) -> Any:
            if os.getpid() == kernel and meant(*arguments):
                end()
            return function(*arguments, **options)

        setattr(module, name, guarded)

    def is_this(process: int, number: int) -> bool:
        return process in (kernel, 0, -1, -kernel) and number in _CRASHES

    guard(os, "_exit", lambda *status: True)
    guard(os, "abort", lambda: True)
    guard(os, "kill", is_this)
    guard(os, "killpg", is_this)
    guard(signal, "raise_signal", lambda number: number in _CRASHES)
    guard(signal, "pthread_kill", lambda thread, number: number in _CRASHES)

    set_limit = resource.setrlimit

    def set_another_limit(which: int, limits: tuple[int, int]) -> None:
        if which == resource.RLIMIT_CPU and os.getpid() == kernel:
            say("a limit of processor time does nothing while your notebook is graded")
        else:
            set_limit(which, limits)

    resource.setrlimit = set_another_limit
    dump_later = faulthandler.dump_traceback_later

    def dump_later_and_go_on(*arguments: Any, **options: Any) -> None:
        dump_later(*arguments, **{**options, "exit": False})

    faulthandler.dump_traceback_later = dump_later_and_go_on


def _guard_signals() -> None:
    """Have the signals that end a process, and that nobody waits for, end none but its children."""
    kernel = os.getpid()

    def stay(number: int, frame: Any) -> None:
        if os.getpid() != kernel:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        say(f"{signal.Signals(number).name} does nothing while your notebook is graded")

    for number in _FATAL:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stay)
