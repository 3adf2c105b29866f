"""Gradescope: a `results.json` for each hand-in, as its autograders write them.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets import Enum

from autograder.checking.check_result import CheckResult
from autograder.exports._plugin import ScoresExporter
from autograder.exports._scores import Person, Scores
from autograder.judging.graded_notebook import grade_cells
from autograder.judging.verdict import as_text

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")


class GradescopeExporter(ScoresExporter):
    """A folder with `<assignment>/<student>/results.json`; the verdicts come along."""

    default_name = "gradescope"
    visibility = Enum(VISIBILITIES, "visible", help="When students see the tests.").tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write what --student and --assignment ask for, below --to."""
        self._grades = {
            (assignment.name, submission.student.id): [
                (grade.name, float(grade.score), float(grade.max_score))
                for notebook in submission.notebooks
                for grade in notebook.grades
            ]
            for assignment in gradebook.assignments
            for submission in assignment.submissions
        }
        super().export(gradebook)

    def write(self, destination: Path, students: list[Person], found: list[Scores]) -> None:
        """Write one file a hand-in."""
        for one in found:
            for person in students:
                if person.student_id not in one.points:
                    continue
                verdicts = _verdicts(self._graded(person.student_id, one.assignment))
                grades = self._grades[one.assignment, person.student_id]
                results = as_results(
                    one.points[person.student_id], grades, verdicts, self.visibility
                )
                path = destination / one.assignment / person.student_id / "results.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(results, indent=2, ensure_ascii=False), encoding="utf-8")

    def _graded(self, student: str, assignment: str) -> Path:
        coursedir = CourseDirectory(config=self.config)
        step = coursedir.autograded_directory
        return Path(coursedir.format_path(step, student, assignment))


def as_results(
    points: float,
    grades: list[tuple[str, float, float]],
    verdicts: dict[str, CheckResult],
    visibility: str = "visible",
) -> dict[str, Any]:
    """Return the content of a `results.json`.

    Args:
        points: of the whole hand-in, late penalty taken off.
        grades: of each grade cell its name, points and most points.
        verdicts: grade cell -> why; those that a person marked have none.
        visibility: one of Gradescope's.
    """
    tests = [
        {
            "name": name,
            "score": score,
            "max_score": most,
            "status": "passed" if score >= most else "failed",
            "output": as_text(verdicts[name]) if name in verdicts else "",
            "output_format": "text",
            "visibility": visibility,
        }
        for name, score, most in grades
    ]
    return {
        "score": points,
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _verdicts(folder: Path) -> dict[str, CheckResult]:
    """Return the verdicts in the graded notebooks of a folder."""
    cells = [c for path in sorted(folder.glob("*.ipynb")) for c in nbformat.read(path, 4).cells]
    return {c.grade_id: c.result for c in grade_cells(cells) if c.result is not None}
