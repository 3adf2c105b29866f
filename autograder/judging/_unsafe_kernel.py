"""A kernel without a sandbox, for a machine that has none: only for hand-ins that one trusts.

What a hand-in does here it does with the grader's own rights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import LocalProvisioner

from autograder.sandbox import Limits, MemoryWatch, SandboxError, Usage


@dataclass(frozen=True)
class UnsafeKernel:
    """A kernel of this very user's, with the interface of `sandbox.Kernel`."""

    manager: KernelManager
    client: BlockingKernelClient
    pid: int
    memory: MemoryWatch = field(default_factory=MemoryWatch)

    def usage(self) -> Usage:
        """Return whether the kernel still runs, and the processor time of its own process."""
        if not self.manager.is_alive():
            if self.memory.has_killed():
                return Usage(cause="machine", diagnostics=self.memory.shortage(reserve_bytes=0))
            return Usage(cause="exited")
        times = psutil.Process(self.pid).cpu_times()
        return Usage(cpu_s=times.user + times.system)

    def kill(self) -> None:
        """Kill the kernel; what it started lives on."""
        self.manager.shutdown_kernel(now=True)


@contextmanager
def open_unsafe_kernel(
    limits: Limits, *, files: Mapping[str, Path | bytes] | None = None
) -> Iterator[UnsafeKernel]:
    """Yield a ready kernel in a temporary folder; of all limits only wall times hold.

    Args:
        limits: as for `sandbox.open_kernel`.
        files: path in its working folder -> path to copy it from, or content.

    Raises:
        SandboxError: it did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (files or {}).items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        manager = KernelManager()
        manager.start_kernel(cwd=folder)
        client = manager.client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=limits.startup_s)
            yield UnsafeKernel(manager, client, _pid(manager))
        except RuntimeError as error:
            raise SandboxError(f"the kernel did not start: {error}") from error
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()


def _pid(manager: KernelManager) -> int:
    provisioner = manager.provisioner
    assert isinstance(provisioner, LocalProvisioner), "this kernel is a process of this machine"
    assert provisioner.pid is not None, "it was started"
    return provisioner.pid
