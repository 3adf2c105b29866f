"""The common part of the plugins: what to export, and a word on what is left out."""

from __future__ import annotations

from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from autograder import GraderFault
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
        found = scores(gradebook, [str(name) for name in self.assignment])
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

    def write(self, destination: Path, students: list[Person], found: list[Scores]) -> None:
        """Write the file or the files."""
        raise NotImplementedError
