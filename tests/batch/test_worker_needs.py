"""Is what keeps workers from starting found before, and said in one sentence?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.batch import worker_needs
from autograder.sandbox import bwrap

_ASK = """
from autograder import GraderFault
from autograder.batch.worker_needs import require_worker_needs, worker_needs
try:
    require_worker_needs()
    print("enough", [finding.says for finding in worker_needs() if finding.good is None])
except GraderFault as error:
    print(error)
"""


def asked(*view: str, tmpdir: str = "/tmp") -> str:
    """Return what is said where bubblewrap shows the machine in another way."""
    command = [str(bwrap.find_bwrap()), "--bind", "/", "/", "--dev-bind", "/dev", "/dev", *view]
    done = subprocess.run(
        [*command, sys.executable, "-c", _ASK],
        env={**os.environ, "TMPDIR": tmpdir},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_this_machine_will_do() -> None:
    assert all(finding.good for finding in worker_needs.worker_needs())
    assert asked() == "enough []"


def test_a_dev_shm_that_cannot_be_written_is_named() -> None:
    said = asked("--tmpfs", "/dev/shm", "--remount-ro", "/dev/shm")
    assert said.startswith("/dev/shm: cannot be used: Read-only file system: mount /dev/shm")


def test_one_of_too_little_room_is_named() -> None:
    said = asked("--size", "4096", "--tmpfs", "/dev/shm")
    assert said.startswith("/dev/shm: ")
    assert "mount /dev/shm writable" in said


def test_one_of_a_megabyte_will_do() -> None:
    assert asked("--size", str(2**20), "--tmpfs", "/dev/shm") == "enough []"


def test_a_temporary_folder_with_a_long_path_is_named(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * (120 - len(str(tmp_path))))
    folder.mkdir()
    said = asked(tmpdir=str(folder))
    if sys.version_info < (3, 14):  # which finds a shorter one itself
        assert said.startswith(f"temporary folder: {folder} cannot be used: AF_UNIX path too long")
        assert said.endswith("export TMPDIR=/tmp")


def test_no_temporary_folder_at_all_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(worker_needs.tempfile, "gettempdir", none)
    assert "set TMPDIR" in worker_needs.temporary_folder().mend


def test_little_room_for_temporary_files_is_warned_of(tmp_path: Path) -> None:
    said = asked("--size", str(2**20), "--tmpfs", str(tmp_path), tmpdir=str(tmp_path))
    assert said.startswith("enough")
    assert "1 MiB free" in said


@pytest.mark.parametrize("error", [OSError("AF_UNIX path too long"), PermissionError(13, "denied")])
def test_a_folder_that_takes_no_socket_is_named(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Socket(worker_needs.socket.socket):
        def bind(self, address: object) -> None:
            raise error

    monkeypatch.setattr(worker_needs.socket, "socket", Socket)
    assert worker_needs.temporary_folder().mend == "export TMPDIR=/tmp"
