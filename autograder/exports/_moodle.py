"""Moodle: the CSV file that its grade book imports, with the headings of its own export.

Source: https://docs.moodle.org/en/Grade_import: the import has the format of the export, and asks
which column identifies a student; "Email address" and "ID number" both can.
"""

from __future__ import annotations

import csv
from pathlib import Path

from autograder import GraderFault
from autograder.exports._plugin import ScoresExporter
from autograder.exports._scores import Person, Scores, shown
from autograder.intake.identity import dangerous_part, no_formula

IDENTITY = ("First name", "Last name", "ID number", "Email address")


class MoodleExporter(ScoresExporter):
    """One row a student, one column an assignment."""

    default_name = "moodle.csv"

    def write(self, destination: Path, students: list[Person], found: list[Scores]) -> None:
        """Write the CSV file in UTF-8, as Moodle expects it.

        Raises:
            GraderFault: a student's address, which Moodle too may recognise them by, is a formula.
        """
        for person in students:
            if has := dangerous_part(person.email):
                whose = f"the email address of {person.student_id} has {has}"
                raise GraderFault(f"Nothing was exported: {whose}. Mend it in the gradebook")
        with destination.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow([*IDENTITY, *(f"Assignment: {one.assignment} (Real)" for one in found)])
            for person in students:
                points = [shown(one.points.get(person.student_id)) for one in found]
                names = [no_formula(name) for name in (person.first_name, person.last_name)]
                table.writerow([*names, person.student_id, person.email, *points])
