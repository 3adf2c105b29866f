"""Where a notebook runs: Colab or not, the data folder, the network, the device, a quick run."""

import importlib
import math
import os
import platform
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import torch

COLAB_DRIVE = Path("/content/drive")
TIMEOUT_S = 5.0
_RETRY_S = 60.0
_failed_at: dict[str, tuple[float, str]] = {}


def in_colab() -> bool:
    """Return whether this Python runs in Google Colab."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def quick_run() -> bool:
    """Return whether nbgrader runs this notebook: then little data, and no network."""
    return bool(os.environ.get("NBGRADER_EXECUTION"))


def data_path() -> Path:
    """Return the folder for downloaded data, created if missing.

    In Colab it is `data` on the student's Google Drive, which is mounted if it is not yet, so that
    a new session finds the files again. Anywhere else it is `data` beside the notebook, or a
    temporary folder where the notebook's own folder may not be written to.

    Raises:
        NotADirectoryError: there is a file of that name.
    """
    path = _drive_folder() / "data" if in_colab() and not quick_run() else Path("data")
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"expected a folder at {path.resolve()}, got a file: rename the file and run again"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        path = Path(tempfile.gettempdir()) / "data"
        path.mkdir(exist_ok=True)
        print(f"Data goes to {path}, because a folder here cannot be made ({error.strerror}).")
    return path


def _drive_folder() -> Path:
    """Return the student's Google Drive, mounted; else the current folder, and print why."""
    drive = COLAB_DRIVE / "MyDrive"
    if not drive.is_dir():
        try:
            importlib.import_module("google.colab.drive").mount(str(COLAB_DRIVE))
        except Exception as error:  # a declined permission reaches us as several types
            print(f"Data stays in this session only: Google Drive is not mounted ({error}).")
            return Path()
    return drive


def device() -> torch.device:
    """Return the fastest device at hand: an NVIDIA GPU, an Apple GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def describe() -> None:
    """Print one line: where this runs, with which versions, on which device."""
    place = "Google Colab" if in_colab() else platform.system()
    parts = [
        f"{place}, Python {platform.python_version()}, PyTorch {torch.__version__}",
        f"device {device()}",
        f"{torch.get_num_threads()} CPU threads",
    ]
    if quick_run():
        parts.append("a quick run: little data")
    print("; ".join(parts))


def fetch(url: str) -> bytes:
    """Return what is at `url`, or raise OSError within `TIMEOUT_S` where there is no network.

    A server that failed is not tried again for a minute: a notebook asks several times.
    """
    host = url.split("/")[2]
    when, why = _failed_at.get(host, (-math.inf, ""))
    if time.monotonic() - when < _RETRY_S:
        raise OSError(why)
    answers: queue.Queue[bytes | Exception | None] = queue.Queue()

    def read() -> None:
        try:
            request = Request(url, headers={"User-Agent": "Mozilla/5.0 course_utils"})
            with urlopen(request, timeout=TIMEOUT_S) as response:
                answers.put(None)  # connected: from here a slow network may take its time
                answers.put(response.read())
        except Exception as error:
            answers.put(error)

    # A thread, because no timeout of Python's covers the look-up of a name.
    threading.Thread(target=read, daemon=True).start()
    try:
        answer = answers.get(timeout=TIMEOUT_S)
        answer = answers.get() if answer is None else answer
    except queue.Empty:
        answer = TimeoutError(f"no answer in {TIMEOUT_S:g} s")
    if isinstance(answer, bytes):
        return answer
    reason = answer.reason if isinstance(answer, URLError) else answer
    why = f"no network, {host}: {getattr(reason, 'strerror', None) or reason}"
    _failed_at[host] = time.monotonic(), why
    raise OSError(why)
