"""With what a result was formed: another version may compute another number."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from autograder.course.assignment import checks_version

_CHECKS_CHARS = 12  # of their hash: enough to tell two apart
_CPUINFO = Path("/proc/cpuinfo")


def versions(assignment: str) -> dict[str, str]:
    """Return what verdicts on an assignment are formed with in this process -> which one."""
    import torch  # here: the grader's own process starts without

    return {
        "autograder": version("cnn-autograder"),
        "checks": checks_version(assignment)[:_CHECKS_CHARS],
        "torch": str(torch.__version__),
        "Python": platform.python_version(),
        "processor": f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}",
    }


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what is another version now, "" if nothing that both tell of.

    That checks have changed is told apart, as the reason of a re-grade.
    """
    both = [what for what in now if what in before and what != "checks"]
    found = [f"{what} {before[what]} -> {now[what]}" for what in both if before[what] != now[what]]
    return "; ".join(found)


@cache
def _processor() -> str:
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
