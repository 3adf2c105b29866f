"""Servers and a browser for the tests that look at pages as people do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

TRIALS, PAUSE_S = 240, 0.5  # to reach a server that starts
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
_OPTIONS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")


@contextmanager
def jupyter(
    kind: str,
    folder: Path,
    *options: str,
    token: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Yield the address of a Jupyter server, once it answers.

    Args:
        kind: "lab", or "server" for one without pages of its own.
        folder: its root.
        options: further ones of the command line.
        token: to be let in; "" lets everybody in.
        environment: variables besides the present ones.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", kind, "--no-browser", "--allow-root"]
    command += [f"--port={port}", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder}", *options]
    server = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api", server)
        yield address
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(TRIALS):
        assert server.poll() is None, f"the server ended with exit status {server.returncode}"
        try:
            urllib.request.urlopen(address).close()
            return
        except OSError:
            time.sleep(PAUSE_S)
    raise AssertionError(f"no server at {address} after {TRIALS * PAUSE_S:.0f} s")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield Debian's Chromium, without a network of its own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "no Chromium on the PATH: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(_OPTIONS))
        yield launched
        launched.close()


def folder_of_screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that SCREENSHOTS names, else a temporary one."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
