"""What a stored result depends on: what forms verdicts, and nothing else."""

from __future__ import annotations

from autograder.course.assignment import _judges, checks_version
from tests.conftest import ROOT


def files(assignment: str) -> set[str]:
    """Return the repository's paths that verdicts depend on."""
    return {path.relative_to(ROOT).as_posix() for path in _judges(assignment)}


def test_an_edit_of_what_forms_verdicts_grades_again() -> None:
    assert files("cnns") > {
        "autograder/__init__.py",
        "autograder/nbgrader_step.py",
        "autograder/assignments/cnns/net/recognise.py",
        "autograder/assignments/cnns/improved/families.py",
        "autograder/checking/pairing.py",
        "autograder/inside/probe.py",
        "autograder/intake/_match.py",
        "autograder/judging/_session.py",
        "autograder/sandbox/limits.py",
        "course_utils/protocol.py",
    }


def test_an_edit_of_a_page_of_the_bench_or_of_another_assignment_does_not() -> None:
    rest = ("maintain/", "pages/", "feedback/", "report/", "exports/", "commands/", "prepare/")
    for assignment, other in (("cnns", "mlp"), ("mlp", "cnns")):
        beside = tuple(f"autograder/{name}" for name in (*rest, f"assignments/{other}/"))
        assert [path for path in files(assignment) if path.startswith(beside)] == []
    assert checks_version("cnns") != checks_version("mlp")
