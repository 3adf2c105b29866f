"""Pure: from trials to the rates at which families reach marks, with confidence intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from autograder.checking.trained.exercise import Family, TrainedExercise
from autograder.prepare.calibration.measure import Trial
from course_utils.procedure import outcome
from course_utils.scale import Accuracies, Scale, named

CONFIDENCE = 0.95
MAX_ERRORS = 0.01  # of all runs that are meant to reach a mark, or not to
MAX_POSSIBLE_ERRORS = 0.02  # the upper end of that rate's interval
MAX_ERRORS_OF_A_FAMILY = 1 / 40


@dataclass(frozen=True)
class Rate:
    """How often something happened.

    Attributes:
        count: how often it did.
        of: how often it could have.
    """

    count: int
    of: int

    @property
    def value(self) -> float:
        """Return the share in [0, 1]."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the exact 95 % confidence interval of the share.

        Source: Clopper and Pearson 1934, Biometrika 26.
        """
        if not self.of:
            return 0.0, 1.0
        found = binomtest(self.count, self.of).proportion_ci(CONFIDENCE, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Threshold:
    """A mark as the rates see it.

    Attributes:
        test: the test set.
        number: of the mark, counted from 1: the first is worth nothing.
        accuracy: in [0, 1].
        name: what reaching it means.
    """

    test: str
    number: int
    accuracy: float
    name: str

    @property
    def title(self) -> str:
        """Return which one it is, in short."""
        return f"{named(self.test)} {self.accuracy:.0%}"

    def passed(self, counted: Accuracies) -> bool:
        """Return whether accuracies reach it."""
        return counted[self.test] >= self.accuracy

    def meant(self, family: Family) -> bool | None:
        """Return whether a family is meant to reach it; None for neither way."""
        at_least, at_most = family.meant.get(self.test, (0, self.number))
        if at_least >= self.number:
            return True
        return False if at_most < self.number else None


@dataclass(frozen=True)
class MarkErrors:
    """What a mark gets wrong.

    Attributes:
        mark: which.
        withheld: how often families that are meant to reach it do not.
        given: how often families that are meant not to reach it do.
        worst: the family with the largest error rate, and that rate.
        unmeant: the families that are meant neither way.
        gap: the highest accuracy of a network that is meant not to reach it, and the lowest of one
            that is meant to; None where there is no network on one of the sides.
    """

    mark: Threshold
    withheld: Rate
    given: Rate
    worst: tuple[str, Rate]
    unmeant: tuple[str, ...]
    gap: tuple[float, float] | None

    @property
    def kept(self) -> bool:
        """Return whether the error rates are as small as they are meant to be."""
        return self.worst[1].value <= MAX_ERRORS_OF_A_FAMILY and all(
            rate.value <= MAX_ERRORS and rate.interval[1] <= MAX_POSSIBLE_ERRORS
            for rate in (self.withheld, self.given)
        )


def thresholds(scale: Scale) -> list[Threshold]:
    """Return the marks of each test set that are worth something, lowest first."""
    return [
        Threshold(test, number, mark.accuracy, mark.name)
        for test, marks in scale.marks.items()
        for number, mark in enumerate(marks)
        if number
    ]


def passed(trials: Iterable[Trial], threshold: Threshold, exercise: TrainedExercise) -> Rate:
    """Return how often trials reach a threshold."""
    results = [threshold.passed(trial.measured(exercise).counted) for trial in trials]
    return Rate(sum(results), len(results))


def mark_errors(exercise: TrainedExercise, trials: Sequence[Trial]) -> list[MarkErrors]:
    """Return what each threshold gets wrong."""
    return [_errors(threshold, exercise, trials) for threshold in thresholds(exercise.scale)]


def _errors(threshold: Threshold, exercise: TrainedExercise, trials: Sequence[Trial]) -> MarkErrors:
    withheld, given = dict[str, Rate](), dict[str, Rate]()
    above, below, unmeant = list[float](), list[float](), []
    for family in exercise.families:
        own = [trial for trial in trials if trial.family == family.name]
        rate = passed(own, threshold, exercise)
        accuracies = [trial.measured(exercise).counted[threshold.test] for trial in own]
        match threshold.meant(family):
            case True:
                withheld[family.name] = Rate(rate.of - rate.count, rate.of)
                above += accuracies
            case False:
                given[family.name] = rate
                below += accuracies
            case None:
                unmeant.append(family.name)
    worst = max(
        (withheld | given).items(), key=lambda item: item[1].value, default=("", Rate(0, 0))
    )
    gap = (max(below), min(above)) if below and above else None
    return MarkErrors(
        threshold, _sum(withheld.values()), _sum(given.values()), worst, tuple(unmeant), gap
    )


def proposal(errors: MarkErrors) -> str:
    """Return where the families leave a gap, and where in it the mark could stand."""
    if errors.gap is None:
        return "a mark needs families on both sides of it"
    low, high = errors.gap
    if low >= high:
        return f"families overlap, from {high:.1%} to {low:.1%}: no mark tells them apart"
    middle = (low + high) / 2
    return f"families leave a gap from {low:.1%} to {high:.1%}; in the middle is {middle:.0%}"


def early_stops(trials: Iterable[Trial], scale: Scale) -> Rate:
    """Return how often an audited run that was settled early ended below a highest mark."""
    wrong = total = 0
    for trial in trials:
        for run in trial.runs:
            stopped, end = outcome(run.looks, scale), run.looks[-1]
            if end.steps > stopped.steps:
                total += 1
                wrong += any(end[test] < scale.highest(test).accuracy for test in scale.marks)
    return Rate(wrong, total)


def _sum(rates: Iterable[Rate]) -> Rate:
    rates = list(rates)
    return Rate(sum(rate.count for rate in rates), sum(rate.of for rate in rates))
