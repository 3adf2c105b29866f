"""What `autograder new` writes: a configuration, an assignment file, a notebook's cells."""

from __future__ import annotations

CONFIG = '''"""The course: its folders, and how hand-ins are graded. nbgrader reads it."""

import os
import sys
import warnings
from pathlib import Path

from sqlalchemy.exc import SAWarning

from autograder.feedback import formgrader

c = get_config()  # noqa: F821  (nbgrader provides it)

# nbgrader looks for its tool `alembic` on the PATH: it is found without activating the environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c.CourseDirectory.course_id = "course"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache"]

# Where the right answers of your assignments lie: a folder each. Students never get it.
c.Judge.assignments = "assignments"

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
'''

CHECKS = '''"""The assignment `{assignment}`: right answers, from which the checks are derived."""

from torch import Tensor

from autograder.checking.kit import Lab

lab = Lab("{assignment}")


@lab.function(
    inputs=lambda draw, n, d: [draw.normal(n, d)],
    sizes=[(4, 6), (1, 3), (7, 11)],
    points={{"shape": 5, "values": 20}},
)
def standardise(x: Tensor) -> Tensor:
    return (x - x.mean(dim=-1, keepdim=True)) / x.std(dim=-1, keepdim=True)


lab.say(
    "standardise",
    "without-sub",
    words="the mean were not taken off",
    lesson="What is the mean of each row of your result? What should it be?",
)
'''

SOLUTION = '''def standardise(x):
    """Returns each row of x with mean 0 and standard deviation 1.

    Args:
        x: (N, D) float32.

    Returns:
        (N, D) float32.
    """
    ### BEGIN SOLUTION
    return (x - x.mean(dim=-1, keepdim=True)) / x.std(dim=-1, keepdim=True)
    ### END SOLUTION'''

GRADED = """# Graded: {about}.

### BEGIN HIDDEN TESTS
from autograder.inprocess import grade
grade("{assignment}", "{grade_id}", globals())
### END HIDDEN TESTS"""

TITLE = """# {assignment}

Run the cells from top to bottom. Where a cell says `# YOUR CODE HERE`, replace that line and the
`raise NotImplementedError()` below it. Cells with nothing but a comment are *grade cells*: leave
them as they are."""

EXERCISE = """### Exercise 1: rows on one scale (25 points)

Write the function `standardise`. It takes off each row's mean, and divides by the row's standard
deviation (the one that `Tensor.std` gives)."""

CHECK = """rows = standardise(torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 60.0]]))
print(f"means {rows.mean(dim=1).tolist()}, expected about 0")"""

END = """*Kernel → Restart Kernel and Run All Cells*, save, and hand in this one notebook under its
own name."""
