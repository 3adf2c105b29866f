"""Canvas: the CSV file that its gradebook imports.

Source: "How do I import grades in the Gradebook?", Canvas Instructor Guide, on
https://community.canvaslms.com: the columns Student, ID, SIS User ID, SIS Login ID, Section, then
one an assignment; a second row may give the points possible; an empty cell changes nothing.
"""

from __future__ import annotations

import csv
from pathlib import Path

from traitlets import Enum, Unicode

from autograder.exports._plugin import ScoresExporter
from autograder.exports._scores import Person, Scores, shown
from autograder.intake.identity import no_formula

IDENTITIES = ("ID", "SIS User ID", "SIS Login ID")
POINTS_POSSIBLE = "    Points Possible"  # the four blanks are Canvas's own


class CanvasExporter(ScoresExporter):
    """One row a student, one column an assignment."""

    default_name = "canvas.csv"
    identity = Enum(
        IDENTITIES, "SIS Login ID", help="Which of Canvas's columns our student ids are."
    ).tag(config=True)
    section = Unicode("", help="The section that all students are in.").tag(config=True)

    def write(self, destination: Path, students: list[Person], found: list[Scores]) -> None:
        """Write the CSV file, for a spreadsheet in UTF-8."""
        with destination.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["Student", *IDENTITIES, "Section", *(one.assignment for one in found)])
            most = [shown(one.max_points) for one in found]
            table.writerow([POINTS_POSSIBLE, *[""] * len(IDENTITIES), "", *most])
            section = no_formula(self.section)
            for person in students:
                ids = [person.student_id if name == self.identity else "" for name in IDENTITIES]
                points = [shown(one.points.get(person.student_id)) for one in found]
                table.writerow([no_formula(person.sortable_name), *ids, section, *points])
