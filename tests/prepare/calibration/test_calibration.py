"""The calibration: what it measures, that it goes on where it was, and what it publishes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from torch import nn
from typer.testing import CliRunner

from autograder.assignments.cnns.improved.families import FAMILIES
from autograder.assignments.cnns.improved.training_runs import EXERCISE
from autograder.checking.trained.exercise import Family, TrainedExercise
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.prepare.calibration import depends_on, measure, page, plan, rates
from autograder.prepare.calibration.measure import Job, Run, Trial
from autograder.prepare.calibration.rates import Rate
from autograder.prepare.calibration.run import FOLDER
from autograder.prepare.calibration.summary import journal_keys
from course_utils.procedure import Budget
from course_utils.protocol import Protocol
from course_utils.training import BUDGET, SCALE
from tests.assignments.cnns.corners import corners
from tests.conftest import ROOT
from tests.prepare.halves import LAB

LOW, *BETWEEN, HIGH = SCALE.marks["bottom_right"]
END = BUDGET.short.steps
LONG = BUDGET.long.steps if BUDGET.long else 0


def trial(family: str, seed: int, *bottom_right: float) -> Trial:
    runs = [Run(n, END, (corners(0.95, right, END),)) for n, right in enumerate(bottom_right)]
    return Trial(family, seed, tuple(runs), cpu_s=1.0)


def family(name: str, at_least: int, at_most: int, learns: bool | None = True) -> Family:
    left = {} if learns is None else {"top_left": (int(learns), int(learns))}
    return Family(name, name, nn.Module, {"bottom_right": (at_least, at_most), **left})


def exercise(*families: Family) -> TrainedExercise:
    """Return the exercise with other families."""
    return replace(EXERCISE, families=list(families))


def test_an_interval_contains_the_rate_and_shrinks_with_the_number_of_runs() -> None:
    for count in (0, 1, 40):
        few, many = Rate(count, 40), Rate(10 * count, 400)
        low, high = few.interval
        assert low <= few.value <= high
        assert many.interval[1] - many.interval[0] < high - low
    assert Rate(0, 200).interval[1] == pytest.approx(1 - 0.025 ** (1 / 200))


def test_a_mark_counts_errors_of_those_meant_to_pass_and_of_those_meant_not_to() -> None:
    families = exercise(family("good", 3, 3), family("between", 2, 3), family("bad", 0, 0))
    middle = BETWEEN[-1].accuracy
    trials = [
        *(trial("good", seed, 0.95, 0.95) for seed in range(39)),
        trial("good", 39, 0.1),
        *(trial("between", seed, *5 * [middle + 0.01]) for seed in range(40)),
        *(trial("bad", seed, 0.1) for seed in range(38)),
        trial("bad", 38, *5 * [middle]),
        trial("bad", 39, *5 * [middle]),
    ]
    top_left, _, low, high = rates.mark_errors(families, trials)
    assert (low.withheld, low.given) == (Rate(1, 80), Rate(2, 40))
    assert (high.withheld, high.given) == (Rate(1, 40), Rate(0, 40))
    assert high.unmeant == ("between",)
    assert low.gap == (middle, 0.1)
    assert "overlap" in rates.proposal(low)
    assert low.worst == ("bad", Rate(2, 40))
    assert not low.kept
    assert top_left.withheld == Rate(0, 120)


def test_a_mark_is_kept_only_with_enough_runs() -> None:
    families = exercise(family("good", 3, 3), family("bad", 0, 0))

    def high(seeds: int) -> rates.MarkErrors:
        trials = [
            trial(name, seed, right)
            for name, right in (("good", 0.95), ("bad", 0.1))
            for seed in range(seeds)
        ]
        return rates.mark_errors(families, trials)[-1]

    assert high(200).kept
    assert rates.proposal(high(2)).endswith("from 10.0% to 95.0%; in the middle is 52%")
    assert not high(40).kept, "no error in 40 runs does not show that errors are rare"


def test_the_plan_has_enough_runs_on_each_side_of_each_mark() -> None:
    least = plan.runs_without_error()
    assert Rate(0, least).interval[1] <= rates.MAX_POSSIBLE_ERRORS < Rate(0, 182).interval[1]
    todo = plan.jobs(EXERCISE, seeds=None, audited=2)
    planned = Counter(job.family for job in todo)
    assert set(planned) == {family.name for family in FAMILIES}
    assert min(planned.values()) == plan.LEAST
    for threshold in rates.thresholds(SCALE):
        for side in (True, False):
            meant = [family.name for family in FAMILIES if threshold.meant(family) is side]
            assert sum(planned[name] for name in meant) >= least, (threshold.name, side)
    assert sum(job.audited for job in todo) == 2 * len(FAMILIES)
    assert plan.jobs(EXERCISE, 1, 0, ["Net"]) == [Job("Net", 0, False)]


def test_a_trial_is_judged_as_grading_would() -> None:
    assert trial("x", 0, 0.1).fits(EXERCISE)
    steep = BETWEEN[0].accuracy
    assert not trial("x", 0, steep).fits(EXERCISE), "another run would have been asked for"
    assert trial("x", 0, *3 * [steep]).measured(EXERCISE).counted["bottom_right"] == steep
    early = Run(0, END, (corners(0.95, 0.95, END - 100),))
    stopped = Trial("x", 0, (early,), 1.0)
    assert stopped.fits(EXERCISE)
    stricter = replace(EXERCISE, scale=replace(SCALE, margin=0.21))
    assert not stopped.fits(stricter), "it would have been trained on"


def test_a_trial_with_a_long_run_is_judged_as_grading_would() -> None:
    short = Run(0, END, (corners(0.6, 0.6, END),))
    long = Run(1, LONG, (corners(0.95, 0.93, LONG),))
    assert Trial("x", 0, (short, long), 1.0).measured(EXERCISE).counted["bottom_right"] == 0.93
    assert not Trial("x", 0, (short,), 1.0).fits(EXERCISE)


def test_what_stopping_early_gets_wrong_is_counted() -> None:
    early, late = corners(0.95, 0.95, END - 100), corners(0.95, 0.5, END)
    audited = [
        Trial("x", 0, (Run(0, END, (early, late)),), 1.0),
        Trial("x", 1, (Run(0, END, (early, replace(early, steps=END))),), 1.0),
    ]
    assert rates.early_stops([*audited, trial("x", 2, 0.95)], SCALE) == Rate(1, 2)


def test_a_calibration_goes_on_where_it_was_and_after_a_line_that_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "below" / "journal.jsonl"
    todo = [Job("linear", seed, audited=seed == 0) for seed in range(2)]
    first = measure.measure_all("cnns", EXERCISE, todo[:1], journal, {"linear": "key"}, workers=1)
    with journal.open("a") as file:
        file.write('{"key": "key", "family": "lin')
        file.write("\n")
    told = []
    again = measure.measure_all(
        "cnns",
        EXERCISE,
        todo,
        journal,
        {"linear": "key"},
        workers=1,
        on_progress=lambda *counts: told.append(counts),
    )
    assert again[0] == first[0]
    assert [found.seed for found in again] == [0, 1]
    assert told == [(1, 2), (2, 2)]
    assert len(journal.read_text().splitlines()) == 3
    other = measure.measure_all(
        "cnns", EXERCISE, todo[:1], journal, {"linear": "another"}, workers=1
    )
    assert len(journal.read_text().splitlines()) == 4, "what was measured of other code is not used"
    assert other[0].runs == first[0].runs, "and the same seed gives the same figures"
    counted = first[0].measured(EXERCISE).counted
    assert counted["top_left"] > 0.8 > 0.3 > counted["bottom_right"]


def key(source: str, **names: object) -> str:
    """Return the key of the function `f` in a source."""
    scope = {"__name__": "course_utils.made_up", **names}
    exec(source, scope)
    return depends_on.key([scope["f"]], {})


def test_what_cannot_change_a_result_does_not_change_what_trials_depend_on() -> None:
    plain = key("def f():\n    return g()\ndef g():\n    return N", N=1)
    documented = "# why\ndef f():\n    'Says.'\n    return g()\n\ndef g():\n    return N\n"
    assert key(documented, N=1) == plain
    unused = "def f():\n    return g()\ndef g():\n    return N\ndef h():\n    return 5"
    assert key(unused, N=1, M=3) == plain


@pytest.mark.parametrize(
    ("source", "n"),
    [
        ("def f():\n    return g()\ndef g():\n    return N", 2),
        ("def f():\n    return g()\ndef g():\n    return N + 1", 1),
        ("def f():\n    return g() + 1\ndef g():\n    return N", 1),
        ("def f():\n    return (lambda: g())()\ndef g():\n    return N + 1", 1),
        ("class g:\n    x = 1\ndef f():\n    return g()", 1),
    ],
)
def test_what_can_does(source: str, n: int) -> None:
    assert key(source, N=n) != key("def f():\n    return g()\ndef g():\n    return N", N=1)


def test_each_part_of_the_real_procedure_is_among_what_trials_depend_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from course_utils import protocol, signs

    before = journal_keys(EXERCISE)
    assert len(set(before.values())) == len(FAMILIES)
    for module, name, value in (
        (signs, "_TURN", 0.2),
        (protocol, "cross_entropy", lambda logits, labels: logits.sum()),
    ):
        with monkeypatch.context() as patch:
            if callable(value):
                value.__module__ = module.__name__
            patch.setattr(module, name, value)
            after = journal_keys(EXERCISE)
        assert all(after[family] != before[family] for family in before), name
    shorter = replace(EXERCISE, budget=Budget(Protocol(checkpoints=(7,)), BUDGET.long))
    assert not set(journal_keys(shorter).values()) & set(before.values())


def test_the_key_is_the_same_in_another_process() -> None:
    """What is followed has no address in its text, and no order of a set's."""
    program = "import json\nfrom tests.prepare.calibration.test_calibration import *\n"
    program += "print(json.dumps(journal_keys(EXERCISE)))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == journal_keys(EXERCISE)


FAMILIES_OF_HALVES = """
lab.family("Halves", Halves, name="linear", far=1)
lab.family("Halves", lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh()), name="bent", far=0)
"""


def test_a_lab_of_the_courses_own_is_calibrated_and_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "own"\nc.Judge.assignments = "own"\n'
    )
    checks = tmp_path / "own" / "halves" / "checks.py"
    checks.parent.mkdir(parents=True)
    checks.write_text(LAB + FAMILIES_OF_HALVES)

    def calibrate(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "autograder", "calibrate", "halves", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, " ".join(done.stdout.split())

    code, said = calibrate("--so-far")
    assert (code, "nothing has been measured" in said) == (GRADERS_FAULT, True)
    code, said = calibrate("--seeds=2", "--workers=1")
    assert code == 0, said
    assert "4 networks, of which 0 have been measured before" in said
    assert "Halves, far 85%" in said
    assert "4 networks, of which 4" in calibrate("--seeds=2")[1], "in another process, too"
    assert "linear" in (tmp_path / "docs" / "calibration" / "halves.md").read_text()
    moved = LAB.replace("points @ line > 0", "points @ line > 0.1")
    checks.write_text(moved + FAMILIES_OF_HALVES)
    assert "4 networks, of which 0" in calibrate("--seeds=2")[1], "its data are others now"


def test_an_unknown_family_or_assignment_is_refused() -> None:
    for arguments, words in (
        (["cnns", "--family", "guessser"], "no family guessser"),
        (["mlp"], "the assignment 'mlp' has nothing to calibrate"),
    ):
        done = CliRunner().invoke(app, ["calibrate", *arguments])
        assert done.exit_code == GRADERS_FAULT, done.output
        assert words in " ".join(done.output.split())


# ------------------------------------------------------------------------- what is published

DOCS = ROOT / FOLDER
FOUND = json.loads((DOCS / "improved_net.json").read_text())


def test_the_published_figures_are_of_all_families() -> None:
    assert [found["name"] for found in FOUND["families"]] == [family.name for family in FAMILIES]
    assert len(FAMILIES) >= 12
    for found, declared in zip(FOUND["families"], FAMILIES, strict=True):
        assert len({trial["seed"] for trial in found["trials"]}) == len(found["trials"]) > 0
        assert found["about"] == declared.about
        assert {k: tuple(v) for k, v in found["meant"].items()} == declared.meant
    assert FOUND["protocols"] == json.loads(json.dumps([*asdict(BUDGET).values()]))
    assert FOUND["scale"] == json.loads(json.dumps(asdict(SCALE))), "calibrate cnns --so-far"


def test_no_mark_was_wrong_more_often_than_it_may_be() -> None:
    for mark in FOUND["marks"]:
        sides = (mark["withheld_from_those_meant_to_pass"], mark["given_to_those_meant_not_to"])
        assert all(side["count"] <= rates.MAX_ERRORS * side["of"] for side in sides), mark
        worst = mark["worst_family"]
        assert worst["count"] <= rates.MAX_ERRORS_OF_A_FAMILY * worst["of"], mark


def test_so_many_networks_were_measured_that_this_is_sure() -> None:
    assert min(len(found["trials"]) for found in FOUND["families"]) >= 20
    for mark in FOUND["marks"]:
        sides = (mark["withheld_from_those_meant_to_pass"], mark["given_to_those_meant_not_to"])
        assert all(side["interval"][1] <= rates.MAX_POSSIBLE_ERRORS for side in sides), mark
        assert mark["kept"]


def test_the_published_rates_follow_from_the_published_trials() -> None:
    for found in FOUND["families"]:
        for mark, rate in zip(rates.thresholds(SCALE), found["passed"], strict=True):
            reached = [trial["accuracies"][mark.test] for trial in found["trials"]]
            assert rate["count"] == sum(accuracy >= mark.accuracy for accuracy in reached)


def test_the_page_is_the_one_of_these_figures() -> None:
    assert (DOCS / "improved_net.md").read_text() == page.page(FOUND, "improved_net")
    assert (DOCS / "improved_net.png").stat().st_size > 10_000


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    page.plot(FOUND, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
