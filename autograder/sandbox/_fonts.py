"""Matplotlib's list of fonts, made once instead of in every sandbox (1 s of CPU each time)."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder.sandbox.bwrap import FONT_CACHE, bwrap_command, find_bwrap, visible
from autograder.sandbox.limits import Limits

_MAKE_LIST = f"""
import json, matplotlib.font_manager, pathlib
print(json.dumps({{f.name: f.read_text() for f in pathlib.Path({FONT_CACHE!r}).glob("*.json")}}))
"""


@functools.cache
def font_cache() -> dict[str, bytes]:
    """Return path inside -> content; empty where matplotlib is missing or does not work.

    The list is made in a sandbox, so that it names the fonts that there are inside, by a process
    that runs nothing of a hand-in. It is kept in the user's cache folder, which no sandbox sees.
    """
    try:
        version = importlib.metadata.version("matplotlib")
    except importlib.metadata.PackageNotFoundError:
        return {}
    key = hashlib.sha256(f"{version} {sys.prefix} {sys.base_prefix}".encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autograder"
    path = folder / f"fonts-{key}.json"
    lists = _load(path)
    if lists is None:
        lists = _make()
        with contextlib.suppress(OSError):  # no cache: it is made again next time
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _store(path, lists)
    return {f"{FONT_CACHE}/{name}": text.encode() for name, text in lists.items()}


def _make() -> dict[str, str]:
    argv = [sys.executable, "-c", _MAKE_LIST]
    command = bwrap_command(find_bwrap(), argv, limits=Limits(), mounts=visible())
    try:
        done = subprocess.run(command, env={}, capture_output=True, check=True, timeout=120)
        return dict(json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError):
        return {}


def _load(path: Path) -> dict[str, str] | None:
    """Return what was stored, unless somebody else could have written it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, encoding="utf-8") as file:
            status = os.fstat(descriptor)
            mine = status.st_uid == os.geteuid() and not status.st_mode & 0o022
            if not mine or not stat.S_ISREG(status.st_mode):
                return None
            return {str(name): str(text) for name, text in json.load(file).items()}
    except (OSError, ValueError, AttributeError):
        return None


def _store(path: Path, lists: dict[str, str]) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(lists, file)
    os.replace(temporary, path)
