"""Builds the report, and writes it as a page and as JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import orjson

from autograder import pages
from autograder.batch.run_records import Change
from autograder.course.course import open_course
from autograder.pages.pictures.histogram import histogram
from autograder.pages.pictures.scatter import scatter
from autograder.report import _statistics
from autograder.report._collect import ClassResults, collect
from autograder.report._similarity import near_identical
from autograder.report._statistics import (
    Absent,
    CheckStatistics,
    Fall,
    MistakeCount,
    NetworkAccuracies,
    Spread,
)

MAX_MISTAKES = 30  # on the page; the JSON has all
NOT_YET = "not graded yet"
BAD_DISCRIMINATION = 0.1  # below: a check that says nothing about what students can do


@dataclass(frozen=True)
class Report:
    """All that the page shows. See the fields' classes for what figures mean.

    Attributes:
        assignment: which.
        students: how many hand-ins have a verdict.
        max_points: what there was to earn.
        points: student -> points in the gradebook.
        waiting: students whose written answers a person has yet to read.
        ungraded: student without a verdict -> the grader's fault; "" if it was not graded yet.
        repaired: student -> what had to be put right.
        unsafe: students graded without a sandbox.
        checks: of each grade cell that is judged automatically.
        falls: of checks over answers.
        absent: what hand-ins asked for and the grader's machine lacked.
        mistakes: the most frequent first.
        accuracies: of the networks that were trained.
        seconds: wall time of grading one hand-in.
        memory_mib: the most that a hand-in's processes took, MiB.
        near_identical: groups of students.
        changes: points that the last grading of a student made others, who lost most first.
    """

    assignment: str
    students: int
    max_points: float
    points: dict[str, float]
    waiting: tuple[str, ...]
    ungraded: dict[str, str]
    repaired: dict[str, tuple[str, ...]]
    unsafe: tuple[str, ...]
    checks: tuple[CheckStatistics, ...]
    falls: tuple[Fall, ...]
    absent: tuple[Absent, ...]
    mistakes: tuple[MistakeCount, ...]
    accuracies: tuple[NetworkAccuracies, ...]
    seconds: Spread | None
    memory_mib: Spread | None
    near_identical: tuple[tuple[str, ...], ...]
    changes: tuple[Change, ...]


def build(course: ClassResults) -> Report:
    """Return the report on a class."""
    submissions = course.submissions
    most = max(sum(cell.max_points for cell in s.cells) for s in submissions)
    memory = {
        s.student: s.peak_memory_bytes / 2**20
        for s in submissions
        if s.peak_memory_bytes is not None
    }
    return Report(
        assignment=course.assignment,
        students=len(submissions),
        max_points=most,
        points=dict(course.points),
        waiting=course.waiting,
        ungraded=dict(course.ungraded),
        repaired={s.student: s.repairs for s in submissions if s.repairs},
        unsafe=tuple(s.student for s in submissions if not s.sandboxed),
        checks=_statistics.check_statistics(submissions),
        falls=_statistics.falls(submissions),
        absent=_statistics.absent(submissions),
        mistakes=_statistics.mistakes(submissions),
        accuracies=_statistics.accuracies(submissions),
        seconds=_statistics.spread(
            {s.student: s.wall_s for s in submissions if s.wall_s is not None}
        ),
        memory_mib=_statistics.spread(memory),
        near_identical=near_identical({s.student: s.code for s in submissions}, course.given),
        changes=course.changes,
    )


def write(course_root: Path, assignment: str, folder: Path) -> Path:
    """Write the page and `<assignment>.json` into `folder`, and return the page's path.

    Raises:
        GraderFault: nothing of the assignment is graded.
    """
    report = build(collect(course_root, assignment))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{assignment}.json").write_bytes(
        orjson.dumps(asdict(report), option=orjson.OPT_INDENT_2)
    )
    course, page = open_course(course_root), folder / f"{assignment}.html"

    def feedback(student: str) -> str:
        return _link(course.folder("feedback", assignment, student) / f"{assignment}.html", folder)

    page.write_text(as_html(report, feedback), encoding="utf-8")
    return page


def _link(target: Path, start: Path) -> str:
    """Return how a page in the folder `start` links to a file."""
    try:
        return quote(Path(os.path.relpath(target, start)).as_posix())
    except ValueError:  # on another drive of Windows
        return target.as_uri()


def as_html(report: Report, feedback: Callable[[str], str]) -> str:
    """Return the page.

    Args:
        report: what it shows.
        feedback: from a student to the address of the feedback page.
    """

    def link(student: str, grade_id: str = "") -> str:
        return feedback(student) + (f"#{quote(grade_id)}" if grade_id else "")

    return pages.render(
        "report.html",
        report=report,
        style=pages.STYLE,
        policy=pages.POLICY,
        link=link,
        faults=_by_reason(report.ungraded),
        histogram=histogram(list(report.points.values()), report.max_points),
        scatter=_scatter(report.accuracies),
        max_mistakes=MAX_MISTAKES,
        bad=BAD_DISCRIMINATION,
    )


def _scatter(accuracies: Sequence[NetworkAccuracies]) -> str:
    """Return the first accuracy of each network against the last; "" where there are no two."""
    pairs = [a for a in accuracies if len(a.values) > 1]
    if not pairs:
        return ""
    names = list(pairs[0].values)
    first, last = names[0], names[-1]
    networks = [(a.student, a.values[first], a.values[last]) for a in pairs]
    return scatter(networks, (first, last), pairs[0].marks)


def _by_reason(ungraded: Mapping[str, str]) -> dict[str, list[str]]:
    """Return a fault -> whom it hit, the most frequent first."""
    found: dict[str, list[str]] = {}
    for student, fault in ungraded.items():
        found.setdefault(fault or NOT_YET, []).append(student)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
