"""Code for a kernel and what comes of it, for the tests of the sandbox."""

from __future__ import annotations

import contextlib
import json
import time
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from autograder.sandbox import Kernel, Usage


def output(client: BlockingKernelClient, code: str) -> str:
    """Return what a cell prints on stdout; its error fails the test."""
    texts: list[str] = []

    def collect(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            texts.append(content["text"])
        elif message["msg_type"] == "error":
            raise AssertionError("\n".join(content["traceback"]))

    client.execute_interactive(code, output_hook=collect, allow_stdin=False, timeout=60)
    return "".join(texts)


def result_of(client: BlockingKernelClient, code: str, **values: Any) -> Any:
    """Return the value of `result` after the code, with the values as its variables."""
    given = f"import json\nfor _n, _v in json.loads({json.dumps(values)!r}).items():\n"
    code = f"{given}    globals()[_n] = _v\nresult = None\n{code}\nprint(json.dumps(result))"
    return json.loads(output(client, code))


def usage_at_death(kernel: Kernel, code: str = "") -> Usage:
    """Return the usage after a cell that the kernel does not survive; reads its messages."""
    if code:
        kernel.client.execute(code)
    deadline = time.monotonic() + 60
    while kernel.usage().cause is None:
        assert time.monotonic() < deadline, "it lives"
        with contextlib.suppress(Empty):
            kernel.client.get_iopub_msg(timeout=0.05)
    return kernel.usage()
