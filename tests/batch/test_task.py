"""One submission as one task: the same rows and files as a serial `nbgrader autograde`."""

from __future__ import annotations

import errno
import gc
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from autograder.assignments.cnns.made_class import CHAIN, HAND_INS, MadeHandIn, hand_in
from autograder.batch import grade_class
from autograder.batch import task as task_module
from autograder.batch.grade_class import Selection
from autograder.batch.task import Fault, Graded, _keep_what_is_imported, _lay_out, grade_hand_in
from autograder.course.assignment import read_assignment
from autograder.course.course import open_course
from autograder.intake.read_folder import HandedFile, HandIn
from autograder.judging.graded_notebook import METADATA, autograded_id
from tests.batch import cheap
from tests.conftest import run_nbgrader

_MADE = {student.name: student for student in HAND_INS}
CLASS = [
    _MADE["jon"],
    MadeHandIn("chain", "only the chain, late, with a file", {"conv_pool_conv": CHAIN}),
]


def _comparable(files: dict[str, bytes]) -> dict[str, object]:
    """Return the files, without what differs from one run to the next.

    That is seconds and bytes, and what a student's cells print: some draw numbers at random.
    """
    compared: dict[str, object] = {}
    for name, data in files.items():
        compared[name] = data
        if name.endswith(".ipynb"):
            notebook = nbformat.reads(data.decode(), 4)
            assert notebook.metadata.pop(METADATA)["sandboxed"]
            for cell in notebook.cells:
                if cell.cell_type == "code" and autograded_id(cell) is None:
                    cell.outputs = [output.output_type for output in cell.outputs]
            compared[name] = notebook
    return compared


def _hand_in(course: Path, students: list[MadeHandIn]) -> None:
    release = nbformat.read(course / "release" / "cnns" / "cnns.ipynb", 4)
    (course / "release" / "cnns" / "lookup.txt").write_text("a file that everybody gets")
    for student in students:
        folder = course / "submitted" / student.name / "cnns"
        folder.mkdir(parents=True)
        (folder / "cnns.ipynb").write_bytes(hand_in(student, release))
        (folder / "note.txt").write_text(f"a note of {student.name}")
        (folder / "timestamp.txt").write_text("2030-01-01 12:00:00 UTC")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    cheap.change(
        course,
        lambda gradebook: gradebook.update_or_create_assignment(
            "cnns", duedate="2029-01-01 12:00:00 UTC"
        ),
    )


def _compare(course: Path, tmp_path: Path, students: list[MadeHandIn]) -> None:
    _hand_in(course, students)
    serial, ours = shutil.copytree(course, tmp_path / "serial"), course
    for folder in (serial, ours):
        (folder / ".autograder").mkdir(exist_ok=True)
        (folder / ".autograder" / "secret").write_text("the same secret")
    run_nbgrader(serial, "autograde", "cnns")
    summary = grade_class.grade(ours, "cnns", Selection([s.name for s in students]), workers=2)
    assert [outcome.fault for outcome in summary.outcomes] == [""] * len(students)
    assert cheap.rows(ours) == cheap.rows(serial)
    assert any(row[4] for row in cheap.rows(ours)["notebooks"]), "late, so there is a penalty"
    files = cheap.graded_files(ours)
    assert _comparable(files) == _comparable(cheap.graded_files(serial))
    for name in files:
        modes = [(c / "autograded" / name).stat().st_mode for c in (ours, serial)]
        assert stat.S_IMODE(modes[0]) == stat.S_IMODE(modes[1]), name


@pytest.mark.slow
def test_rows_and_files_are_those_of_a_serial_run(fresh: Path, tmp_path: Path) -> None:
    _compare(fresh, tmp_path, CLASS)


@pytest.mark.slow
def test_rows_and_files_of_the_made_class_are_those_of_a_serial_run(
    fresh: Path, tmp_path: Path
) -> None:
    _compare(fresh, tmp_path, list(HAND_INS))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("2030-01-01 12:00:00 UTC", True),
        ("tomorrow, I hope", False),
        ("", False),
        ("9" * 99, False),
        ("9" * 90 + "h", False),
        ("2030-01-01 12:00:00 XYZ", True),
    ],
)
def test_a_date_that_cannot_be_read_is_left_out_and_told(
    text: str, known: bool, tmp_path: Path
) -> None:
    file = HandedFile("timestamp.txt", len(text), text.encode())
    handed_in = HandIn({"cnns": b"{}"}, {}, (), (file,), (), text)
    _lay_out(handed_in, tmp_path / "ada" / "cnns", ["cnns"])
    assert (handed_in.time is not None) == known
    assert any("left out" in sentence for sentence in handed_in.remarks()) == (
        not known and text != ""
    )
    assert (tmp_path / "ada" / "cnns" / "timestamp.txt").exists() == known


def test_a_task_leaves_the_assignment_as_it_was_and_its_imports_uncollected(fresh: Path) -> None:
    course = open_course(fresh)
    assignment = read_assignment(course, "cnns", sandboxed=True)
    before = assignment.digests()
    frozen = gc.get_freeze_count()
    _keep_what_is_imported.cache_clear()
    missing = HandIn({}, {"cnns": "it is missing"}, (), (), (), None)
    assert isinstance(grade_hand_in("ada", missing, assignment), Graded)
    assert assignment.digests() == before
    assert gc.get_freeze_count() > frozen  # what it imported is not collected over again


@pytest.mark.parametrize(("free_bytes", "everybodys"), [(2**40, False), (2**20, True)])
def test_a_disk_is_called_full_only_when_it_is(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, everybodys: bool
) -> None:
    found = SimpleNamespace(
        f_frsize=1,
        f_bavail=free_bytes,
        f_files=10**6,
        f_favail=10**5,
    )
    monkeypatch.setattr(task_module.os, "statvfs", lambda path: found)

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(task_module, "_autograde", fail)
    course = open_course(fresh)
    assignment = read_assignment(course, "cnns", sandboxed=True)
    missing = HandIn({}, {"cnns": "it is missing"}, (), (), (), None)
    outcome = grade_hand_in("ada", missing, assignment)
    assert isinstance(outcome, Fault)
    assert (outcome.everybodys, outcome.neighbours) == (everybodys, not everybodys)
    assert ("is full" in outcome.message) == everybodys


def test_a_check_that_the_system_refuses_something_is_named(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        error = FileNotFoundError(errno.ENOENT, "No such file")
        error.add_note("the check cnns/net_shape raised FileNotFoundError at checks.py:7")
        raise error

    monkeypatch.setattr(task_module, "_autograde", fail)
    assignment = read_assignment(open_course(fresh), "cnns", sandboxed=True)
    missing = HandIn({}, {"cnns": "it is missing"}, (), (), (), None)
    outcome = grade_hand_in("ada", missing, assignment)
    assert isinstance(outcome, Fault)
    assert "the check cnns/net_shape raised FileNotFoundError at checks.py:7" in outcome.message
