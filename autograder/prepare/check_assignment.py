"""Proves before release that an assignment is sound: points, checks, leaks, and both ends."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder import GraderFault
from autograder.checking import checks
from autograder.course.brought import brought_files
from autograder.course.course import (
    Course,
    forks_kernels,
    hand_in_limits,
    open_course,
    without_paths,
)
from autograder.course.release import generate_release
from autograder.intake import read as intake_read
from autograder.judging.graded_notebook import autograded_id
from autograder.prepare._many_seeds import many_seeds
from autograder.prepare._marks import misspelt_marks
from autograder.prepare._prove_lab import prove
from autograder.prepare._scores import scores
from autograder.prepare.doctor import Finding
from autograder.prepare.gives_away import graders_own
from autograder.sandbox.host_system import needs_linux, runs_hand_ins

_BLOCKS = {  # what students must not see -> how long a line must be to give something away, chars
    r"### BEGIN SOLUTION\n(.*?)### END SOLUTION": 20,
    r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS": 10,
}


def examine(course_root: Path, assignment: str) -> Iterator[Finding]:
    """Yield what is found, the quick looks first; the last two grade source and release, on Linux.

    Raises:
        GraderFault: there is no source notebook, or nbgrader cannot make a release of it.
        SandboxUnavailable: nothing can be graded here.
    """
    course = open_course(course_root)
    sources = _sources(course, assignment)
    for name, source in sources.items():
        for finding in grade_cells(source, assignment):
            yield _of(name, sources, finding)
        yield _of(name, sources, hidden_tests(source, assignment))
        yield _of(name, sources, misspelt_marks(source, course.config))
    releases, beside = fresh_folder(course, assignment)
    for name, source in sources.items():
        others = {other: _bytes(release) for other, release in releases.items() if other != name}
        yield _of(name, sources, leaks(source, releases[name], {**beside, **others}))
        yield _of(name, sources, committed(course, assignment, releases[name], beside, name))
    own = graders_own(assignment, beside)
    if own:
        says = f"the grader's own files: {', '.join(own)}"
        yield Finding("leaks", False, says, "take them out of the source's folder")
    yield many_seeds(assignment, _grade_ids(sources))
    yield from prove(assignment)
    if not runs_hand_ins():
        yield Finding("scores", None, "not tried", needs_linux())
        return
    limits, fork = hand_in_limits(course.config), forks_kernels(course.config)
    released = course.folder("release", assignment)
    beside = brought_files(released, course.coursedir.ignore) | beside
    for name, source in sources.items():
        most = sum(_points(cell) for cell in source.cells if autograded_id(cell))
        ends = (("the source", source, most), ("the release", releases[name], 0.0))
        for what, notebook, wanted in ends:
            made_whole = intake_read(_bytes(notebook), releases[name]).notebook
            finding = scores(
                what,
                made_whole,
                assignment,
                most,
                wanted,
                fork_kernels=fork,
                files=beside,
                limits=limits,
            )
            yield _of(name, sources, finding)


def _sources(course: Course, assignment: str) -> dict[str, NotebookNode]:
    """Return the source notebooks of an assignment, by name.

    Raises:
        GraderFault: there is none, or one is no notebook.
    """
    folder = course.folder("source", assignment)
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        wanted = os.path.relpath(folder / f"{assignment}.ipynb", course.root)
        raise GraderFault(f"no source notebook: write {wanted}")
    found = {}
    for path in paths:
        try:
            found[path.stem] = nbformat.read(path, 4)
        except (ValueError, nbformat.ValidationError) as error:
            why = str(error).splitlines()[0]
            raise GraderFault(f"{path} is no notebook ({why}): restore your last copy") from error
    return found


def _of(name: str, sources: Mapping[str, NotebookNode], finding: Finding) -> Finding:
    """Return a finding with the notebook's name, where there are several."""
    return finding if len(sources) == 1 else replace(finding, what=f"{name}: {finding.what}")


def _grade_ids(sources: Mapping[str, NotebookNode]) -> list[str]:
    cells = (cell for source in sources.values() for cell in source.cells)
    return [grade_id for cell in cells if (grade_id := autograded_id(cell)) is not None]


def grade_cells(source: NotebookNode, assignment: str) -> Iterator[Finding]:
    """Yield whether each grade cell has a check of as many points, and what all add up to."""
    wrong, automatic, manual = [], 0.0, 0.0
    for cell in source.cells:
        marks = cell.metadata.get("nbgrader", {})
        grade_id = autograded_id(cell)
        if grade_id is None:
            manual += _points(cell) if marks.get("grade") else 0
            continue
        automatic += _points(cell)
        try:
            check = checks.find(assignment, grade_id)
        except GraderFault as fault:
            wrong.append(str(fault))
            continue
        if check.max_points != _points(cell):
            wrong.append(
                f"{grade_id} has {_points(cell):g} points in the notebook and "
                f"{check.max_points:g} in its check"
            )
    mend = "write the check, or make the points equal"
    yield Finding("checks", not wrong, "; ".join(wrong) or "every grade cell has one", mend)
    says = f"{automatic:g} automatic + {manual:g} by a person = {automatic + manual:g}"
    yield Finding("points", automatic > 0, says, "" if automatic else "give grade cells points")


def hidden_tests(source: NotebookNode, assignment: str) -> Finding:
    """Return whether each grade cell's hidden test calls the check of that very cell."""
    wrong = []
    for cell in source.cells:
        grade_id = autograded_id(cell)
        if grade_id and f'grade("{assignment}", "{grade_id}", globals())' not in cell.source:
            wrong.append(grade_id)
    says = f"another call, or none: {', '.join(wrong)}" if wrong else "each calls its own check"
    mend = f'write grade("{assignment}", "<its grade_id>", globals()) between the marks'
    return Finding("hidden tests", not wrong, says, mend if wrong else "")


def fresh_release(course: Course, assignment: str) -> NotebookNode:
    """Return the release that nbgrader makes of the source now; the course stays as it is.

    Raises:
        GraderFault: nbgrader cannot.
    """
    return fresh_folder(course, assignment)[0][assignment]


def fresh_folder(
    course: Course, assignment: str
) -> tuple[dict[str, NotebookNode], dict[str, bytes]]:
    """Return the released notebooks by name, and path -> content of the files beside them.

    Raises:
        GraderFault: nbgrader cannot.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = open_course(Path(folder), without_paths(course.config))
        shutil.copytree(course.folder("source", assignment), copy.folder("source", assignment))
        generate_release(copy, assignment)
        released = copy.folder("release", assignment)
        beside = brought_files(released, copy.coursedir.ignore)
        made = {path.stem: nbformat.read(path, 4) for path in released.glob("*.ipynb")}
        return made, beside


def leaks(
    source: NotebookNode, release: NotebookNode, beside: Mapping[str, bytes] | None = None
) -> Finding:
    """Return whether a line of a solution or a hidden test, or an output, is in the release.

    Args:
        source: the notebook with solutions.
        release: the one without.
        beside: path -> content of the files that students get with it.
    """
    texts = [cell.source for cell in release.cells]
    texts += [data.decode(errors="ignore") for data in (beside or {}).values()]
    released = "\n".join(texts)
    found = []
    for pattern, min_chars in _BLOCKS.items():
        shown = "\n".join(re.sub(pattern, "", c.source, flags=re.DOTALL) for c in source.cells)
        for cell in source.cells:
            for block in re.findall(pattern, cell.source, re.DOTALL):
                lines = [line.strip() for line in block.splitlines()]
                secret = [s for s in lines if len(s) >= min_chars and s not in shown]
                found += [line for line in secret if line in released]
    found += [f"the output of {cell.id}" for cell in release.cells if cell.get("outputs")]
    says = f"in the release: {'; '.join(found[:5])}" if found else "nothing of the solutions"
    mend = "put it between the marks ### BEGIN SOLUTION and ### END SOLUTION; strip outputs"
    return Finding("leaks", not found, says, mend if found else "")


def committed(
    course: Course,
    assignment: str,
    release: NotebookNode,
    beside: Mapping[str, bytes] | None = None,
    name: str = "",
) -> Finding:
    """Return whether the release that lies in the course is the one that the source gives.

    Args:
        course: whose.
        assignment: which.
        release: what the source gives now.
        beside: path -> content of the files that it gives beside the notebook.
        name: of the notebook; "" for the one that has the assignment's.
    """
    path = course.folder("release", assignment) / f"{name or assignment}.ipynb"
    if not path.exists():
        return Finding(
            "release", None, "not made yet", f"nbgrader generate_assignment {assignment}"
        )
    same = nbformat.read(path, 4) == release
    there = brought_files(path.parent, course.coursedir.ignore)
    old = [name for name, data in (beside or {}).items() if there.get(name) != data]
    mend = f"nbgrader generate_assignment {assignment} --force"
    says = "older than the source" + (f": {', '.join(old)}" if old else "")
    good = same and not old
    return Finding("release", good, "up to date" if good else says, mend)


def _points(cell: NotebookNode) -> float:
    return float(cell.metadata.nbgrader.points)


def _bytes(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()
