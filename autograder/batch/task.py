"""One submission as one pure task: data in, data out, in a course folder of its own.

What it needs comes as arguments and what it makes is returned, so it runs on any machine that has
this package: no file system is shared, and no gradebook of a course is opened.
"""

from __future__ import annotations

import copy
import errno
import gc
import json
import logging
import os
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from autograder import CheckFault, GraderFault
from autograder.batch import atomic_files
from autograder.batch.gradebook import Marks
from autograder.checking.assignments import use_files
from autograder.course.assignment import Assignment, checks_version, write_gradebook
from autograder.course.points import require_checks_agree
from autograder.intake.read_folder import TIMESTAMP, HandIn
from autograder.judging.graded_notebook import ASKED, METADATA, VERSIONS
from autograder.sandbox import SandboxError, SandboxUnavailable

_LITTLE_BYTES, _FEW_FILES = 64 * 2**20, 100  # with less, a disk counts as full
_templates: dict[str, bytes] = {}  # what an assignment is -> its empty gradebook; one a worker


@dataclass(frozen=True)
class Graded:
    """A submission that was graded.

    Attributes:
        marks: for the gradebook.
        files: path -> content, for the folder `autograded/`.
        report: how it went, for the log: seconds, worker, phases, memory.
        versions: with what it was formed -> which one.
    """

    marks: Marks
    files: Mapping[str, bytes]
    report: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """Why a submission has no verdict, which is never the student's doing.

    Attributes:
        message: for the grader.
        everybodys: whether the next hand-in would fail like this one (the disk is full).
        neighbours: whether what ran beside it may have brought it about: it is tried once more,
            alone.
    """

    message: str
    everybodys: bool = False
    neighbours: bool = False


def grade_hand_in(student: str, handed_in: HandIn, assignment: Assignment) -> Graded | Fault:
    """Return what came of one hand-in.

    Args:
        student: whose it is.
        handed_in: as read from its folder.
        assignment: everything else that the verdict depends on.
    """
    use_files(assignment.own)
    if assignment.checks != checks_version(assignment.name):
        return Fault(
            f"the worker on {socket.gethostname()} has another version of autograder or "
            "course_utils than the machine that asked: install the same on both",
            everybodys=True,
        )
    try:
        require_checks_agree(assignment)
    except GraderFault as error:
        return Fault(str(error), everybodys=True)
    if handed_in.no_verdict:
        return Fault(handed_in.no_verdict)
    started, cpu_s = time.monotonic(), time.process_time()
    try:
        with _course(assignment) as (root, config):
            folder = root / "submitted" / student / assignment.name
            _lay_out(handed_in, folder, assignment.release)
            config.IntakeExporter.hand_in = handed_in
            _autograde(config, student)
            graded = _collect(root, assignment, student)
    except SandboxUnavailable as error:
        return Fault(str(error), everybodys=True)
    except OSError as error:
        text = _in_words(error)
        if error.errno == errno.EDQUOT or (error.errno == errno.ENOSPC and _is_disk_full()):
            return Fault(f"the disk of {socket.gethostname()} is full: {text}", everybodys=True)
        return Fault(text, neighbours=True)
    except CheckFault as error:
        return Fault(str(error))
    except (GraderFault, SandboxError) as error:
        return Fault(str(error), neighbours=True)
    except Exception as error:  # of this machine's; what a student can do is no exception here
        return Fault(_in_words(error), neighbours=True)
    _keep_what_is_imported()
    took = {
        "seconds": round(time.monotonic() - started, 3),
        "cpu_s": round(time.process_time() - cpu_s, 3),  # the judge's; phases have the kernel's
    }
    return replace(graded, report={**took, **graded.report})


def _in_words(error: Exception) -> str:
    """Return what was raised; a check that was at work is named in a note."""
    said = f"{type(error).__name__}: {error}"
    return "; ".join([said, *getattr(error, "__notes__", ())])


def _is_disk_full() -> bool:
    """Return whether there is no room where hand-ins are graded.

    Linux says so of other things too, such as watches, which a neighbour may have used up.
    """
    try:
        found = os.statvfs(tempfile.gettempdir())
    except OSError:  # no temporary folder can be written to
        return True
    no_files = found.f_files > 0 and found.f_favail < _FEW_FILES
    return no_files or found.f_bavail * found.f_frsize < _LITTLE_BYTES


@contextmanager
def _course(assignment: Assignment) -> Iterator[tuple[Path, Config]]:
    """Yield a course folder of its own, and its configuration."""
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder, warnings.catch_warnings():
        # nbgrader's way with its database makes SQLAlchemy warn at every hand-in.
        warnings.filterwarnings("ignore", category=SAWarning)
        root = Path(folder).resolve()
        (root / "gradebook.db").write_bytes(_template(assignment, root / "template.db"))
        for name, data in assignment.release.items():
            _write(root / "release" / assignment.name / f"{name}.ipynb", data)
        for name, data in assignment.beside.items():
            _write(root / "release" / assignment.name / name, data)
        config = copy.deepcopy(assignment.config)  # the next hand-in gets it as it was
        config.CourseDirectory.root = str(root)
        config.CourseDirectory.assignment_id = assignment.name
        config.Autograde.create_student = True
        config.Autograde.force = True
        config.Judge.secret = assignment.secret
        config.Judge.unsafe_no_sandbox = not assignment.sandboxed
        yield root, config


@cache
def _keep_what_is_imported() -> None:
    """Have the garbage collector pass over what the first hand-in made the worker import.

    Else it would look through all of PyTorch and nbgrader again, every few hand-ins.
    """
    gc.collect()
    gc.freeze()


def _template(assignment: Assignment, path: Path) -> bytes:
    which = json.dumps(assignment.digests())
    if which not in _templates:
        write_gradebook(assignment, path)
        _templates.clear()
        _templates[which] = path.read_bytes()
    return _templates[which]


def _lay_out(handed_in: HandIn, folder: Path, notebooks: Iterable[str]) -> None:
    """Write what nbgrader looks for: the time, and the notebooks by name only.

    What was handed in is given to `IntakeExporter` as it was read.
    """
    told = {path: data for path, data in handed_in.beside().items() if path == TIMESTAMP}
    for name, data in {**told, **{f"{n}.ipynb": b"" for n in notebooks}}.items():
        _write(folder / name, data)


def _autograde(config: Config, student: str) -> None:
    """Have nbgrader grade.

    Raises:
        Exception: what went wrong, which nbgrader only logs.
    """
    config.CourseDirectory.student_id = student
    heard = _Listener()
    converter = Autograde(coursedir=CourseDirectory(config=config), config=config)
    converter.log = heard.logger
    try:
        converter.start()
    except Exception as error:
        raise heard.error or error from error


class _Listener(logging.Handler):
    """Keeps the exception that nbgrader logs instead of raising it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.error: BaseException | None = None
        self.logger = logging.Logger("autograder.nbgrader")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception that is being handled, the first one."""
        self.error = self.error or sys.exc_info()[1]


def _collect(root: Path, assignment: Assignment, student: str) -> Graded:
    scores: dict[str, float | None] = {}
    comments: dict[str, str | None] = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        for notebook in gradebook.find_submission(assignment.name, student).notebooks:
            for grade in notebook.grades:
                scores[f"{notebook.name}/{grade.name}"] = grade.auto_score
            for comment in notebook.comments:
                comments[f"{notebook.name}/{comment.name}"] = comment.auto_comment
    folder = root / "autograded" / student / assignment.name
    files = atomic_files.read_folder(folder)
    about = {
        name: json.loads(files[f"{name}.ipynb"])["metadata"].get(METADATA, {})
        for name in assignment.release
    }
    report = {
        "worker": f"{socket.gethostname()}/{os.getpid()}",
        "notebooks": {
            name: {key: value for key, value in told.items() if key not in (ASKED, VERSIONS)}
            for name, told in about.items()
        },
    }
    used: Mapping[str, str] = next(
        (told[VERSIONS] for told in about.values() if VERSIONS in told), {}
    )
    return Graded(Marks(scores, comments), files, report, used)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
