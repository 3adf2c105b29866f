"""The only file that knows nbgrader's preprocessors: what `nbgrader_config.py` puts in their place.

`Judge` replaces `Execute`; `Intake` reads a hand-in before anything else does. So `nbgrader
autograde`, formgrader's button and `autograder grade` all grade alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
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
from autograder.course.assignment import read_assignment
from autograder.course.brought import brought_files
from autograder.course.course import Course
from autograder.course.enter_assignment import enter_if_missing
from autograder.course.every_hand_in import look_at_every_hand_in
from autograder.course.gradebook_file import require_usable_gradebook
from autograder.course.points import require_agreement, require_checks_agree
from autograder.course.secret import course_secret
from autograder.course.versions import versions
from autograder.intake import lay_out, read_folder
from autograder.intake.identity import why_dangerous
from autograder.judging.graded_notebook import (
    GRADED_AT,
    METADATA,
    VERSIONS,
    keep_stubs,
    mark_given,
    repair_note_cell,
)
from autograder.judging.judge import grade_notebook
from autograder.sandbox import Limits, SandboxUnavailable, require_provisions
from autograder.sandbox.host_system import needs_linux, runs_hand_ins

_DEFAULTS = Limits()
look_at_every_hand_in()  # nbgrader imports this module before it looks for hand-ins


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
        files = lay_out.files_beside(Path(resources["metadata"]["path"]), limits.disk_bytes // 2)
        # nbgrader converts in the course's root.
        secret = self.secret or course_secret(Path.cwd())
        grade_notebook(
            notebook,
            about["assignment"],
            secret,
            limits,
            files=files,
            sandboxed=not self.unsafe_no_sandbox,
            fork_kernels=self.fork_kernels,
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        used = {GRADED_AT: now, VERSIONS: versions(about["assignment"])}
        notebook.metadata[METADATA].update(used)
        return notebook, resources


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

    allow_hard_links = Bool(
        False,
        help="Reads files with a second name outside of the hand-in: where backups link files",
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
                _require_points(course)
            except SandboxUnavailable as error:
                raise SystemExit(str(error)) from error
            except GraderFault as fault:  # as it is, nbgrader would clear scores
                raise SystemExit(f"Nothing was graded: {fault}") from fault

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
        about, course = resources["nbgrader"], converter.coursedir
        refused = why_dangerous(about["student"])
        if refused:
            raise GraderFault(refused)
        name, assignment = about["notebook"], about["assignment"]
        released = Path(course.format_path(course.release_directory, ".", assignment))
        releases = {path.stem: path.read_bytes() for path in released.glob("*.ipynb")}
        handed_in = self.hand_in
        if handed_in is None:
            handed_in = read_folder.collect(
                Path(filename).parent,
                sorted(releases),
                releases=releases,
                ignored=course.ignore,
                allow_hard_links=self.allow_hard_links,
            )
        if handed_in.no_verdict:
            raise GraderFault(handed_in.no_verdict)
        files, said = lay_out.tree(
            handed_in.beside(),
            brought_files(released, course.ignore),
            releases,
            converter.exclude_overwriting.get(assignment, ()),
        )
        folder = Path(converter._format_dest(assignment, about["student"]))
        lay_out.lay_out(folder, files)
        release = nbformat.reads(releases[name].decode(), 4)
        notebook = read_notebook(handed_in, name, release, said)
        return super().from_notebook_node(notebook, resources=resources, **options)


def _require_points(course: Course) -> None:
    """Compare the points of an assignment wherever they stand.

    Raises:
        GraderFault: they differ. Nothing was changed.
    """
    assignment = read_assignment(course, course.coursedir.assignment_id, sandboxed=True)
    require_agreement(course, assignment)
    require_checks_agree(assignment)


def existing_timestamp(folder: str) -> datetime | None:
    """Return when a hand-in was handed in, UTC, if the timestamp.txt in its folder tells."""
    path = Path(folder) / read_folder.TIMESTAMP
    if not path.is_file():
        return None
    return read_folder.parse_time(read_folder.timestamp_text(path.read_bytes()))


def read_notebook(
    handed_in: read_folder.HandIn, name: str, release: NotebookNode, said: Sequence[str] = ()
) -> NotebookNode:
    """Return the notebook that was handed in, made whole, with a note of what was repaired.

    Args:
        handed_in: the folder.
        name: which notebook of it.
        release: what students got.
        said: sentences on the files beside it.

    Raises:
        GraderFault: it is there, and more than we read.
    """
    data = handed_in.notebooks.get(name)
    read = (
        intake.read(data, release)
        if data is not None
        else intake.empty(release, handed_in.fatal[name])
    )
    if read.refused:
        raise GraderFault(f"it was not read: {_about_file(name, str(read.fatal))}")
    mark_given(read.notebook, release)
    keep_stubs(read.notebook, release, intake.MISSING)
    lines = [*handed_in.remarks(), *said, *(repair.sentence for repair in read.repairs)]
    nothing = None
    if read.fatal:
        why = read.fatal if data is None else _about_file(name, read.fatal)
        nothing = f"nothing of it could be graded: {why}"
        next_step = "Open your notebook in Jupyter, save it there, and hand in that file."
        lines.insert(0, f"{nothing[:1].upper()}{nothing[1:]}. {next_step}")
    if lines:
        note = repair_note_cell(lines, _free_id(read.notebook), nothing)
        read.notebook.cells.insert(0, note)
    return read.notebook


def _about_file(name: str, reason: str) -> str:
    """Return a reason of intake's with the file's name in it."""
    file, what = f"{name}.ipynb", reason.removeprefix("the file ")
    return f"{file} {what}" if what != reason else f"{file}: {reason}"


def _free_id(notebook: NotebookNode) -> str:
    """Return a cell's id that a re-grade gives again, and no other cell has."""
    taken = {cell.get("id") for cell in notebook.cells}
    free = (f"graders-note-{number}" for number in itertools.count())
    return next(candidate for candidate in free if candidate not in taken)
