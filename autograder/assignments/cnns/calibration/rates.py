"""Pure: from trials to the rates at which families reach marks, with confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from autograder.assignments.cnns.calibration.families import Family
from autograder.assignments.cnns.calibration.measure import Trial
from course_utils.scale import Accuracies, Scale
from course_utils.training import outcome

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
class MarkErrors:
    """What a mark gets wrong.

    Attributes:
        name: the mark's.
        withheld: how often families that are meant to reach it do not.
        given: how often families that are meant not to reach it do.
        worst: the family with the largest error rate, and that rate.
        unmeant: the families that are meant neither way.
    """

    name: str
    withheld: Rate
    given: Rate
    worst: tuple[str, Rate]
    unmeant: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Return whether the error rates are as small as they are meant to be."""
        return self.worst[1].value <= MAX_ERRORS_OF_A_FAMILY and all(
            rate.value <= MAX_ERRORS and rate.interval[1] <= MAX_POSSIBLE_ERRORS
            for rate in (self.withheld, self.given)
        )


@dataclass(frozen=True)
class Threshold:
    """A mark as the rates see it.

    Attributes:
        name: the mark's.
        passed: whether accuracies reach it.
        meant: whether a family is meant to; None for neither way.
    """

    name: str
    passed: Callable[[Accuracies], bool]
    meant: Callable[[Family], bool | None]


def thresholds(scale: Scale) -> list[Threshold]:
    """Return the top-left mark, then those of the bottom-right accuracy, lowest first."""
    highest = scale.top_left[-1]
    left = Threshold(
        f"top-left: {highest.name}",
        lambda counted: counted.top_left >= highest.accuracy,
        lambda family: family.learns,
    )
    return [left, *(_threshold(scale, number) for number in range(1, len(scale.bottom_right)))]


def _threshold(scale: Scale, number: int) -> Threshold:
    mark = scale.bottom_right[number]
    return Threshold(
        f"{number}: {mark.name}",
        lambda counted: counted.bottom_right >= mark.accuracy,
        lambda family: meant(family, number),
    )


def meant(family: Family, mark: int) -> bool | None:
    """Return whether a family is meant to reach a mark (counted from 1); None for neither way."""
    if family.at_least >= mark:
        return True
    return False if family.at_most < mark else None


def passed(trials: Iterable[Trial], threshold: Threshold, scale: Scale) -> Rate:
    """Return how often trials reach a threshold."""
    results = [threshold.passed(trial.measured(scale).counted) for trial in trials]
    return Rate(sum(results), len(results))


def mark_errors(
    families: Sequence[Family], trials: Sequence[Trial], scale: Scale
) -> list[MarkErrors]:
    """Return what each threshold gets wrong."""
    return [_errors(threshold, families, trials, scale) for threshold in thresholds(scale)]


def _errors(
    threshold: Threshold, families: Sequence[Family], trials: Sequence[Trial], scale: Scale
) -> MarkErrors:
    withheld: dict[str, Rate] = {}
    given: dict[str, Rate] = {}
    unmeant = []
    for family in families:
        rate = passed((t for t in trials if t.family == family.name), threshold, scale)
        match threshold.meant(family):
            case True:
                withheld[family.name] = Rate(rate.of - rate.count, rate.of)
            case False:
                given[family.name] = rate
            case None:
                unmeant.append(family.name)
    worst = max((withheld | given).items(), key=lambda item: item[1].value)
    return MarkErrors(
        threshold.name, _sum(withheld.values()), _sum(given.values()), worst, tuple(unmeant)
    )


def early_stops(trials: Iterable[Trial], scale: Scale) -> Rate:
    """Return how often an audited run that was settled early ended below the highest mark."""
    wrong = total = 0
    for trial in trials:
        for run in trial.runs:
            stopped = outcome((Accuracies(*look) for look in run.looks), scale)
            end = Accuracies(*run.looks[-1])
            if end.steps > stopped.steps:
                total += 1
                wrong += end.bottom_right < scale.bottom_right[-1].accuracy
    return Rate(wrong, total)


def _sum(rates: Iterable[Rate]) -> Rate:
    rates = list(rates)
    return Rate(sum(rate.count for rate in rates), sum(rate.of for rate in rates))
