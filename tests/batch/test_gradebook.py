"""The one writer: rows as a serial nbgrader leaves them, in one transaction, with patience."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine

from autograder import GraderFault
from autograder.batch.database import Database
from autograder.batch.gradebook import GradebookWriter, Marks

MARKS = Marks({"nb/auto": 3.0, "nb/essay": None}, {"nb/code": None, "nb/essay": "No response."})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A gradebook with one assignment, whose only notebook has an automatic and a manual cell."""
    path = tmp_path / "gradebook.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    with Gradebook(f"sqlite:///{path}", "course") as gradebook:
        gradebook.add_assignment("hw", duedate="2020-01-01 12:00:00 UTC")
        gradebook.add_notebook("nb", "hw")
        gradebook.add_grade_cell("auto", "nb", "hw", max_score=5, cell_type="code")
        gradebook.add_grade_cell("essay", "nb", "hw", max_score=5, cell_type="markdown")
        gradebook.add_solution_cell("code", "nb", "hw")
        gradebook.add_solution_cell("essay", "nb", "hw")
    return path


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}", "course")
    yield database
    database.close()


@pytest.fixture
def writer(database: Database) -> GradebookWriter:
    return GradebookWriter(database, "hw")


def _change(path: Path, work: Callable[[Gradebook], object]) -> None:
    """Return after doing what a person does in formgrader."""
    with Gradebook(f"sqlite:///{path}", "course") as gradebook:
        work(gradebook)
        gradebook.db.commit()


def _grade(path: Path, name: str) -> dict[str, object]:
    with Gradebook(f"sqlite:///{path}", "course") as gradebook:
        return dict(gradebook.find_grade(name, "nb", "hw", "ada").to_dict())


def test_a_new_student_gets_a_row_for_every_cell(writer: GradebookWriter, path: Path) -> None:
    writer.write("ada", MARKS, None)
    assert writer.marks() == {"ada": MARKS}
    assert (_grade(path, "auto")["needs_manual_grade"], _grade(path, "auto")["auto_score"]) == (
        False,
        3.0,
    )
    assert _grade(path, "essay")["needs_manual_grade"] is True


def test_manual_scores_and_comments_survive(writer: GradebookWriter, path: Path) -> None:
    writer.write("ada", MARKS, None)

    def by_hand(gradebook: Gradebook) -> None:
        grade = gradebook.find_grade("auto", "nb", "hw", "ada")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 4.0, 1.0, False
        gradebook.find_comment("code", "nb", "hw", "ada").manual_comment = "well done"

    _change(path, by_hand)
    writer.write("ada", Marks({"nb/auto": 1.0, "nb/essay": None}, MARKS.comments), None)
    grade = _grade(path, "auto")
    assert (grade["auto_score"], grade["manual_score"], grade["extra_credit"]) == (1.0, 4.0, 1.0)
    assert grade["needs_manual_grade"] is True, "as nbgrader has it: a person looks again"
    with Gradebook(f"sqlite:///{path}", "course") as gradebook:
        assert gradebook.find_comment("code", "nb", "hw", "ada").comment == "well done"


def test_a_submission_that_fails_half_way_changes_nothing(
    writer: GradebookWriter, path: Path
) -> None:
    writer.write("ada", MARKS, None)
    with pytest.raises(KeyError):
        writer.write("ada", Marks({"nb/auto": 0.0, "nb/essay": None}, {}), None)
    with pytest.raises(KeyError):
        writer.write("bela", Marks({"nb/auto": 0.0, "nb/essay": None}, {}), None)
    assert writer.marks() == {"ada": MARKS}


def test_clearing_leaves_no_automatic_score_and_every_manual_one(
    writer: GradebookWriter, path: Path
) -> None:
    writer.write("ada", MARKS, None)
    writer.write("bela", MARKS, None)

    def by_hand(gradebook: Gradebook) -> None:
        gradebook.find_grade("auto", "nb", "hw", "ada").manual_score = 4.0

    _change(path, by_hand)
    writer.clear("ada")
    assert writer.marks()["ada"].scores == {"nb/auto": None, "nb/essay": None}
    assert _grade(path, "auto")["manual_score"] == 4.0
    assert writer.marks()["bela"] == MARKS


@pytest.mark.parametrize(("points", "kept"), [(2.0, 2.0), (9.0, 3.0), (-1.0, 0.0), (None, None)])
def test_a_late_penalty_is_the_plugins_but_never_more_than_the_score(
    database: Database, path: Path, points: float | None, kept: float | None
) -> None:
    asked = []

    def plugin(student: str, score: float, late_s: float) -> float | None:
        asked.append((student, score, late_s))
        return points

    writer = GradebookWriter(database, "hw", plugin)
    writer.write("ada", MARKS, datetime(2020, 1, 1, 13))
    assert asked == [("ada", 3.0, 3600.0)]
    with Gradebook(f"sqlite:///{path}", "course") as gradebook:
        notebook = gradebook.find_submission_notebook("nb", "hw", "ada")
        assert notebook.late_submission_penalty == kept


def test_who_is_not_late_pays_nothing(database: Database, path: Path) -> None:
    writer = GradebookWriter(database, "hw", lambda *late: pytest.fail("nobody is late"))
    writer.write("ada", MARKS, datetime(2020, 1, 1, 11))
    writer.write("bela", MARKS, None)


def test_a_locked_gradebook_is_waited_for(path: Path) -> None:
    said: list[str] = []
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def hear(text: str) -> None:
        said.append(text)
        if len(said) == 3:
            other.execute("COMMIT")

    database = Database(f"sqlite:///{path}", "course", on_wait=hear, try_s=0.01)
    writer = GradebookWriter(database, "hw")
    other.execute("BEGIN EXCLUSIVE")
    writer.write("ada", MARKS, None)
    assert writer.marks() == {"ada": MARKS}
    assert len(said) >= 3
    assert "another program keeps the gradebook locked" in said[0]
    database.close()
    other.close()


def test_a_lock_that_is_never_let_go_is_told_and_nothing_has_changed(path: Path) -> None:
    database = Database(f"sqlite:///{path}", "course", try_s=0.01, patience_s=0.1)
    writer = GradebookWriter(database, "hw")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GraderFault, match="kept the gradebook locked"):
        writer.write("ada", MARKS, None)
    other.execute("COMMIT")
    assert writer.marks() == {}
    database.close()
    other.close()


def test_a_full_disk_is_told_and_nothing_has_changed(path: Path, database: Database) -> None:
    writer = GradebookWriter(database, "hw")
    writer.write("ada", MARKS, None)
    # SQLite's own way to refuse growth: the message is that of a full disk.
    full = Marks({"nb/auto": 1.0, "nb/essay": None}, {"nb/code": "x" * 10**6, "nb/essay": None})

    def no_room(db: object) -> None:
        db.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

    database.transaction(no_room)
    with pytest.raises(GraderFault, match="disk is full"):
        writer.write("ada", full, None)
    assert writer.marks() == {"ada": MARKS}


def test_two_writers_do_not_abort_each_other(path: Path) -> None:
    def write(prefix: str) -> None:
        database = Database(f"sqlite:///{path}", "course", try_s=0.05)
        writer = GradebookWriter(database, "hw")
        for number in range(10):
            writer.write(f"{prefix}{number}", MARKS, None)
        database.close()

    threads = [threading.Thread(target=write, args=(prefix,)) for prefix in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = Database(f"sqlite:///{path}", "course")
    assert len(GradebookWriter(database, "hw").marks()) == 20
    database.close()
