"""What leaves a notebook: nothing comes of it, or it ends the kernel at once; never by chance."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode

from tests.judging.lab import ALL, graded, points, shown, with_cell

LEAVING = [
    "exit()",
    "quit",
    "exit(keep_kernel=True)",
    "import sys; sys.exit()",
    "raise SystemExit(3)",
    "get_ipython().ask_exit()",
    "get_ipython().kernel.do_shutdown(restart=False)",
    "import IPython; IPython.Application.instance().kernel.do_shutdown(True)",
    "import asyncio; asyncio.get_event_loop().stop()",
    "import asyncio, sys; asyncio.get_event_loop().call_later(0.2, sys.exit); None",
    "get_ipython().kernel.io_loop.stop()",
    "%reset -f\nfrom course_utils import *",
]
LATE = [
    "import os, threading; threading.Timer(0.1, os._exit, (0,)).start()",
    "import os, threading; threading.Timer(0.6, os.kill, (os.getpid(), 9)).start()",
    "import os, threading; threading.Timer(0.3, os.abort).start()",
    "import signal; signal.alarm(1)",
    "import signal; signal.setitimer(signal.ITIMER_PROF, 0.3)",
    "import os; os.system('(sleep 0.3; kill -TERM 2 $PPID) &')",
    "import faulthandler; faulthandler.dump_traceback_later(0.3, exit=True)",
    "import os, asyncio; asyncio.get_event_loop().call_later(0.2, os._exit, 0); None",
    "import os, signal; os.kill(os.getpid(), signal.SIGHUP)",
    "!kill -9 $PPID",
    "import os; os.system('(sleep 0.3; kill -9 2; kill -9 -1; kill -STOP 2) &')",
    "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))",
]
AT_ONCE = [
    "import os; os._exit(0)",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "import signal; signal.raise_signal(signal.SIGSEGV)",
    "import ctypes; ctypes.string_at(0)",
    "import psutil; psutil.Process().kill()",
]
# Some of these come by the clock, some by processor time.
_WAIT = "import time\nend = time.process_time() + 1.2\nwhile time.process_time() < end: pass"


def _waiting_after(source: str) -> NotebookNode:
    """Return a right hand-in with a cell more, and one that waits for what it sets off."""
    notebook = with_cell(source)
    at = next(i for i, cell in enumerate(notebook.cells) if cell.source == source)
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(_WAIT))
    return notebook


@pytest.mark.parametrize("source", LEAVING)
def test_what_leaves_a_notebook_does_nothing(source: str) -> None:
    # What `%reset` takes is the student's own: the exercise before it has its points by then.
    expected = ALL - 20 if source.startswith("%reset") else ALL
    assert points(_waiting_after(source)) == expected


def test_leaving_is_told_in_the_cell() -> None:
    notebook = with_cell("exit()\nprint('the rest ran')")
    assert points(notebook) == ALL
    assert "the cell that begins with `exit()` goes on" in shown(notebook)
    assert "the rest ran" in shown(notebook)


@pytest.mark.parametrize("source", LATE)
def test_what_would_end_the_kernel_later_does_nothing(source: str) -> None:
    assert points(_waiting_after(source)) == ALL


@pytest.mark.parametrize("source", AT_ONCE)
def test_what_ends_the_kernel_in_a_cell_ends_it_there(source: str) -> None:
    results = [graded(with_cell(source)) for _ in range(2)]
    assert results[0] == results[1]
    assert [r.points for r in results[0].values()][-1] == 0
    assert sum(r.points for r in results[0].values()) == 25
    reason = results[0]["training_step"].reason
    assert f"in the cell that begins with `{source.splitlines()[0][:60]}" in reason
    assert "the kernel died" in reason


@pytest.mark.slow
@pytest.mark.parametrize("source", [*LEAVING, *LATE, *AT_ONCE])
def test_ten_gradings_give_one_verdict(source: str) -> None:
    verdicts = {points(_waiting_after(source)) for _ in range(5)}
    verdicts |= {points(with_cell(source)) for _ in range(5)}
    assert len(verdicts) == 1


def test_processes_of_the_hand_ins_own_end_as_anywhere() -> None:
    source = """
import multiprocessing as mp, os, signal, subprocess, time
def wait(): time.sleep(60)
context = mp.get_context("fork")
process = context.Process(target=wait); process.start(); time.sleep(0.2); process.terminate()
process.join(5); print("terminated", process.exitcode)
child = subprocess.Popen(["sleep", "60"]); child.terminate(); print("ended", child.wait(5))
pid = os.fork()
if pid == 0:
    os._exit(7)
print("left", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    notebook = with_cell(source)
    assert points(notebook) == ALL
    assert "terminated -15" in shown(notebook)
    assert "ended -15" in shown(notebook)
    assert "left 7" in shown(notebook)
