"""What Linux counts by user, or for nobody: too much of it ends a hand-in."""

from __future__ import annotations

import resource
import time
from typing import Any

import pytest

from autograder.sandbox import Kernel, Limits, open_kernel
from autograder.sandbox._kernel_objects import KernelObjects, open_files, raise_own_limit
from tests.sandbox.shares import ATTACKS, ENDED

HONEST = """
import subprocess, torch
from concurrent.futures import ThreadPoolExecutor
from torch.utils.data import DataLoader, TensorDataset
digits = TensorDataset(torch.rand(400, 3), torch.rand(400))
for _ in range(3):
    for batch in DataLoader(digits, batch_size=4, num_workers=6):
        pass
print(subprocess.run(["echo", "well"], capture_output=True, text=True).stdout)
"""


def printed(kernel: Kernel[Any], code: str) -> str:
    texts: list[str] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    kernel.client.execute_interactive(code, output_hook=keep, timeout=120)
    return "".join(texts)


@pytest.mark.parametrize("name", ENDED)
def test_what_holds_too_much_is_ended_and_told_why(name: str) -> None:
    with open_kernel(Limits()) as kernel:
        kernel.client.execute(f"{ATTACKS[name]}\nimport time\ntime.sleep(60)")
        deadline = time.monotonic() + 60
        while kernel.usage().cause is None and time.monotonic() < deadline:
            time.sleep(0.1)
        usage = kernel.usage()
    assert (usage.cause, usage.too_many) == ("objects", ENDED[name])


@pytest.mark.filterwarnings("ignore")
def test_an_honest_notebook_with_many_processes_is_well() -> None:
    with open_kernel(Limits()) as kernel:
        assert printed(kernel, HONEST).endswith("well\n\n")
        assert kernel.usage().cause is None


def test_watches_of_files_are_refused() -> None:
    code = (
        "import ctypes\nprint(ctypes.CDLL(None).inotify_init1(0), ctypes.CDLL(None).inotify_init())"
    )
    with open_kernel(Limits()) as kernel:
        assert printed(kernel, code) == "-1 -1\n"


def test_each_count_has_a_limit_and_words() -> None:
    limits = Limits()
    for name in vars(KernelObjects()):
        most = getattr(limits, name)
        assert KernelObjects(**{name: most}).over(limits) == ""
        assert KernelObjects(**{name: most + 1}).over(limits)


def test_a_hand_in_may_open_half_of_what_the_grader_may(monkeypatch: pytest.MonkeyPatch) -> None:
    for hard, most in ((1024, 512), (20_000, 1024), (resource.RLIM_INFINITY, 1024)):
        monkeypatch.setattr(resource, "getrlimit", lambda which, hard=hard: (256, hard))
        assert open_files(Limits()) == most


def test_the_grader_raises_its_own_limit() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] // 2, before[1]))
        raise_own_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
