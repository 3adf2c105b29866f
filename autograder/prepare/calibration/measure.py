"""Measures families by the very procedure that grading uses, many at once; can be interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.checking.challenge import derive_seed
from autograder.checking.student import InProcess
from autograder.checking.trained.exercise import TrainedExercise
from autograder.checking.trained.runs import run_looks
from autograder.prepare.calibration.exercises import exercises
from course_utils.procedure import Measured, outcome
from course_utils.procedure import measure as procedure
from course_utils.protocol import Protocol
from course_utils.scale import Accuracies


@dataclass(frozen=True)
class Job:
    """One network to be measured: one of a family, with one seed.

    Attributes:
        family: its name.
        seed: counted from 0.
        audited: whether its runs go on to the end of the budget, settled or not, so that what
            stopping early gets wrong can be counted.
    """

    family: str
    seed: int
    audited: bool


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        number: of the run, counted from 0; it decides the seed.
        steps: its budget.
        looks: what its checkpoints showed, in order.
    """

    number: int
    steps: int
    looks: tuple[Accuracies, ...]


@dataclass(frozen=True)
class Trial:
    """What the procedure measured of one network.

    Attributes:
        family: its name.
        seed: counted from 0.
        runs: what was trained.
        cpu_s: processor time of it all, in seconds.
    """

    family: str
    seed: int
    runs: tuple[Run, ...]
    cpu_s: float

    def measured(self, exercise: TrainedExercise) -> Measured[Accuracies]:
        """Return what the procedure finds under the exercise's scale.

        Raises:
            LookupError: it asks for more than was recorded under another scale.
        """

        def run(protocol: Protocol, number: int) -> Iterator[Accuracies]:
            asked = (number, protocol.steps)
            recorded = [run for run in self.runs if (run.number, run.steps) == asked]
            if not recorded:
                raise LookupError(f"{self.family}, {self.seed}: a run is missing")
            yield from recorded[0].looks
            if recorded[0].looks[-1].steps < protocol.steps:
                raise LookupError(f"{self.family}, {self.seed}: a run ends too early")

        return procedure(run, exercise.scale, exercise.budget)

    def fits(self, exercise: TrainedExercise) -> bool:
        """Return whether it tells how the procedure ends under the exercise's scale."""
        try:
            self.measured(exercise)
        except LookupError:
            return False
        return True


def measure(assignment: str, name: str, job: Job) -> Trial:
    """Return what grading measures of one network of a family.

    Args:
        assignment: its name.
        name: of its exercise.
        job: which network.
    """
    torch.set_num_threads(1)
    exercise = exercises(assignment)[name]
    family = next(family for family in exercise.families if family.name == job.family)
    student = InProcess({exercise.name: family.build})
    runs: list[Run] = []

    def run(protocol: Protocol, number: int) -> list[Accuracies]:
        seed = derive_seed("calibration", job.family, job.seed, number)
        seen: list[Accuracies] = []
        looks = _noted(run_looks(exercise, student, student, seed, protocol), seen)
        result = outcome(looks, exercise.scale)
        if job.audited:
            list(looks)  # to the end of the budget
        runs.append(Run(number, protocol.steps, tuple(seen)))
        return [result]

    start = time.process_time()
    procedure(run, exercise.scale, exercise.budget)
    return Trial(job.family, job.seed, tuple(runs), time.process_time() - start)


def measure_all(
    assignment: str,
    exercise: TrainedExercise,
    todo: Sequence[Job],
    journal: Path,
    keys: Mapping[str, str],
    *,
    workers: int,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Trial]:
    """Return a trial for each job; those that the journal holds under its key are not repeated.

    A trial that was recorded under another scale counts as long as it tells how this one ends.

    Args:
        assignment: its name, by which other processes find it.
        exercise: one of it.
        todo: the jobs.
        journal: a file with one JSON line a trial, to which each finished one is added at once.
        keys: family -> what its trials depend on; lines with another key do not count.
        workers: processes, each with one thread.
        on_progress: told how many trials there are, and of how many.
    """
    done = {(trial.family, trial.seed): trial for trial in recorded(exercise, journal, keys)}
    found = [done[job.family, job.seed] for job in todo if (job.family, job.seed) in done]
    on_progress(len(found), len(todo))
    left = [job for job in todo if (job.family, job.seed) not in done]
    journal.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool, journal.open("a", encoding="utf-8") as file:
        asked = [pool.submit(measure, assignment, exercise.name, job) for job in left]
        for future in as_completed(asked):
            trial = future.result()
            file.write(_line(trial, keys[trial.family]) + "\n")
            file.flush()
            found.append(trial)
            on_progress(len(found), len(todo))
    return found


def recorded(exercise: TrainedExercise, journal: Path, keys: Mapping[str, str]) -> list[Trial]:
    """Return the trials of a journal that tell how the procedure ends under the exercise's scale.

    Args:
        exercise: with its scale.
        journal: as for `measure_all`.
        keys: as for `measure_all`.
    """
    fitting = (t for t in _read(journal, list(exercise.scale.marks), keys) if t.fits(exercise))
    return list({(trial.family, trial.seed): trial for trial in fitting}.values())


def _noted(looks: Iterable[Accuracies], seen: list[Accuracies]) -> Iterator[Accuracies]:
    for look in looks:
        seen.append(Accuracies(look.values, look.steps))
        yield look


def _line(trial: Trial, key: str) -> str:
    runs = [
        {
            "number": r.number,
            "steps": r.steps,
            "looks": [[*o.values.values(), o.steps] for o in r.looks],
        }
        for r in trial.runs
    ]
    fields = {"family": trial.family, "seed": trial.seed, "runs": runs, "cpu_s": trial.cpu_s}
    return json.dumps({"key": key, **fields})


def _read(journal: Path, tests: Sequence[str], keys: Mapping[str, str]) -> Iterator[Trial]:
    """Yield the trials of a journal; the last line may be half written."""
    if not journal.exists():
        return
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if fields.pop("key") == keys.get(fields["family"]):
            runs = tuple(
                Run(run["number"], run["steps"], tuple(_look(tests, look) for look in run["looks"]))
                for run in fields.pop("runs")
            )
            yield Trial(runs=runs, **fields)


def _look(tests: Sequence[str], shown: Sequence[float]) -> Accuracies:
    *values, steps = shown
    return Accuracies(dict(zip(tests, values, strict=True)), int(steps))
