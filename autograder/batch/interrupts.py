"""Ctrl-C reaches all processes of a terminal; the driver alone decides what it means."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Yield while Ctrl-C waits, also for processes that are started meanwhile.

    It interrupts this one on leaving.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_interrupts_to_the_driver() -> None:
    """Let Ctrl-C pass in this process from now on."""
    # Not SIG_IGN, which the sandboxes' processes would inherit.
    signal.signal(signal.SIGINT, lambda *ignored: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
