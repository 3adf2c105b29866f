"""Jupyter's view of a sandboxed kernel: a kernel provisioner."""

from __future__ import annotations

import json
import stat
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT
from typing import Any

from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Bool, Dict
from traitlets import Instance as InstanceOf

from autograder.sandbox._fonts import font_cache
from autograder.sandbox._kernel_objects import open_files, raise_own_limit
from autograder.sandbox._launch import Bwrap, Launch
from autograder.sandbox._relay import CHANNELS, Relay
from autograder.sandbox.bwrap import CONNECTION, HOME, START, TEXT_FILES, visible
from autograder.sandbox.forking import Fork
from autograder.sandbox.limits import Limits, Usage
from autograder.sandbox.process import SandboxProcess


class SandboxProvisioner(KernelProvisionerBase):
    """Runs a kernel in a sandbox of its own, whatever its kernelspec's command.

    A kernelspec chooses it by `"metadata": {"kernel_provisioner": {"provisioner_name":
    "autograder-sandbox", "config": {}}}`; the managers of this package need no kernelspec.
    """

    limits = InstanceOf(Limits, args=(), help="What the kernel may use.")
    files = Dict(help="Path in the kernel's working folder -> path to copy it from, or content.")
    fork = Bool(True, help="Whether it is forked of this process's fork server, or started anew.")

    _process: SandboxProcess | None = None
    _relay: Relay | None = None
    _waited = True

    @property
    def has_process(self) -> bool:
        """Return whether a kernel was started and its end was not waited for yet."""
        return not self._waited

    @property
    def namespace(self) -> int:
        """Return the inode number of the kernel's PID namespace."""
        return self._process.namespace if self._process else 0

    def usage(self) -> Usage:
        """Return what the kernel used, and why it ended if it did."""
        return self._process.usage() if self._process else Usage()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return an empty command: environment, folder and arguments from outside do not count."""
        return {"cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Return the connection for clients, after starting the kernel.

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
            launch = self._launch(_connection("kernel", sockets, session), sockets)
            self._process = SandboxProcess(launch, limits, message_bytes=lambda: relay.traffic)
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

    def _launch(self, connection: dict[str, Any], sockets: list[int]) -> Launch:
        raise_own_limit()
        limits, resource_limits = self.limits, _resource_limits(self.limits)
        files = {**font_cache(), **_checked(self.files, limits)}
        if self.fork:
            ports = dict(zip(_ports(), sockets, strict=True))
            return Fork(limits, resource_limits, files, connection, ports)
        return Bwrap(
            [sys.executable, "-P", "-m", START, CONNECTION, json.dumps(resource_limits)],
            limits=limits,
            mounts=visible(),
            files={
                **{inside: text.encode() for inside, text in TEXT_FILES.items()},
                CONNECTION: json.dumps(connection).encode(),
                **files,
            },
            inherited=sockets,
        )

    async def poll(self) -> int | None:
        """Return None while the kernel runs, else an exit code."""
        if self._process is None or not self._process.running:
            return self.usage().exit_code or 0
        return None

    async def wait(self) -> int | None:
        """Return the exit code when everything in the sandbox has ended."""
        self.close()
        return await self.poll()

    async def send_signal(self, signum: int) -> None:
        """Ask for an interrupt by message, which is the only way in; any other signal kills."""
        if signum == SIGINT:
            manager = self._manager
            manager._connect_control_socket()
            message = manager.session.msg("interrupt_request", content={})
            manager.session.send(manager._control_socket, message)
        else:
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        """Kill everything in the sandbox."""
        if self._process:
            self._process.kill("closed")

    async def terminate(self, restart: bool = False) -> None:
        """Kill everything in the sandbox: a signal would not reach it."""
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """End everything, and verify it."""
        self.close()

    def close(self) -> None:
        """Kill the kernel if need be, and return when nothing of it is left.

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


def _connection(address: str, ports: list[int], session: Any) -> dict[str, Any]:
    return {
        "transport": "ipc",
        "ip": address,
        "key": session.key.decode(),
        "signature_scheme": session.signature_scheme,
        **dict(zip(_ports(), ports, strict=True)),
    }


def _ports() -> list[str]:
    return [f"{channel}_port" for channel in CHANNELS]


def _resource_limits(limits: Limits) -> dict[str, int]:
    """Return what Linux itself enforces: name of the limit, as in setrlimit(2) -> value."""
    return {
        "AS": limits.address_space_bytes,
        "DATA": limits.memory_bytes,
        "FSIZE": limits.file_bytes,
        "NOFILE": open_files(limits),
        "SIGPENDING": limits.processes,  # else those of the grader's user
        # Not enforced where root started the sandbox: Linux exempts root's own processes, which
        # these still are when seen from outside. The watchdog counts as well.
        "NPROC": limits.processes,
    }


def _checked(files: Mapping[str, Path | bytes], limits: Limits) -> dict[str, Path | bytes]:
    """Return path inside -> content, for names that stay in the working folder.

    Raises:
        ValueError: a name is no plain path, a path no regular file, or together they do not fit.
    """
    size = 0
    for name, content in files.items():
        odd = any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name)
        if odd or any(not part or part.startswith(".") for part in name.split("/")):
            raise ValueError(f"expected plain file names in the path, got {name!r}")
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
