"""The only file that knows nbgrader's preprocessors: what `nbgrader_config.py` puts in their place.

`Judge` replaces `Execute`; `Intake` reads a hand-in before anything else does. So `nbgrader
autograde`, formgrader's button and `autograder grade` all grade alike.
"""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Instance, Integer, Unicode

from autograder import GraderFault, intake
from autograder.course.course import Course
from autograder.course.enter_assignment import enter_if_missing
from autograder.course.gradebook_file import require_usable_gradebook
from autograder.course.secret import course_secret
from autograder.intake import read_folder
from autograder.intake.identity import why_dangerous
from autograder.judging.graded_notebook import mark_given, repair_note_cell
from autograder.judging.judge import grade_notebook
from autograder.sandbox import Limits, SandboxUnavailable, require_provisions
from autograder.sandbox.host_system import needs_linux, runs_hand_ins

_DEFAULTS = Limits()


class Judge(NbGraderPreprocessor):
    """Runs the student's cells in a sandbox and writes the verdicts: in place of `Execute`.

    Most limits of a hand-in can be set in `nbgrader_config.py`: `c.Judge.memory_bytes` and so on.
    """

    memory_bytes = Integer(_DEFAULTS.memory_bytes, help="Memory of all processes, bytes").tag(
        config=True
    )
    processes = Integer(_DEFAULTS.processes, help="Processes and threads, a count").tag(config=True)
    sockets = Integer(_DEFAULTS.sockets, help="Sockets, a count").tag(config=True)
    file_bytes = Integer(_DEFAULTS.file_bytes, help="Size of one file, bytes").tag(config=True)
    disk_bytes = Integer(_DEFAULTS.disk_bytes, help="Size of the working folder, bytes").tag(
        config=True
    )
    cell_timeout_s = Float(_DEFAULTS.cell_timeout_s, help="Wall time of a cell, seconds").tag(
        config=True
    )
    submission_timeout_s = Float(
        _DEFAULTS.submission_timeout_s, help="Wall time of a submission, seconds"
    ).tag(config=True)
    cell_output_bytes = Integer(
        _DEFAULTS.cell_output_bytes, help="Output kept of a cell, bytes"
    ).tag(config=True)
    notebook_output_bytes = Integer(
        _DEFAULTS.notebook_output_bytes, help="Output kept of a notebook, bytes"
    ).tag(config=True)

    unsafe_no_sandbox = Bool(
        False, help="Runs hand-ins with the grader's own rights, and stamps the results"
    ).tag(config=True)

    fork_kernels = Bool(
        True,
        help="Forks kernels of a process that has imported PyTorch, instead of starting each anew",
    ).tag(config=True)

    secret = Unicode("", help="The course's secret; empty: that of the course's folder").tag(
        config=True
    )

    def limits(self) -> Limits:
        """Return what one hand-in may use."""
        names = [name for name in Judge.class_own_traits(config=True) if hasattr(_DEFAULTS, name)]
        return Limits(**{name: getattr(self, name) for name in names})

    def preprocess(
        self, notebook: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the graded notebook.

        Raises:
            GraderFault, SandboxUnavailable, SandboxError: there is no verdict.
        """
        about = resources["nbgrader"]
        limits = self.limits()
        require_provisions(limits)
        files = files_beside(Path(resources["metadata"]["path"]), limits.disk_bytes // 2)
        # nbgrader converts in the course's root.
        secret = self.secret or course_secret(Path.cwd())
        grade_notebook(
            notebook,
            about["assignment"],
            about["student"],
            secret,
            limits,
            files=files,
            sandboxed=not self.unsafe_no_sandbox,
            fork_kernels=self.fork_kernels,
        )
        return notebook, resources


def files_beside(folder: Path, max_bytes: int) -> dict[str, Path]:
    """Return name -> path of the files beside a notebook that its sandbox takes.

    Args:
        folder: the notebook's.
        max_bytes: of all of them; those that do not fit any more are left out, in order of names.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        plain = path.name.isprintable() and not path.name.startswith(".")
        if not plain or path.suffix == ".ipynb" or path.is_symlink() or not path.is_file():
            continue
        max_bytes -= path.stat().st_size
        if max_bytes < 0:
            break
        files[path.name] = path
    return files


def clear_scores(about: dict[str, str]) -> None:
    """Take the automatic scores of a notebook out of the gradebook.

    A grade that could not be formed must not leave an older one standing.

    Args:
        about: nbgrader's "db_url", "notebook", "assignment" and "student".
    """
    with Gradebook(about["db_url"]) as gradebook:
        try:
            submission = gradebook.find_submission_notebook(
                about["notebook"], about["assignment"], about["student"]
            )
        except MissingEntry:
            return
        for grade in submission.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
        gradebook.db.commit()


class IntakeExporter(NotebookExporter):
    """Reads a hand-in as data and makes it whole, in place of nbgrader's plain reading."""

    hand_in = Instance(
        read_folder.HandIn, allow_none=True, help="The hand-in, if it was read already"
    ).tag(config=True)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if not runs_hand_ins():  # before nbgrader has removed anything of an earlier run
            raise SystemExit(needs_linux())
        super().__init__(*arguments, **options)
        coursedir: Any = getattr(self.parent, "coursedir", None)
        if coursedir is None:
            return
        # nbgrader's own falls over a timestamp.txt that holds no date.
        coursedir.get_existing_timestamp = existing_timestamp
        if self.hand_in is None:  # else the batch has looked
            try:
                require_provisions(Judge(parent=self).limits())
                require_usable_gradebook(coursedir.db_url)
                course = Course(Path(coursedir.root), coursedir.config, coursedir)
                enter_if_missing(course, coursedir.assignment_id)
            except (SandboxUnavailable, GraderFault) as error:
                raise SystemExit(str(error)) from error

    def from_filename(
        self, filename: str, resources: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        """Return the notebook after the preprocessors of nbgrader's present step.

        Raises:
            Exception: the grader failed; no old score is left.
        """
        try:
            return self._from_filename(filename, resources, options)
        except Exception:
            clear_scores(resources["nbgrader"])
            raise

    def _from_filename(
        self, filename: str, resources: Any, options: dict[str, Any]
    ) -> tuple[Any, Any]:
        converter: Any = self.parent
        if not converter._sanitizing:
            return super().from_filename(filename, resources=resources, **options)
        about = resources["nbgrader"]
        refused = why_dangerous(about["student"])
        if refused:
            raise GraderFault(refused)
        folder = Path(filename).parent
        release = nbformat.read(
            Path(
                converter.coursedir.format_path(
                    converter.coursedir.release_directory, ".", about["assignment"]
                )
            )
            / f"{about['notebook']}.ipynb",
            as_version=4,
        )
        handed_in = self.hand_in
        if handed_in is None:
            handed_in = read_folder.collect(folder, [about["notebook"]])
            _remove_refused(converter, about, handed_in)
        notebook = read_notebook(handed_in, about["notebook"], release)
        return super().from_notebook_node(notebook, resources=resources, **options)


def existing_timestamp(folder: str) -> datetime | None:
    """Return when a hand-in was handed in, UTC, if the timestamp.txt in its folder tells."""
    path = Path(folder) / read_folder.TIMESTAMP
    if not path.is_file():
        return None
    return read_folder.parse_time(read_folder.timestamp_text(path.read_bytes()))


def read_notebook(handed_in: read_folder.HandIn, name: str, release: NotebookNode) -> NotebookNode:
    """Return the notebook that was handed in, made whole, with a note of what was repaired.

    Args:
        handed_in: the folder.
        name: which notebook of it.
        release: what students got.
    """
    data = handed_in.notebooks.get(name)
    read = (
        intake.read(data, release)
        if data is not None
        else intake.empty(release, handed_in.fatal[name])
    )
    mark_given(read.notebook, release)
    lines = [*handed_in.remarks(), *(repair.sentence for repair in read.repairs)]
    if read.fatal:
        next_step = "Open your notebook in Jupyter, save it there, and hand in that file."
        lines.insert(0, f"Nothing of it could be graded: {read.fatal}. {next_step}")
    if lines:
        read.notebook.cells.insert(0, repair_note_cell(lines, _free_id(read.notebook)))
    return read.notebook


def _free_id(notebook: NotebookNode) -> str:
    """Return a cell's id that a re-grade gives again, and no other cell has."""
    taken = {cell.get("id") for cell in notebook.cells}
    free = (f"graders-note-{number}" for number in itertools.count())
    return next(candidate for candidate in free if candidate not in taken)


def _remove_refused(converter: Any, about: dict[str, str], handed_in: read_folder.HandIn) -> None:
    """Take back what nbgrader copied of a hand-in although it must not be read."""
    name = about["assignment"]
    folder = Path(converter._format_dest(name, about["student"]))
    course = converter.coursedir
    everybodys = Path(course.format_path(course.source_directory, ".", name))
    kept = {str(path.relative_to(everybodys)) for path in everybodys.rglob("*")}
    kept -= set(converter.exclude_overwriting.get(name, []))
    kept |= {file.path for file in handed_in.files}
    for path in folder.rglob("*"):
        readable = path.suffix == ".ipynb" or str(path.relative_to(folder)) in kept
        if path.is_file() and not readable:
            path.unlink()
