"""What is asked of a hand-in's `ImprovedNet`, and what training and inspecting it shows."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.assignments.cnns.improved.families import FAMILIES
from autograder.assignments.cnns.improved.inspection import Inspection, inspect_untrained
from autograder.assignments.cnns.improved.reference import reference
from autograder.assignments.cnns.networks import build
from autograder.checking.challenge import derive_seed
from autograder.checking.student import StudentSide
from autograder.checking.trained import runs
from autograder.checking.trained.exercise import TrainedExercise
from course_utils.procedure import Data, Measured
from course_utils.signs import CLASSES
from course_utils.training import BUDGET, SCALE, sign_data

IMPROVED_NET = "ImprovedNet"


def _data(seed: int) -> Data:
    """Return signs that nobody has seen: top-left ones to learn, and both corners to be asked."""
    return sign_data(derive_seed(seed, "signs"))


EXERCISE = TrainedExercise(IMPROVED_NET, reference, _data, CLASSES, SCALE, BUDGET, list(FAMILIES))


@dataclass(frozen=True)
class Found:
    """What the judge found out about one network.

    Attributes:
        measured: by training.
        inspection: without training.
    """

    measured: Measured[runs.Look]
    inspection: Inspection


def found(student: StudentSide, seed: int) -> Found:
    """Return what training and inspecting the student's `ImprovedNet` shows; its checks share it.

    Raises:
        StudentFault: it cannot be built, trained or asked, or takes too much work.
    """
    key = (IMPROVED_NET, student.version(IMPROVED_NET))
    if key not in student.memo:
        inspection = inspect_untrained(build(student, IMPROVED_NET, seed))
        student.memo[key] = Found(runs.measured(EXERCISE, student, seed), inspection)
    known: Found = student.memo[key]
    return known
