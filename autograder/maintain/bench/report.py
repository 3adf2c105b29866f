"""What the class report costs: a class of graded hand-ins, each with code of its own."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import orjson

from autograder.assignments.cnns import made_class
from autograder.batch.database import Database
from autograder.batch.gradebook import GradebookWriter
from autograder.course.course import open_course
from autograder.maintain.bench.runs import run
from autograder.maintain.bench.setting import ASSIGNMENT, KINDS, Figure, course, hand_in_class
from autograder.maintain.bench.variants import variant

COPIES = 0.05  # of the hand-ins are the one before them


def class_report(root: Path, count: int) -> list[Figure]:
    """Return what a report takes on so many graded hand-ins; they need 3 MB each of the disk.

    One of each kind is graded; the others have their verdicts and outputs, and answers written
    in other ways.

    Args:
        root: the course that holds `source/`.
        count: of the hand-ins.
    """
    with course(root) as folder:
        models = hand_in_class(folder, len(KINDS))
        run(folder, "autograder", "grade", ASSIGNMENT)
        graded_class(folder, models, count - len(models))
        took, _ = run(folder, "autograder", "report", ASSIGNMENT)
        files = (folder / "autograded").glob("*/*/*.ipynb")
        size = sum(path.stat().st_size for path in files) / 1e9
    return [
        Figure(
            f"a class report of {count:,} submissions",
            "at most 30 s",
            f"{took.wall_s:.1f} s, of {size:.1f} GB of graded notebooks",
        )
    ]


def graded_class(folder: Path, models: list[str], count: int, seed: int = 0) -> None:
    """Put so many more graded hand-ins into the folder and the gradebook.

    Args:
        folder: a course.
        models: students whose hand-ins are graded, and taken by turns.
        count: how many more.
        seed: of how answers are written.
    """
    chance, opened = Random(seed), open_course(folder)
    database = Database(opened.coursedir.db_url, opened.coursedir.course_id)
    gradebook = GradebookWriter(database, ASSIGNMENT)
    marks = gradebook.marks()
    graded = {name: orjson.loads(_path(folder, name).read_bytes()) for name in models}
    last = written_anew(graded[models[0]], chance)
    for number in range(count):
        model, student = models[number % len(models)], f"student-{number:04d}"
        if chance.random() >= COPIES:
            last = written_anew(graded[model], chance)
        path = _path(folder, student)
        path.parent.mkdir(parents=True)
        path.write_bytes(orjson.dumps(last, option=orjson.OPT_INDENT_2))
        gradebook.write(student, marks[model], None)
    database.close()


def written_anew(notebook: dict[str, Any], chance: Random) -> dict[str, Any]:
    """Return a graded notebook with answers of the made class, written in another way."""
    cells = []
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        ways = sorted({s.answers[name] for s in made_class.HAND_INS if name in s.answers})
        if ways:
            cell = {**cell, "source": variant(chance.choice(ways), chance)}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _path(folder: Path, student: str) -> Path:
    return folder / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
