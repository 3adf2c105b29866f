"""One assignment as plain data: all that a worker needs to know of a course, and no path in it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbgrader.api import Base, Gradebook, MissingEntry
from sqlalchemy import create_engine
from traitlets.config import Config

from autograder import GraderFault
from autograder.checking.assignments import own_files
from autograder.course.brought import brought_files
from autograder.course.course import Course, without_paths
from autograder.course.enter_assignment import enter_if_missing
from autograder.course.secret import course_secret

Kind = Literal["grade", "solution", "task", "source"]
_COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "grade": ("max_score", "cell_type"),
    "solution": (),
    "task": ("max_score", "cell_type"),
    "source": ("cell_type", "locked", "source", "checksum"),
}


_LATE = ("AssignLatePenalties", "LateSubmissionPlugin")  # sections of the configuration
_FORM_VERDICTS = ("checking", "inside", "intake", "judging", "sandbox")  # folders of the grader
_FILES = ("*.py", "*.json", "*.gz")  # of these: verdicts rest on data too


@dataclass(frozen=True)
class GradebookCell:
    """What the gradebook knows of one cell of the source notebook.

    Attributes:
        kind: in which of the gradebook's tables it stands.
        notebook: the name of its notebook.
        name: its `grade_id`.
        columns: the rest of the row.
    """

    kind: Kind
    notebook: str
    name: str
    columns: Mapping[str, Any]


@dataclass(frozen=True)
class Assignment:
    """What a verdict depends on besides the hand-in.

    Attributes:
        name: of the assignment.
        kernelspecs: name of each notebook -> its kernelspec, as JSON.
        cells: the notebooks' cells, as `nbgrader generate_assignment` entered them.
        release: name of each notebook -> the file that students got.
        beside: path -> content of the files that lie beside the notebooks in the release.
        config: the course's configuration, without its paths.
        secret: the course's.
        sandboxed: False runs hand-ins with the grader's own rights.
        checks: the version of the code that judges.
        own: path -> content of what it is made of, if it is the course's own; {} if it is ours.
    """

    name: str
    kernelspecs: Mapping[str, str]
    cells: tuple[GradebookCell, ...]
    release: Mapping[str, bytes]
    beside: Mapping[str, bytes]
    config: Config
    secret: str
    sandboxed: bool
    checks: str
    own: Mapping[str, bytes] = field(default_factory=dict)

    def digests(self) -> dict[str, str]:
        """Return what a verdict depends on -> its hash: the assignment, the configuration, ..."""
        cells = sorted((c.kind, c.notebook, c.name, sorted(c.columns.items())) for c in self.cells)
        described = json.dumps([self.name, dict(self.kernelspecs), cells]).encode()
        return {
            "assignment": digest([described, *_flat(self.release), *_flat(self.beside)]),
            "configuration": digest([_described(self.config), str(self.sandboxed).encode()]),
            "checks": self.checks,
            "secret": digest([b"secret", self.secret.encode()]),
        }


def digest(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of byte strings in a row; where one ends counts."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()


def checks_version(assignment: str) -> str:
    """Return the hash of the code that forms the verdicts of an assignment, and of nothing else."""
    own = own_files(assignment)
    return digest([_version(None if own else assignment).encode(), *_flat(own)])


@cache
def _version(assignment: str | None) -> str:
    judges = _judges(assignment)
    return digest(part for path in judges for part in (path.name.encode(), path.read_bytes()))


def _judges(assignment: str | None) -> Iterator[Path]:
    """Yield the files that verdicts depend on; pages, the bench and other assignments are none.

    Args:
        assignment: one of ours; None for one that the course brings itself.
    """
    grader, course_utils = (
        Path(next(iter(found.submodule_search_locations or ())))
        for found in map(importlib.util.find_spec, ("autograder", "course_utils"))
        if found is not None
    )
    yield from (grader / "__init__.py", grader / "nbgrader_step.py")
    folders = (*_FORM_VERDICTS, *([f"assignments/{assignment}"] if assignment else []))
    for folder in (*(grader / name for name in folders), course_utils):
        yield from sorted(path for kind in _FILES for path in folder.rglob(kind))


def read_assignment(course: Course, name: str, *, sandboxed: bool) -> Assignment:
    """Return an assignment of a course.

    Args:
        course: where it lies, and its configuration.
        name: of the assignment.
        sandboxed: False grades with the grader's own rights.

    Raises:
        GraderFault: it was not generated yet.
    """
    enter_if_missing(course, name)
    with Gradebook(course.coursedir.db_url, course.coursedir.course_id) as gradebook:
        try:
            notebooks = gradebook.find_assignment(name).notebooks
        except MissingEntry:
            notebooks = []
        cells = tuple(_cells(notebooks))
        kernelspecs = {notebook.name: notebook.kernelspec or "{}" for notebook in notebooks}
    released = course.folder("release", name)
    paths = {notebook: released / f"{notebook}.ipynb" for notebook in kernelspecs}
    missing = [path for path in paths.values() if not path.is_file()]
    if not paths or missing:
        raise GraderFault(
            f"the release of {name} is not there: run `nbgrader generate_assignment {name} --force`"
        )
    for notebook, path in paths.items():
        _check_release(path, {cell.name for cell in cells if cell.notebook == notebook}, name)
    return Assignment(
        name=name,
        kernelspecs=kernelspecs,
        cells=cells,
        release={notebook: path.read_bytes() for notebook, path in paths.items()},
        beside=brought_files(released, course.coursedir.ignore),
        config=without_paths(course.config),
        secret=course_secret(course.root),
        sandboxed=sandboxed,
        checks=checks_version(name),
        own=own_files(name),
    )


def _check_release(path: Path, grade_ids: set[str], assignment: str) -> None:
    """Check that a release is a notebook, and that of the cells which the gradebook knows.

    Raises:
        GraderFault: it is not.
    """
    mend = f"run `nbgrader generate_assignment {assignment} --force`, and look what has changed"
    try:
        release = nbformat.reads(path.read_text(encoding="utf-8"), 4)
    except (ValueError, nbformat.ValidationError) as error:
        raise GraderFault(
            f"{path} is no notebook ({str(error).splitlines()[0]}): {mend}"
        ) from error
    found = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in release.cells}
    if missing := sorted(grade_ids - found):
        raise GraderFault(
            f"{path} lacks cells that the gradebook knows ({', '.join(missing)}), so it is another "
            f"assignment's or an older one: {mend}"
        )


def write_gradebook(assignment: Assignment, path: Path) -> None:
    """Make a gradebook that knows the assignment, and nobody's work."""
    url = f"sqlite:///{path}"
    engine = create_engine(url)
    Base.metadata.create_all(engine)  # else nbgrader starts alembic, to note a version
    engine.dispose()
    with Gradebook(url) as gradebook:
        gradebook.add_assignment(assignment.name)
        for notebook, kernelspec in assignment.kernelspecs.items():
            gradebook.add_notebook(notebook, assignment.name, kernelspec=kernelspec)
        for cell in assignment.cells:
            add = getattr(gradebook, f"add_{cell.kind}_cell")
            add(cell.name, cell.notebook, assignment.name, **cell.columns)


def _cells(notebooks: Iterable[Any]) -> Iterable[GradebookCell]:
    for notebook in notebooks:
        for kind, columns in _COLUMNS.items():
            for row in getattr(notebook, f"{kind}_cells"):
                values = {column: getattr(row, column) for column in columns}
                yield GradebookCell(kind, notebook.name, row.name, values)


def _described(config: Config) -> bytes:
    """Return the configuration as JSON; functions and classes by their names."""

    def name(value: Any) -> str:
        return f"{value.__module__}.{value.__qualname__}" if callable(value) else repr(value)

    # What being late costs is computed anew in each run, and is part of no result.
    kept = {k: v for k, v in config.items() if k not in _LATE}
    return json.dumps(kept, sort_keys=True, default=name).encode()


def _flat(files: Mapping[str, bytes]) -> Iterable[bytes]:
    for name in sorted(files):
        yield name.encode()
        yield files[name]
