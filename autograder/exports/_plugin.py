"""The common part of the plugins: what to export, and a word on what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from autograder import GraderFault
from autograder.batch.late_penalties import LatePenalties
from autograder.course.course import late_penalty
from autograder.exports._scores import Person, Scores, people, scores
from autograder.intake.identity import printable, why_dangerous


class ScoresExporter(ExportPlugin):
    """Reads the gradebook and hands it to `write`."""

    default_name = ""

    def export(self, gradebook: Gradebook) -> None:
        """Write what --student and --assignment ask for, to --to.

        Raises:
            GraderFault: the gradebook has an id that other programs take for a command.
        """
        found = [
            self._without_stale(gradebook, one)
            for one in scores(gradebook, [str(name) for name in self.assignment])
        ]
        for one in found:
            if one.waiting:
                self.log.warning(
                    "%s: left out %d who wait for a person, or for the grader: %s",
                    one.assignment,
                    len(one.waiting),
                    printable(", ".join(one.waiting)),
                )
        destination = Path(self.to or self.default_name)
        students = people(gradebook, [str(name) for name in self.student])
        for refused in filter(None, (why_dangerous(s.student_id) for s in students)):
            raise GraderFault(f"Nothing was exported: {refused}, and grade again")
        self.write(destination, students, found)
        self.log.info("Exported to %s", destination)

    def _without_stale(self, gradebook: Gradebook, one: Scores) -> Scores:
        """Return the scores but for those whose late penalty is an old one, and say so."""
        assignment = gradebook.find_assignment(one.assignment)
        if assignment.duedate is None:  # a penalty that stands is then somebody's own
            return one
        penalties = LatePenalties(assignment.id, assignment.duedate, late_penalty(self.config))
        stale = penalties.stale(gradebook.db.connection()).keys() & one.points.keys()
        if stale:
            self.log.warning(
                "%s: left out %d whose late penalty is not that of the due date any more: %s. "
                "Run `autograder grade %s`, and export again",
                one.assignment,
                len(stale),
                printable(", ".join(sorted(stale))),
                one.assignment,
            )
        kept = {student: points for student, points in one.points.items() if student not in stale}
        return replace(one, points=kept)

    def write(self, destination: Path, students: list[Person], found: list[Scores]) -> None:
        """Write the file or the files."""
        raise NotImplementedError
