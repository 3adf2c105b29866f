"""Opens a sandboxed kernel, and makes sure that it is closed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.blocking import BlockingKernelClient

from autograder.sandbox._managers import SandboxKernelManager
from autograder.sandbox._provisioner import SandboxProvisioner
from autograder.sandbox.limits import Limits, Usage
from autograder.sandbox.process import SandboxError


@dataclass(frozen=True)
class Kernel:
    """A running sandboxed kernel: its manager, and a client whose channels are open."""

    manager: SandboxKernelManager
    client: BlockingKernelClient

    @property
    def namespace(self) -> int:
        """Return the inode number of the kernel's PID namespace, for `alive`."""
        return self.manager.sandbox.namespace

    def usage(self) -> Usage:
        """Return what the kernel used so far, and why it ended if it did."""
        return self.manager.sandbox.usage()

    def kill(self) -> None:
        """Kill everything in the sandbox and return when it is gone; the client stays open."""
        self.manager.sandbox.close()


@contextmanager
def open_kernel(
    limits: Limits | None = None,
    *,
    files: Mapping[str, Path | bytes] | None = None,
    fork: bool = True,
) -> Iterator[Kernel]:
    """Yield a kernel that is ready; on leaving, nothing of it is left.

    Args:
        limits: what it may use.
        files: name in its working folder -> path to copy it from, or content.
        fork: whether it is forked of a process of this one's that has imported what notebooks
            import (some seconds once, then none), or started anew.

    Raises:
        SandboxUnavailable: this machine has no working bubblewrap.
        SandboxError: the kernel did not start, or something of it is left at the end.
        ValueError: a file has a name or a size that cannot be.
    """
    manager = SandboxKernelManager(limits=limits, files=files, fork=fork)
    try:
        manager.start_kernel()
        client = manager.client()
        try:
            client.start_channels()
            try:
                client.wait_for_ready(timeout=manager.sandbox.limits.startup_s)
            except RuntimeError as error:
                raise _not_ready(manager.sandbox, error) from error
            yield Kernel(manager, client)
        finally:
            client.stop_channels()
    finally:
        manager.sandbox.close()
        manager.cleanup_resources()


def _not_ready(sandbox: SandboxProvisioner, error: RuntimeError) -> SandboxError:
    sandbox.close()
    return SandboxError(f"{error}\n{sandbox.usage().diagnostics}".strip())
