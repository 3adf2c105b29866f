"""Jupyter's kernel managers whose kernels are sandboxed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from autograder.sandbox._provisioner import SandboxProvisioner
from autograder.sandbox._relay import CHANNELS
from autograder.sandbox.limits import Limits


class SandboxKernelManager(KernelManager):
    """A kernel manager whose kernels are sandboxed.

    Args:
        limits: what the kernel may use.
        files: name in its working folder -> path to copy it from, or content.
        fork: whether it is forked of this process's fork server, or started anew.
        options: as for `KernelManager`.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        files: Mapping[str, Path | bytes] | None = None,
        fork: bool = True,
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
            fork=fork,
        )
        self.provisioner = self.sandbox

    def _reconcile_connection_info(self, info: Any) -> None:
        # The connection stays in this process: nothing is written to Jupyter's runtime folder.
        for name in CHANNELS:
            setattr(self, f"{name}_port", 0)
        self.load_connection_info(info)
