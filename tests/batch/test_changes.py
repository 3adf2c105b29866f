"""Points that stand and would be others: who gains and who loses is said before it is written."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from rich.console import Console
from typer.testing import CliRunner

from autograder import GraderFault
from autograder.batch import cluster, grade_class, progress
from autograder.batch._held_results import FOLDER as HELD
from autograder.batch._run import LATE
from autograder.batch.grade_class import Observer, RunSummary, Selection
from autograder.batch.run_records import Change, Outcome, counted, listed
from autograder.batch.task import Fault, Graded
from autograder.commands import grade as grade_command
from autograder.commands.cli import app
from autograder.course.assignment import Assignment
from autograder.intake.read_folder import HandIn
from autograder.maintain.bench.setting import cluster_in_threads
from tests.batch import cheap
from tests.batch.cheap import grade_cheaply, hand_in, names

CHECKS_CHANGED = "the configuration has changed"  # which stands for a check that was mended
STUDENTS = names(4)
SHIFTS = {STUDENTS[0]: 2.0, STUDENTS[1]: -1.0, STUDENTS[2]: 0.0}  # of the mended check


def grade_anew(student: str, handed_in: HandIn, assignment: Assignment) -> Graded | Fault:
    """Return what a mended check gives: for some more, for some less."""
    result = grade_cheaply(student, handed_in, assignment)
    if isinstance(result, Fault):
        return result
    scores = dict(result.marks.scores)
    scores["cnns/net_shape"] = (scores["cnns/net_shape"] or 0) + SHIFTS.get(student, 0)
    return replace(result, marks=replace(result.marks, scores=scores))


class Watching(Observer):
    """Remembers what was said, and what stood in the gradebook then."""

    def __init__(self, course: Path) -> None:
        self._course = course
        self.said: list[Change] = []
        self.stood: dict[str, list[tuple]] = {}
        self.done_after: list[str] = []

    def changes(self, changes: Sequence[Change]) -> None:
        self.said = list(changes)
        self.stood = cheap.rows(self._course)

    def done(self, outcome: Outcome) -> None:
        self.done_after.append(outcome.student)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with cluster_in_threads(workers=2) as threads:
        yield threads.scheduler_address


def _grade(
    course: Path, scheduler: str, *, task: object = grade_anew, **options: object
) -> RunSummary:
    selection = Selection(STUDENTS, force=bool(options.pop("force", False)))
    return grade_class.grade(
        course,
        "cnns",
        selection,
        sandboxed=False,
        scheduler=scheduler,
        task=task,  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )


def _mend_a_check(course: Path) -> None:
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Judge.cell_timeout_s = 121\n")


@pytest.fixture
def graded(fresh: Path, scheduler: str) -> Path:
    """A course with three results that stand, and one hand-in that came later."""
    hand_in(fresh, STUDENTS[:3])
    grade_class.grade(
        fresh,
        "cnns",
        Selection(STUDENTS[:3]),
        sandboxed=False,
        scheduler=scheduler,
        task=grade_cheaply,
    )
    hand_in(fresh, STUDENTS[3:])
    return fresh


def _totals(course: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in cheap.rows(course)["grades"]:
        found[row[0]] = found.get(row[0], 0.0) + (row[3] or 0.0)
    return found


def test_a_run_says_who_gains_and_who_loses_before_it_writes_it(
    graded: Path, scheduler: str
) -> None:
    before, stood = cheap.rows(graded), _totals(graded)
    _mend_a_check(graded)
    watching = Watching(graded)
    summary = _grade(graded, scheduler, observer=watching)
    assert [(c.student, c.gained) for c in watching.said] == [(STUDENTS[1], -1), (STUDENTS[0], 2)]
    assert {c.reason for c in watching.said} == {CHECKS_CHANGED}
    old = {row for row in before["grades"] if row[0] in SHIFTS}
    assert {row for row in watching.stood["grades"] if row[0] in SHIFTS} == old, "not written yet"
    changed = {o.student: o.change for o in summary.outcomes if o.change}
    assert changed == {change.student: change for change in watching.said}, "and listed afterwards"
    assert _totals(graded) == {
        **{student: stood[student] + shift for student, shift in SHIFTS.items()},
        STUDENTS[3]: _totals(graded)[STUDENTS[3]],
    }
    assert summary.held == ()
    assert not list((graded / HELD / "cnns").iterdir())


def test_a_preview_writes_nothing_and_the_next_run_grades_nothing_again(
    graded: Path, scheduler: str
) -> None:
    before = cheap.results(graded)
    _mend_a_check(graded)
    summary = _grade(graded, scheduler, preview=True)
    assert cheap.results(graded) == before
    assert summary.outcomes == ()
    assert [c.gained for c in summary.held if c.changes] == [-1, 2]
    assert [c.student for c in summary.held if c.before is None] == [STUDENTS[3]]
    due = grade_class.plan(graded, "cnns", Selection(STUDENTS), sandboxed=False)
    assert [entry.runs for entry in due] == [False] * 4

    def fail(*arguments: object) -> Fault:
        return Fault("it grades again", everybodys=True)

    written = _grade(graded, scheduler, task=fail)
    assert (written.stopped, len(written.outcomes), written.held) == ("", 4, ())
    assert sum(outcome.change is not None for outcome in written.outcomes) == 2
    assert _grade(graded, scheduler, task=fail).unchanged == 4


def test_a_preview_of_what_has_changed_since_is_forgotten(graded: Path, scheduler: str) -> None:
    _mend_a_check(graded)
    _grade(graded, scheduler, preview=True)
    hand_in(graded, STUDENTS[:1], b"another ")
    summary = _grade(graded, scheduler, task=grade_cheaply)
    assert len(summary.outcomes) == 4
    assert _grade(graded, scheduler).unchanged == 4
    assert not list((graded / HELD / "cnns").iterdir())


def test_a_run_that_had_to_stop_leaves_its_results_for_the_next_one(
    graded: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One task at a time: Dask tells in any order of those that are done.
    monkeypatch.setattr(cluster, "_LEAST", 1)
    monkeypatch.setattr(cluster, "_A_THREAD", 0)
    before = cheap.rows(graded)
    _mend_a_check(graded)

    def stops_at_last(student: str, handed_in: HandIn, assignment: Assignment) -> Graded | Fault:
        if student == STUDENTS[3]:
            return Fault("the disk is full", everybodys=True)
        return grade_anew(student, handed_in, assignment)

    summary = _grade(graded, scheduler, task=stops_at_last)
    assert summary.stopped == "the disk is full"
    assert [c.gained for c in summary.held] == [-1, 2]
    assert [o.student for o in summary.outcomes] == [STUDENTS[2]], "whose points are the same"
    assert summary.left == 3
    assert cheap.rows(graded)["grades"] == before["grades"]

    def only_the_last(student: str, handed_in: HandIn, assignment: Assignment) -> Graded | Fault:
        if student != STUDENTS[3]:
            return Fault("it grades again", everybodys=True)
        return grade_anew(student, handed_in, assignment)

    again = _grade(graded, scheduler, task=only_the_last)
    assert (again.stopped, len(again.outcomes), again.unchanged) == ("", 3, 1)


def test_a_fault_in_a_preview_clears_nothing(graded: Path, scheduler: str) -> None:
    before = cheap.results(graded)
    summary = _grade(
        graded, scheduler, task=lambda *given: Fault("a bug"), preview=True, force=True
    )
    assert [outcome.fault for outcome in summary.outcomes] == ["a bug"] * 4
    assert cheap.results(graded) == before


def test_a_half_written_held_result_is_graded_again(graded: Path, scheduler: str) -> None:
    _mend_a_check(graded)
    _grade(graded, scheduler, preview=True)
    record = graded / HELD / "cnns" / STUDENTS[0] / "result.json"
    record.write_text(record.read_text()[:40])
    (graded / HELD / "cnns" / STUDENTS[1] / "files" / "cnns.ipynb").write_bytes(b"torn")
    assert len(_grade(graded, scheduler).outcomes) == 4
    assert _grade(graded, scheduler).unchanged == 4


def test_a_score_by_hand_counts_in_what_is_gained(graded: Path, scheduler: str) -> None:
    def by_hand(gradebook: Gradebook) -> None:
        gradebook.find_grade("net_shape", "cnns", "cnns", STUDENTS[0]).manual_score = 1.0

    cheap.change(graded, by_hand)
    _mend_a_check(graded)
    summary = _grade(graded, scheduler, preview=True)
    assert [c.student for c in summary.held if c.changes] == [STUDENTS[1]], "a person has decided"


# ---------------------------------------------------------------------------------- late penalties


@pytest.fixture
def late(graded: Path, scheduler: str) -> Path:
    """A course in which all are an hour late, and lose all points."""
    config = graded / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    _due(graded, "2030-01-01 11:00:00 UTC")
    for student in STUDENTS:
        stamp = graded / "submitted" / student / "cnns" / "timestamp.txt"
        stamp.write_text("2030-01-01 12:00:00 UTC")
    _grade(graded, scheduler, task=grade_cheaply)
    assert _penalties(graded) == _totals(graded)
    return graded


def _due(course: Path, when: str) -> None:
    cheap.change(course, lambda db: db.update_or_create_assignment("cnns", duedate=when))


def _penalties(course: Path) -> dict[str, float]:
    return {row[0]: row[4] for row in cheap.rows(course)["notebooks"] if row[4]}


def _never(*arguments: object) -> Fault:
    return Fault("it grades again", everybodys=True)


def test_an_extension_after_grading_is_heeded_without_grading_again(
    late: Path, scheduler: str
) -> None:
    def extend(gradebook: Gradebook) -> None:
        submission = gradebook.find_submission("cnns", STUDENTS[0])
        submission.extension = timedelta(hours=2)

    stood = _totals(late)
    cheap.change(late, extend)
    due = grade_class.plan(late, "cnns", Selection(STUDENTS), sandboxed=False)
    assert [(entry.student, entry.reason, entry.runs) for entry in due] == [
        (STUDENTS[0], LATE, False)
    ]
    preview = _grade(late, scheduler, task=_never, preview=True)
    assert [(c.student, c.before, c.after) for c in preview.held] == [
        (STUDENTS[0], 0, stood[STUDENTS[0]])
    ]
    assert _penalties(late) == stood
    summary = _grade(late, scheduler, task=_never)
    assert (summary.stopped, summary.unchanged) == ("", 3)
    assert [o.change.gained for o in summary.outcomes if o.change] == [stood[STUDENTS[0]]]
    assert _penalties(late).keys() == set(STUDENTS[1:])
    assert _grade(late, scheduler, task=_never).unchanged == 4


@pytest.mark.parametrize(
    ("when", "penalised"), [("2031-01-01 12:00:00 UTC", []), ("2029-01-01 12:00:00 UTC", STUDENTS)]
)
def test_a_due_date_that_was_moved_is_heeded(
    late: Path, scheduler: str, when: str, penalised: list[str]
) -> None:
    _due(late, when)
    summary = _grade(late, scheduler, task=_never)
    assert summary.stopped == ""
    assert sorted(_penalties(late)) == penalised


def test_a_due_date_that_is_set_after_grading_is_heeded(graded: Path, scheduler: str) -> None:
    config = graded / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    for student in STUDENTS:
        stamp = graded / "submitted" / student / "cnns" / "timestamp.txt"
        stamp.write_text("2030-01-01 12:00:00 UTC")
    _grade(graded, scheduler)
    assert _penalties(graded) == {}
    _due(graded, "2029-01-01 12:00:00 UTC")
    assert len(_grade(graded, scheduler, task=_never).outcomes) == 4
    assert sorted(_penalties(graded)) == STUDENTS


def test_points_by_hand_after_grading_are_part_of_a_late_zero(late: Path, scheduler: str) -> None:
    def by_hand(gradebook: Gradebook) -> None:
        gradebook.find_grade("how_easy", "cnns", "cnns", STUDENTS[1]).manual_score = 4.0

    cheap.change(late, by_hand)
    summary = _grade(late, scheduler, task=_never)
    assert [(o.student, o.change.gained) for o in summary.outcomes if o.change] == [
        (STUDENTS[1], -4)
    ]


def test_a_plugin_that_is_configured_anew_grades_nothing_again(late: Path, scheduler: str) -> None:
    config = late / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'none'\n")
    assert len(_grade(late, scheduler, task=_never).outcomes) == 4
    assert _penalties(late) == {}


def test_a_timestamp_that_was_mended_is_heeded(late: Path, scheduler: str) -> None:
    stamp = late / "submitted" / STUDENTS[2] / "cnns" / "timestamp.txt"
    stamp.write_text("2030-01-01 10:00:00 UTC")
    summary = _grade(late, scheduler, task=grade_cheaply)
    assert [outcome.student for outcome in summary.outcomes] == [STUDENTS[2]]
    assert sorted(_penalties(late)) == [STUDENTS[0], STUDENTS[1], STUDENTS[3]]


def test_a_due_date_that_was_taken_away_is_heeded(late: Path, scheduler: str) -> None:
    def take_away(gradebook: Gradebook) -> None:
        gradebook.find_assignment("cnns").duedate = None

    cheap.change(late, take_away)
    assert len(_grade(late, scheduler, task=_never).outcomes) == 4
    assert _penalties(late) == {}


_PLUGIN = """
from nbgrader.plugins import LateSubmissionPlugin
class Tenth(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {}
c.AssignLatePenalties.plugin_class = Tenth
"""


def test_a_plugin_whose_code_has_changed_is_heeded(late: Path, scheduler: str) -> None:
    config = late / "nbgrader_config.py"
    plain = config.read_text()
    config.write_text(plain + _PLUGIN.format("score / 10"))
    _grade(late, scheduler, task=grade_cheaply)
    stood = _totals(late)
    assert _penalties(late) == {student: pytest.approx(p / 10) for student, p in stood.items()}
    config.write_text(plain + _PLUGIN.format("score / 5"))
    assert len(_grade(late, scheduler, task=_never).outcomes) == 4
    assert _penalties(late) == {student: pytest.approx(p / 5) for student, p in stood.items()}


def test_a_plugin_that_raises_is_told_and_changes_nothing(late: Path, scheduler: str) -> None:
    before = cheap.rows(late)
    config = late / "nbgrader_config.py"
    config.write_text(config.read_text() + _PLUGIN.format("1 / 0"))
    with pytest.raises(GraderFault, match="plugin for late penalties raised ZeroDivisionError"):
        _grade(late, scheduler)
    assert cheap.rows(late) == before


def test_a_hand_in_without_a_time_and_a_course_without_a_due_date_pay_nothing(
    graded: Path, scheduler: str
) -> None:
    _grade(graded, scheduler, task=grade_cheaply)
    assert _grade(graded, scheduler, task=_never).unchanged == 4
    assert _penalties(graded) == {}


# ---------------------------------------------------------------------------------- what is shown

CHANGES = (Change("ada", "why", 40.0, 45.0), Change("bela", "why", 30.0, 12.5))


def test_a_display_and_the_log_tell_of_changes(tmp_path: Path) -> None:
    screen, log = io.StringIO(), tmp_path / "cnns.jsonl"
    with progress.Display(Console(file=screen, width=200), log) as display:
        display.start(2)
        for change in CHANGES:
            display.holds(change)
        display.changes(CHANGES)
        display.done(Outcome("ada", scores={"cnns/a": 45.0}, change=CHANGES[0]))
    assert screen.getvalue().splitlines() == [
        "2 hand-ins to look at",
        "Points that stand will change (1 gain, 1 lose):",
        "    bela: 30 -> 12.5 points (-17.5): why",
        "    ada: 40 -> 45 points (+5): why",
        "    [2/2] ada: 45 points",
    ]
    (line,) = log.read_text().splitlines()
    assert json.loads(line)["change"] == {
        "student": "ada",
        "reason": "why",
        "before": 40.0,
        "after": 45.0,
        "versions": "",
    }


def test_of_many_changes_the_worst_are_listed() -> None:
    many = [Change(f"s{number:03d}", "why", 100.0, float(number)) for number in range(60)]
    lines = listed(many)
    assert lines[0].startswith("s000: 100 -> 0 points (-100)")
    assert (len(lines), lines[-1]) == (51, "and 10 more")
    assert counted(many) == "0 gain, 60 lose"


def test_the_command_shows_a_preview_and_lists_changes_afterwards(
    graded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def stand_in(*arguments: object, **options: object) -> RunSummary:
        asked.append(options["preview"])
        if options["preview"]:
            return RunSummary((), 1, held=CHANGES)
        return RunSummary(tuple(Outcome(c.student, change=c) for c in CHANGES), 1)

    monkeypatch.setattr(grade_class, "grade", stand_in)
    monkeypatch.setattr(grade_command, "console", Console(width=200))
    said = []
    for options in (["--preview"], []):
        done = CliRunner().invoke(app, ["grade", "cnns", f"--course={graded}", *options])
        assert done.exit_code == 0, done.output
        said.append(done.output)
    assert asked == [True, False]
    assert "Points that stood would change (1 gain, 1 lose):" in said[0]
    assert "2 results are not written yet" in said[0]
    assert "Points that stood changed (1 gain, 1 lose):" in said[1]
    assert all("    bela: 30 -> 12.5 points (-17.5): why" in text for text in said)
