"""One hand-in that uses up what Linux counts by user: the others of the class are graded.

The grader is an ordinary user with few descriptors, as the documentation advises.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.maintain.threats.assignment import ASSIGNMENT, FULL, SOLUTIONS, submit
from autograder.maintain.threats.attack import Attack, source
from autograder.maintain.threats.run import gradebook_points, make_course
from tests.sandbox import ordinary_user

pytestmark = pytest.mark.slow
NEIGHBOURS = 10
OPEN_FILES = 1024
HOLD = "import time\ntime.sleep(8)"

# What each does stands in its first cell, so that its neighbours are graded meanwhile.
ATTACKS = {
    "descriptors": source("""
        import os, socket
        kept, null = [], os.open("/dev/null", os.O_RDONLY)
        try:
            while True:
                a, b = socket.socketpair()
                kept += [a, b]
                for _ in range(200):
                    a.setblocking(False)
                    socket.send_fds(a, [b"x"], [null] * 250)
        except OSError:
            pass
        while True:
            try:
                socket.send_fds(kept[0], [b"x"], [null] * 250)
            except OSError:
                break
    """),
    "descriptors-in-sockets": source("""
        import os, socket
        null = os.open("/dev/null", os.O_RDONLY)
        outer, far = socket.socketpair()
        try:
            for _ in range(100):
                a, b = socket.socketpair()
                socket.send_fds(a, [b"x"], [null] * 250)
                socket.send_fds(outer, [b"x"], [b.fileno()])
                a.close()
                b.close()
        except OSError:
            pass
    """),
    "watches": source("""
        import os, select
        pipes = [os.pipe() for _ in range(90)]
        kept = []
        try:
            while True:
                poll = select.epoll()
                kept.append(poll)
                for pair in pipes:
                    for end in pair:
                        poll.register(end, select.EPOLLIN)
        except OSError:
            pass
        for _ in range(200):
            try:
                if os.fork() == 0:
                    for _ in range(300):
                        poll = select.epoll()
                        kept.append(poll)
                        for pair in pipes:
                            poll.register(pair[0], select.EPOLLIN)
                    import time
                    time.sleep(30)
                    os._exit(0)
            except OSError:
                break
    """),
    "inotify": source("""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        print([libc.inotify_init1(0) for _ in range(200)][-1])
    """),
    "terminals": source("""
        import os
        kept = []
        try:
            while True:
                kept.append(os.openpty())
        except OSError as error:
            print(error)
    """),
    "pipes": source("""
        import fcntl, os
        kept = []
        try:
            while True:
                pair = os.pipe()
                kept.append(pair)
                os.set_blocking(pair[1], False)
                os.write(pair[1], b"x" * 65536)
                fcntl.fcntl(pair[1], 1031, 2**20)
        except OSError as error:
            print(error)
        for _ in range(100):
            if os.fork() == 0:
                try:
                    while True:
                        kept.append(os.pipe())
                except OSError:
                    import time
                    time.sleep(30)
                    os._exit(0)
    """),
    "locks": source("""
        import fcntl
        file = open("locked", "wb")
        try:
            for at in range(0, 2_000_000, 2):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
        except OSError as error:
            print(error)
    """),
    "mappings": source("""
        import mmap, os, time
        for _ in range(40):
            if os.fork() == 0:
                kept = []
                try:
                    while True:
                        kept.append(mmap.mmap(-1, 4096, prot=1 + len(kept) % 2 * 2))
                except OSError:
                    time.sleep(30)
                    os._exit(0)
    """),
}
ENDED = {  # what ends a hand-in that goes on; the others are refused what they ask for
    "descriptors": "descriptors on their way through sockets",
    "descriptors-in-sockets": "descriptors on their way through sockets",
    "watches": "watches of epoll",
    "pipes": "pipes",
    "terminals": "terminals",
    "locks": "locks of files",
    "mappings": "mappings of memory",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="class-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_neighbours_of_hostile_hand_ins_are_graded(folder: Path) -> None:
    python, environment = ordinary_user.python(folder / "python")
    course = make_course(folder / "course", stock=False, graded_before=False)
    for name, code in ATTACKS.items():
        attack = Attack(name, "", SOLUTIONS, opening=f"{code}\n{HOLD}")
        submit(course, f"a-{name}", attack)
    for number in range(NEIGHBOURS):
        submit(course, f"ada-{number}", Attack("honest", "", SOLUTIONS))
    if os.geteuid() == 0:
        subprocess.run(
            ["chown", "-R", f"{ordinary_user.USER}:{ordinary_user.GROUP}", str(course)], check=True
        )
    arguments = [str(python), "-m", "autograder", "grade", ASSIGNMENT, "--workers=4"]
    done = subprocess.run(
        ordinary_user.command(arguments, open_files=OPEN_FILES),
        cwd=course,
        env={**environment, "HOME": str(course / "home"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    points = {n: gradebook_points(course, f"ada-{n}") for n in range(NEIGHBOURS)}
    assert points == dict.fromkeys(range(NEIGHBOURS), FULL), done.stdout
    for name in ATTACKS:
        graded = course / "autograded" / f"a-{name}" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        cells = json.loads(graded.read_text())["cells"]
        shown = " ".join(str(cell["outputs"]) for cell in cells if cell["cell_type"] == "code")
        if name in ENDED:
            assert f"held too many {ENDED[name]}" in shown, (name, shown[-2000:])
        else:
            assert gradebook_points(course, f"a-{name}") == FULL, name
