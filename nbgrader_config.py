"""The course: its folders, and how its hand-ins are graded. Read by every nbgrader command."""

import os
import sys
import warnings
from pathlib import Path

from sqlalchemy.exc import SAWarning

from autograder.feedback import formgrader

c = get_config()  # noqa: F821  (nbgrader provides it)

# nbgrader looks for its tool `alembic` on the PATH: it is found without activating the environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c.CourseDirectory.course_id = "cnn-course"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    ".pytest_cache",
    "MNIST",
]

# Verdicts are formed outside the student's process, in place of nbgrader's own Execute.
c.Autograde.exporter_class = "autograder.nbgrader_step.IntakeExporter"
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_step.Judge",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# What students read: one self-contained page, with a summary and the verdicts.
c.GenerateFeedback.exporter_class = "autograder.feedback.FeedbackExporter"
c.GenerateFeedback.preprocessors = ["autograder.feedback.Grades"]

# Where people mark by hand: what students write is shown as text, and runs nothing.
formgrader.protect()

# nbgrader's way with its database makes SQLAlchemy warn at every hand-in; it is harmless.
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")

# What one hand-in may use.
c.Judge.cell_timeout_s = 120  # wall time of one cell, seconds
c.Judge.submission_timeout_s = 900  # wall time of all cells and all answers to checks, seconds
c.Judge.memory_bytes = 4 * 2**30  # memory of all its processes together, bytes
c.Judge.processes = 256  # processes and threads, a count
c.Judge.sockets = 128  # a count: what lies in them is memory of no process
c.Judge.file_bytes = 512 * 2**20  # one file, bytes
c.Judge.disk_bytes = 512 * 2**20  # its working folder, bytes
c.Judge.cell_output_bytes = 2**20  # output kept of a cell, bytes
c.Judge.notebook_output_bytes = 8 * 2**20  # output kept of a notebook, bytes
