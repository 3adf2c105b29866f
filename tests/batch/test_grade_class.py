"""A class at a time, with tasks that cost nothing: what is graded, what is kept, what a fault does.

The runs share one cluster of two processes, as `--scheduler` has it.
"""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import dask
import pytest
from nbgrader.api import Gradebook

from autograder import GraderFault
from autograder.batch import atomic_files, cluster, grade_class, progress
from autograder.batch.grade_class import INTERRUPTED, Outcome, RunSummary, Selection
from autograder.batch.run_records import Change
from autograder.batch.task import Fault, grade_hand_in
from autograder.commands.grade import INTERRUPTED as CTRL_C
from autograder.intake.read_folder import HandIn
from autograder.maintain.bench.setting import cluster_in_threads
from autograder.sandbox import alive
from tests.batch import cheap
from tests.batch.cheap import (
    BREAKS,
    DISK_FULL,
    FAILS_ONCE,
    KILLS,
    KILLS_ONCE,
    grade_cheaply,
    hand_in,
    names,
    results,
)
from tests.conftest import ROOT


class Heard(grade_class.Observer):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.standing: list[str] = []
        self.most_workers = 0
        self.outcomes: list[Outcome] = []
        self.held: list[Change] = []

    def stands(self, student: str) -> None:
        self.standing.append(student)

    def workers(self, count: int) -> None:
        self.most_workers = max(self.most_workers, count)

    def holds(self, change: Change) -> None:
        self.held.append(change)

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two workers."""
    with cluster_in_threads(workers=2) as cluster:
        yield cluster.scheduler_address


def _grade(
    course: Path,
    scheduler: str | None,
    students: Sequence[str],
    *,
    observer: grade_class.Observer | None = None,
    **selection: object,
) -> RunSummary:
    return grade_class.grade(
        course,
        "cnns",
        Selection(students, **selection),  # type: ignore[arg-type]
        sandboxed=False,
        workers=2,
        scheduler=scheduler,
        observer=observer,
        task=grade_cheaply,
    )


def _due(course: Path, students: Sequence[str]) -> dict[str, str]:
    due = grade_class.plan(course, "cnns", Selection(students), sandboxed=False)
    return {entry.student: entry.reason for entry in due}


def test_workers_do_without_dasks_profiler() -> None:
    with cluster.open_client(workers=1) as client:
        told = client.run(dask.config.get, "distributed.worker.profile.enabled")
    assert list(told.values()) == [False]


def test_each_worker_has_a_core_of_its_own() -> None:
    assert grade_class.cores() > 1, "on one core there is nothing to tell"
    with cluster.open_client(workers=2) as client:
        told = [
            client.submit(os.sched_getaffinity, 0, workers=[address], pure=False)
            for address in client.scheduler_info()["workers"]
        ]
        cores = client.gather(told)
    assert [len(each) for each in cores] == [1, 1]
    assert cores[0] != cores[1]


_WORKERS = """
import gc, os, sys, tempfile
from autograder.batch import cluster
from autograder.batch import forkserver_preload as preloaded

def told():
    from autograder.sandbox.forking import fork_server
    wanted = {"autograder.nbgrader_step", "autograder.assignments.cnns.checks"}
    imported = wanted <= set(sys.modules)
    own_folder = tempfile.gettempdir() == os.environ["TMPDIR"]
    return (
        os.getpid(), fork_server().namespace, os.environ["SEEN"], imported, own_folder,
        gc.isenabled(),
    )

if __name__ == "__main__":
    preloaded.start("cnns", forks=True)
    os.environ["SEEN"] = "later"
    with cluster.open_client(workers=2) as client:
        for each in client.run(told).values():
            print(*each)
"""


def test_workers_have_imported_what_they_need_and_share_a_fork_server(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_WORKERS)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    workers = [line.split() for line in done.stdout.splitlines()]
    assert len({pid for pid, *_ in workers}) == 2
    (rest,) = {tuple(rest) for _, *rest in workers}
    assert rest[1:] == ("later", "True", "True", "True")
    deadline = time.monotonic() + 30
    while alive(int(rest[0])):
        assert time.monotonic() < deadline, "the fork server ends with the grader"
        time.sleep(0.05)


def test_what_has_not_changed_is_not_graded_again(fresh: Path, scheduler: str) -> None:
    students = names(5)
    hand_in(fresh, students)
    assert set(_due(fresh, students).values()) == {"it has no result yet"}
    heard = Heard()
    first = _grade(fresh, scheduler, students, observer=heard)
    assert ([outcome.fault for outcome in first.outcomes], first.left) == ([""] * 5, 0)
    assert heard.most_workers == 2
    kept = results(fresh)
    assert {row[0] for row in kept[0]["students"]} == set(students)
    assert sum(name.endswith("cnns.ipynb") for name in kept[1]) == 5

    again = _grade(fresh, scheduler, students)
    assert (again.outcomes, again.unchanged) == ((), 5)

    hand_in(fresh, students[:1], b"changed")
    second, third, fourth = students[1:4]
    with Gradebook(f"sqlite:///{fresh / 'gradebook.db'}", "cnn-course") as gradebook:
        gradebook.find_grade("net_shape", "cnns", "cnns", second).auto_score = 99.0
        gradebook.find_grade("net_shape", "cnns", "cnns", fourth).manual_score = 4.0
        gradebook.db.commit()
    (fresh / "autograded" / third / "cnns" / "cnns.ipynb").unlink()
    assert _due(fresh, students) == {
        students[0]: "the hand-in has changed",
        second: "the gradebook does not hold its result",
        third: "its graded files are not as they were",
    }, "and a score by hand is no reason to grade again"
    heard = Heard()
    assert [
        o.student for o in _grade(fresh, scheduler, students, observer=heard, limit=1).outcomes
    ] == [students[0]]
    _grade(fresh, scheduler, students)
    assert results(fresh)[1].keys() == kept[1].keys()
    assert _due(fresh, students) == {}

    config = fresh / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Judge.cell_timeout_s = 121\n")
    assert set(_due(fresh, students).values()) == {"the configuration has changed"}
    (fresh / ".autograder" / "secret").write_text("another")
    (fresh / "release" / "cnns" / "beside.txt").write_text("a new file for everybody")
    assert set(_due(fresh, students).values()) == {"the assignment has changed"}
    shutil.rmtree(fresh / ".autograder" / "graded")
    (fresh / ".autograder" / "graded" / "cnns").mkdir(parents=True)
    (fresh / ".autograder" / "graded" / "cnns" / f"{second}.json").write_text('{"depends": ')
    assert set(_due(fresh, students).values()) == {"it has no result yet"}


def test_a_forced_run_ends_in_the_same_gradebook_and_keeps_what_was_done_by_hand(
    fresh: Path, scheduler: str
) -> None:
    students = names(3)
    hand_in(fresh, students)
    _grade(fresh, scheduler, students)
    before = results(fresh)
    assert len(_grade(fresh, scheduler, students, force=True).outcomes) == 3
    assert results(fresh) == before


def test_faults_of_single_hand_ins_are_told_apart_and_the_rest_goes_on(
    fresh: Path, scheduler: str, tmp_path: Path
) -> None:
    students = names(6)
    hand_in(fresh, students)
    _grade(fresh, scheduler, students)
    before = cheap.rows(fresh)
    hand_in(fresh, students[:1], KILLS + b" always ")
    hand_in(fresh, students[1:2], BREAKS)
    hand_in(fresh, students[2:3], KILLS_ONCE + f"{tmp_path / 'mark'} ".encode())
    hand_in(fresh, students[3:], b"changed ")
    heard = Heard()
    summary = _grade(fresh, None, students, observer=heard)
    faults = {outcome.student: outcome.fault for outcome in summary.outcomes}
    assert "took 3 workers with it" in faults.pop(students[0])
    assert faults.pop(students[1]) == "a check is broken"
    assert faults == dict.fromkeys(students[2:], ""), "who was beside the culprit is not blamed"
    assert sorted(o.student for o in heard.outcomes) == students
    scores = {row[0]: row[3] for row in cheap.rows(fresh)["grades"] if row[2] == "net_shape"}
    assert (scores[students[0]], scores[students[1]]) == (None, None), "no old score stands"
    assert not (fresh / "autograded" / students[0] / "cnns").exists()
    assert set(_due(fresh, students)) == set(students[:2])

    hand_in(fresh, students)
    _grade(fresh, scheduler, students)
    assert cheap.rows(fresh) == before, "what is mended is graded, and all is as it was"


def test_what_failed_beside_others_is_tried_once_more_alone(
    fresh: Path, scheduler: str, tmp_path: Path
) -> None:
    once = FAILS_ONCE + str(tmp_path / "mark").encode() + b" "
    hand_in(fresh, names(3))
    hand_in(fresh, ["unlucky"], once)
    summary = _grade(fresh, scheduler, [*names(3), "unlucky"])
    assert (summary.stopped, [outcome.fault for outcome in summary.outcomes]) == ("", [""] * 4)
    assert summary.outcomes[-1].student == "unlucky"


def test_a_dangerous_id_is_refused_with_a_sentence_and_the_rest_is_graded(
    fresh: Path, scheduler: str
) -> None:
    odd = ["<img src=x onerror=alert(1)>", "a\x1b[31m", "=1+1"]
    hand_in(fresh, [*odd, "-ada", "bela"])
    summary = _grade(fresh, scheduler, [*odd, "-ada", "bela"])
    faults = {outcome.student: outcome.fault for outcome in summary.outcomes}
    assert {student for student, fault in faults.items() if fault} == set(odd)
    assert all("rename the student's folder" in faults[student] for student in odd)
    assert {row[0] for row in cheap.rows(fresh)["grades"]} == {"-ada", "bela"}


def test_a_lost_scheduler_stops_the_run_and_the_next_one_goes_on(
    fresh: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 2)
    students = names(30)
    hand_in(fresh, students)
    _grade(fresh, scheduler, students)
    wanted = results(fresh)
    hand_in(fresh, students, b"changed ")
    _grade(fresh, scheduler, students)
    hand_in(fresh, students)

    class Closes(Heard):
        def holds(self, change: Change) -> None:
            super().holds(change)
            if len(self.held) == 3:
                threads.close()

    log = io.StringIO()
    with cluster_in_threads(workers=1) as threads:
        handler = logging.StreamHandler(log)
        logging.getLogger("distributed").addHandler(handler)
        summary = _grade(fresh, threads.scheduler_address, students, observer=Closes())
        logging.getLogger("distributed").removeHandler(handler)
    assert summary.stopped == "the connection to the scheduler was lost"
    assert "Traceback" not in log.getvalue()
    assert len(summary.outcomes) + summary.left == len(students)
    assert summary.left > 0
    assert len(_grade(fresh, scheduler, students).outcomes) == summary.left
    assert results(fresh) == wanted


def test_a_scheduler_that_does_not_answer_is_told(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    hand_in(fresh, names(1))
    assert "does not answer" in _grade(fresh, "tcp://127.0.0.1:1", names(1)).stopped


def test_a_fault_of_everybodys_stops_the_run_and_changes_nobodys_points(
    fresh: Path, scheduler: str
) -> None:
    students = names(4)
    hand_in(fresh, students)
    _grade(fresh, scheduler, students)
    before = results(fresh)
    hand_in(fresh, students, DISK_FULL)
    summary = _grade(fresh, scheduler, students)
    assert (summary.stopped, summary.left) == ("the disk is full", 4)
    assert results(fresh) == before
    assert set(_due(fresh, students)) == set(students)


def test_a_full_disk_of_the_drivers_stops_the_run_and_the_next_one_ends_well(
    fresh: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    students = names(3)
    hand_in(fresh, students)
    write = atomic_files.write

    def no_room(path: Path, data: bytes, mode: int = 0o644) -> None:
        if students[1] in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, mode)

    monkeypatch.setattr(atomic_files, "write", no_room)
    summary = _grade(fresh, scheduler, students)
    assert "No space left on device" in summary.stopped
    assert summary.left >= 1
    monkeypatch.setattr(atomic_files, "write", write)
    assert _grade(fresh, scheduler, students).stopped == ""
    assert _due(fresh, students) == {}
    assert len(cheap.graded_files(fresh)) == 6


def test_a_second_run_beside_the_first_is_refused(fresh: Path) -> None:
    hand_in(fresh, names(1))
    with grade_class._alone(fresh), pytest.raises(GraderFault, match="another run"):
        _due(fresh, names(1))


def test_an_assignment_without_a_release_is_told(fresh: Path) -> None:
    (fresh / "release" / "cnns" / "cnns.ipynb").unlink()
    with pytest.raises(GraderFault, match="nbgrader generate_assignment cnns"):
        _due(fresh, names(1))


def test_a_worker_with_other_checks_is_refused(fresh: Path) -> None:
    run = grade_class._opened(fresh, "cnns", False, grade_class.Observer())
    with run as opened:
        other = replace(opened.assignment, checks="another version")
    fault = grade_hand_in("ada", HandIn({}, {}, (), (), (), None), other)
    assert isinstance(fault, Fault)
    assert fault.everybodys
    assert "another version" in fault.message


_DRIVER = """
import signal, sys
from pathlib import Path
from autograder.batch import grade_class as batch
from autograder.commands import cli

def grade_cheaply(*given):
    from tests.batch import cheap  # imports Dask
    return cheap.grade_cheaply(*given)

def main():
    # What a shell starts in the background ignores Ctrl-C, and so may these tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    course = Path(sys.argv[1])
    grade = batch.grade
    batch.grade = lambda *a, **o: grade(*a, **{**o, "task": grade_cheaply})
    sys.argv[1:] = ["grade", "cnns", f"--course={course}", "--unsafe-no-sandbox", "--workers=2"]
    cli.app()

if __name__ == "__main__":
    main()
"""


def _interrupted(course: Path, folder: Path, at: str, after_s: float = 0.0) -> tuple[int, str]:
    """Return exit status and output of a run that gets Ctrl-C some time after it has said `at`."""
    script = folder / "driver.py"
    script.write_text(_DRIVER)
    with subprocess.Popen(
        [sys.executable, script, course],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as driver:
        assert driver.stdout is not None
        lines = []
        for line in driver.stdout:
            lines.append(line)
            if at in line:
                time.sleep(after_s)
                os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to the workers too
    return driver.returncode, "".join(lines)


@pytest.mark.parametrize("after_s", [0.1, 0.5, 2.0, 4.0])
def test_ctrl_c_while_workers_start_stops_cleanly(
    fresh: Path, tmp_path: Path, after_s: float
) -> None:
    hand_in(fresh, names(500))  # on no machine done when it comes
    code, printed = _interrupted(fresh, tmp_path, "500 hand-ins to look at", after_s)
    assert code == CTRL_C, printed
    assert f"Stopped: {INTERRUPTED}" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(fresh: Path, tmp_path: Path) -> None:
    students = names(2000)
    hand_in(fresh, students)
    log = fresh / progress.FOLDER / "cnns.jsonl"
    code, printed = _interrupted(fresh, tmp_path, "[3/2000]")
    assert code == CTRL_C, printed
    said = " ".join(printed.split())
    assert f"Stopped: {INTERRUPTED}" in said
    assert "To go on, run the same command again" in said
    assert "Traceback" not in said.split("Stopped")[0], "it stops as one expects it to"
    done = [json.loads(line) for line in log.read_text().splitlines()]
    assert 3 <= len(done) < len(students)
    assert {"student", "points", "verdicts", "fault", "time"} <= set(done[0])
    assert len(_due(fresh, students)) == len(students) - len(done)
