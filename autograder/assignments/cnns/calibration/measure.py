"""Measures families by the very procedure that grading uses, many at once; can be interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from autograder.assignments.cnns.calibration.families import FAMILIES
from autograder.assignments.cnns.improved.training_runs import IMPROVED_NET, run_looks
from autograder.checking.challenge import derive_seed
from autograder.checking.student import InProcess
from course_utils.protocol import Protocol
from course_utils.scale import Accuracies, Scale
from course_utils.training import Measured, outcome
from course_utils.training import measure as procedure

Look = tuple[float, float, int]  # top-left, bottom-right, steps: the fields of `Accuracies`


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
    looks: tuple[Look, ...]


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

    def measured(self, scale: Scale) -> Measured[Accuracies]:
        """Return what the procedure finds under this scale.

        Raises:
            LookupError: it asks for more than was recorded under another scale.
        """

        def run(protocol: Protocol, number: int) -> Iterator[Accuracies]:
            asked = (number, protocol.steps)
            recorded = [run for run in self.runs if (run.number, run.steps) == asked]
            if not recorded:
                raise LookupError(f"{self.family}, {self.seed}: a run is missing")
            for look in recorded[0].looks:
                yield Accuracies(*look)
            if look[2] < protocol.steps:
                raise LookupError(f"{self.family}, {self.seed}: a run ends too early")

        return procedure(run, scale)

    def fits(self, scale: Scale) -> bool:
        """Return whether it tells how the procedure ends under this scale."""
        try:
            self.measured(scale)
        except LookupError:
            return False
        return True


def measure(job: Job, scale: Scale) -> Trial:
    """Return what grading measures of one network of a family."""
    torch.set_num_threads(1)
    family = next(family for family in FAMILIES if family.name == job.family)
    student = InProcess({IMPROVED_NET: family.build})
    runs: list[Run] = []

    def run(protocol: Protocol, number: int) -> list[Accuracies]:
        seed = derive_seed("calibration", job.family, job.seed, number)
        looks, seen = run_looks(student, student, seed, protocol), list[Accuracies]()
        result = outcome(_noted(looks, seen), scale)
        if job.audited:
            seen += looks
        shown = tuple((look.top_left, look.bottom_right, look.steps) for look in seen)
        runs.append(Run(number, protocol.steps, shown))
        return [result]

    start = time.process_time()
    procedure(run, scale)
    return Trial(job.family, job.seed, tuple(runs), time.process_time() - start)


def measure_all(
    todo: Sequence[Job],
    scale: Scale,
    journal: Path,
    keys: Mapping[str, str],
    *,
    workers: int,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Trial]:
    """Return a trial for each job; those that the journal holds under its key are not repeated.

    A trial that was recorded under another scale counts as long as it tells how this one ends.

    Args:
        todo: the jobs.
        scale: the marks and rules.
        journal: a file with one JSON line a trial, to which each finished one is added at once.
        keys: family -> what its trials depend on; lines with another key do not count.
        workers: processes, each with one thread.
        on_progress: told how many trials there are, and of how many.
    """
    done = {(trial.family, trial.seed): trial for trial in recorded(scale, journal, keys)}
    found = [done[job.family, job.seed] for job in todo if (job.family, job.seed) in done]
    on_progress(len(found), len(todo))
    left = [job for job in todo if (job.family, job.seed) not in done]
    journal.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool, journal.open("a", encoding="utf-8") as file:
        for future in as_completed([pool.submit(measure, job, scale) for job in left]):
            trial = future.result()
            file.write(json.dumps({"key": keys[trial.family], **asdict(trial)}) + "\n")
            file.flush()
            found.append(trial)
            on_progress(len(found), len(todo))
    return found


def recorded(scale: Scale, journal: Path, keys: Mapping[str, str]) -> list[Trial]:
    """Return the trials of a journal that tell how the procedure ends under this scale, each once.

    Args:
        scale: the marks and rules.
        journal: as for `measure_all`.
        keys: as for `measure_all`.
    """
    fitting = (trial for trial in _read(journal, keys) if trial.fits(scale))
    return list({(trial.family, trial.seed): trial for trial in fitting}.values())


def _noted(looks: Iterable[Accuracies], seen: list[Accuracies]) -> Iterator[Accuracies]:
    for look in looks:
        seen.append(look)
        yield look


def _read(journal: Path, keys: Mapping[str, str]) -> Iterator[Trial]:
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
                Run(run["number"], run["steps"], tuple(tuple(look) for look in run["looks"]))
                for run in fields.pop("runs")
            )
            yield Trial(runs=runs, **fields)
