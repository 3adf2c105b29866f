"""Does a machine that cannot run the sandbox get the hints that apply to it, and no others?"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from autograder.sandbox import Limits, SandboxError, SandboxUnavailable, bwrap
from autograder.sandbox.forking import REINSTALL, Fork, ForkServer
from autograder.sandbox.process import SandboxProcess

check = importlib.import_module("autograder.sandbox.check")


def machine(root: Path, **settings: str) -> Path:
    """Return a root folder with settings of Linux's: name, _ for the first slash -> value."""
    for name, value in settings.items():
        path = root / "proc/sys" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return root


def test_a_machine_that_forbids_nothing_gets_no_hint(tmp_path: Path) -> None:
    settings = {
        "user__max_user_namespaces": "90000",
        "kernel__unprivileged_userns_clone": "1",
        "kernel__apparmor_restrict_unprivileged_userns": "0",
    }
    assert bwrap.namespace_hints(machine(tmp_path, **settings)) == ""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("user__max_user_namespaces", "0"),
        ("kernel__unprivileged_userns_clone", "0"),
        ("kernel__apparmor_restrict_unprivileged_userns", "1"),
    ],
)
def test_each_switch_gets_its_own_hint(setting: str, value: str, tmp_path: Path) -> None:
    hints = bwrap.namespace_hints(machine(tmp_path, **{setting: value}))
    assert hints.count("\n") == 1
    assert f"sysctl {setting.replace('__', '.')}" in hints


def test_a_container_gets_the_hint_for_containers(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert "--security-opt" in bwrap.namespace_hints(tmp_path)


@pytest.mark.parametrize(
    ("complaint", "advised"),
    [
        ("OSError: [Errno 1] unshare: Operation not permitted", True),
        ("OSError: [Errno 11] Resource temporarily unavailable", False),
    ],
)
def test_namespaces_are_spoken_of_only_where_they_are_refused(
    complaint: str, advised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise SandboxError(complaint)

    monkeypatch.setattr(check, "ForkServer", refuse)
    with pytest.raises(SandboxUnavailable, match="Kernels cannot be forked") as caught:
        check.check()
    assert ("fork_kernels" in str(caught.value)) == advised


def test_a_bwrap_that_fails_is_not_to_be_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwrap, "attempt", lambda command: "no room")
    with pytest.raises(SandboxUnavailable) as caught:
        bwrap.find_bwrap.__wrapped__()
    assert "no room" in str(caught.value)
    assert "apt-get" not in str(caught.value)


def test_what_a_fork_server_cannot_import_is_said_in_one_line() -> None:
    server = ForkServer(("json", "no_such_module"))
    try:
        with pytest.raises(SandboxUnavailable) as caught:
            SandboxProcess(Fork(Limits(), {}, {}, {}, {}, server), limits=None)
    finally:
        server.close()
    assert str(caught.value) == (
        "no_such_module cannot be imported: ModuleNotFoundError: No module named "
        f"'no_such_module': {REINSTALL}"
    )
