"""Jupyter's side of the sandbox: a kernel provisioner, and what is built on it."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Any, Generic, TypeVar

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Dict
from traitlets import Instance as InstanceOf

from autograder.sandbox.bwrap import (
    CONNECTION,
    HOME,
    INSIDE_MODULES,
    START,
    TEXT_FILES,
    visible,
)
from autograder.sandbox.fonts import font_cache
from autograder.sandbox.limits import Limits, Usage
from autograder.sandbox.process import SandboxError, SandboxProcess
from autograder.sandbox.relay import CHANNELS, Relay

PROVISIONER_NAME = "autograder-sandbox"


class SandboxProvisioner(KernelProvisionerBase):
    """Runs a kernel in a sandbox of its own, whatever its kernelspec's command.

    A kernelspec chooses it by `"metadata": {"kernel_provisioner": {"provisioner_name":
    "autograder-sandbox", "config": {}}}`; the managers below need no kernelspec.
    """

    limits = InstanceOf(Limits, args=(), help="What the kernel may use.")
    files = Dict(help="Name in the kernel's working folder -> path to copy it from, or content.")

    _process: SandboxProcess | None = None
    _relay: Relay | None = None
    _waited = True

    @property
    def has_process(self) -> bool:
        """Whether a kernel was started and its end was not waited for yet."""
        return not self._waited

    @property
    def namespace(self) -> int:
        """Inode number of the kernel's PID namespace."""
        return self._process.namespace if self._process else 0

    def usage(self) -> Usage:
        """Returns what the kernel used, and why it ended if it did."""
        return self._process.usage() if self._process else Usage()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Returns an empty command: environment, folder and arguments from outside do not count."""
        return {"cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Returns the connection for clients, after starting the kernel.

        Raises:
            SandboxUnavailable, SandboxError: it did not start.
            ValueError: a file has a name or a size that cannot be.
        """
        self.close()
        limits = self.limits
        session = self._manager.session
        relay = Relay(limits.message_bytes, limits.traffic_bytes, self._kill_for_messages)
        self._relay = relay
        try:
            sockets = [listener.fileno() for listener in relay.kernel_sockets]
            self._process = SandboxProcess(
                [sys.executable, "-P", START, CONNECTION, json.dumps(_resource_limits(limits))],
                limits=limits,
                mounts=visible(INSIDE_MODULES),
                files={
                    **{inside: text.encode() for inside, text in TEXT_FILES.items()},
                    CONNECTION: json.dumps(_connection("kernel", sockets, session)).encode(),
                    **font_cache(),
                    **_checked(self.files, limits),
                },
                inherited=sockets,
                message_bytes=lambda: relay.traffic,
            )
        except BaseException:
            self.close()
            raise
        finally:
            relay.release_kernel_sockets()
        self._waited = False
        ports = list(range(1, len(CHANNELS) + 1))
        connection: Any = _connection(relay.address, ports, session) | {"key": session.key}
        self.connection_info = connection
        return connection

    async def poll(self) -> int | None:
        """Returns None while the kernel runs, else an exit code."""
        if self._process is None or not self._process.running:
            return self.usage().exit_code or 0
        return None

    async def wait(self) -> int | None:
        """Returns the exit code when everything in the sandbox has ended."""
        self.close()
        return await self.poll()

    async def send_signal(self, signum: int) -> None:
        """Asks for an interrupt by message, which is the only way in; any other signal kills."""
        if signum == SIGINT:
            manager = self._manager
            manager._connect_control_socket()
            message = manager.session.msg("interrupt_request", content={})
            manager.session.send(manager._control_socket, message)
        else:
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        """Kills everything in the sandbox."""
        if self._process:
            self._process.kill("closed")

    async def terminate(self, restart: bool = False) -> None:
        """Kills everything in the sandbox: a signal would not reach it."""
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """Ends everything, and verifies it."""
        self.close()

    def close(self) -> None:
        """Kills the kernel if need be, and returns when nothing of it is left.

        Raises:
            SandboxError: something is.
        """
        try:
            if self._process:
                self._process.close()
        finally:
            if self._relay:
                self._relay.close()
            self._waited = True

    @property
    def _manager(self) -> Any:
        return self.parent

    def _kill_for_messages(self) -> None:
        if self._process:
            self._process.kill("messages")


class SandboxKernelManager(KernelManager):
    """A kernel manager whose kernels are sandboxed.

    Args:
        limits: what the kernel may use.
        files: name in its working folder -> path to copy it from, or content.
        options: as for `KernelManager`.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        files: Mapping[str, Path | bytes] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._kernel_spec = KernelSpec(
            argv=[sys.executable],
            display_name="Python 3 (sandbox)",
            language="python",
            interrupt_mode="message",
        )
        self.sandbox = SandboxProvisioner(
            kernel_spec=self._kernel_spec,
            parent=self,
            limits=limits or Limits(),
            files=dict(files or {}),
        )
        self.provisioner = self.sandbox

    def _reconcile_connection_info(self, info: Any) -> None:
        # The connection stays in this process: nothing is written to Jupyter's runtime folder.
        for name in CHANNELS:
            setattr(self, f"{name}_port", 0)
        self.load_connection_info(info)


class AsyncSandboxKernelManager(SandboxKernelManager, AsyncKernelManager):
    """The same for nbclient and other asynchronous callers."""


Client = TypeVar("Client", BlockingKernelClient, AsyncKernelClient)


@dataclass(frozen=True)
class Kernel(Generic[Client]):
    """A running sandboxed kernel: its manager, and a client whose channels are open."""

    manager: SandboxKernelManager
    client: Client

    @property
    def namespace(self) -> int:
        """Inode number of the kernel's PID namespace, for `alive`."""
        return self.manager.sandbox.namespace

    def usage(self) -> Usage:
        """Returns what the kernel used so far, and why it ended if it did."""
        return self.manager.sandbox.usage()

    def kill(self) -> None:
        """Kills everything in the sandbox and returns when it is gone; the client stays open."""
        self.manager.sandbox.close()


@contextmanager
def open_kernel(
    limits: Limits | None = None, *, files: Mapping[str, Path | bytes] | None = None
) -> Iterator[Kernel[BlockingKernelClient]]:
    """Yields a kernel that is ready; on leaving, nothing of it is left.

    Args:
        limits: what it may use.
        files: name in its working folder -> path to copy it from, or content.

    Raises:
        SandboxUnavailable: this machine has no working bubblewrap.
        SandboxError: the kernel did not start, or something of it is left at the end.
        ValueError: a file has a name or a size that cannot be.
    """
    manager = SandboxKernelManager(limits=limits, files=files)
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


@asynccontextmanager
async def open_async_kernel(
    limits: Limits | None = None, *, files: Mapping[str, Path | bytes] | None = None
) -> AsyncIterator[Kernel[AsyncKernelClient]]:
    """Yields a kernel that is ready, for asynchronous callers; else as `open_kernel`."""
    manager = AsyncSandboxKernelManager(limits=limits, files=files)
    try:
        await manager.start_kernel()
        client = manager.client()
        try:
            client.start_channels()
            try:
                await client.wait_for_ready(timeout=manager.sandbox.limits.startup_s)
            except RuntimeError as error:
                raise _not_ready(manager.sandbox, error) from error
            yield Kernel(manager, client)
        finally:
            client.stop_channels()
    finally:
        manager.sandbox.close()
        await manager.cleanup_resources()


def _not_ready(sandbox: SandboxProvisioner, error: RuntimeError) -> SandboxError:
    sandbox.close()
    return SandboxError(f"{error}\n{sandbox.usage().diagnostics}".strip())


def _connection(address: str, ports: list[int], session: Any) -> dict[str, Any]:
    return {
        "transport": "ipc",
        "ip": address,
        "key": session.key.decode(),
        "signature_scheme": session.signature_scheme,
        **{f"{channel}_port": port for channel, port in zip(CHANNELS, ports, strict=True)},
    }


def _resource_limits(limits: Limits) -> dict[str, int]:
    """Returns what Linux itself enforces: name of the limit, as in setrlimit(2) -> value."""
    return {
        "AS": limits.address_space_bytes,
        "DATA": limits.memory_bytes,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        # Not enforced where root started the sandbox: Linux exempts root's own processes, which
        # these still are when seen from outside. The watchdog counts as well.
        "NPROC": limits.processes,
    }


def _checked(files: Mapping[str, Path | bytes], limits: Limits) -> dict[str, Path | bytes]:
    """Returns path inside -> content, for names that stay in the working folder.

    Raises:
        ValueError: a name is no plain file name, a path no regular file, or together they do not
            fit.
    """
    size = 0
    for name, content in files.items():
        if not name or name.startswith(".") or "/" in name or not name.isprintable():
            raise ValueError(f"expected a plain file name, got {name!r}")
        if isinstance(content, Path):
            status = content.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"expected a regular file, got {content}")
            size += status.st_size
        else:
            size += len(content)
    if size > limits.disk_bytes:
        raise ValueError(f"expected files of at most {limits.disk_bytes} bytes, got {size}")
    return {f"{HOME}/{name}": content for name, content in files.items()}
