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
from autograder.maintain.threats.attack import Attack
from autograder.maintain.threats.run import gradebook_points, make_course
from tests.sandbox import ordinary_user
from tests.sandbox.shares import ATTACKS, ENDED

pytestmark = pytest.mark.slow
NEIGHBOURS = 10
OPEN_FILES = 1024
HOLD = "import time\ntime.sleep(8)"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="class-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_neighbours_of_hostile_hand_ins_are_graded(folder: Path) -> None:
    python, environment = ordinary_user.python(folder / "python")
    course = make_course(folder / "course", stock=False, graded_before=False)
    # In the first cell, so that the neighbours are graded meanwhile.
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
    ended = set()
    for name in ATTACKS:
        graded = course / "autograded" / f"a-{name}" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        cells = json.loads(graded.read_text())["cells"]
        shown = " ".join(str(cell["outputs"]) for cell in cells if cell["cell_type"] == "code")
        if name in ENDED and f"held too many {ENDED[name]}" in shown:
            ended.add(ENDED[name])
        else:
            assert gradebook_points(course, f"a-{name}") == FULL, (name, shown[-2000:])
    # Two of them send descriptors: run at once, the one may leave the other none to send.
    assert ended == set(ENDED.values())
