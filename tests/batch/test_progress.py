"""How a run shows itself, in a terminal and elsewhere."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

from rich.console import Console

from autograder.batch.grade_class import Outcome
from autograder.batch.progress import Display
from tests.batch.cheap import names


def _shown(log: Path, *, terminal: bool) -> str:
    """Return all that a display of a run shows in which four of ten are done, one with a fault."""
    screen = StringIO()
    with Display(Console(file=screen, force_terminal=terminal, width=200), log) as display:
        display.start(13)
        for name in names(3):
            display.stands(name)
        display.workers(64)
        display.done(Outcome("ada", scores={"cnns/net_shape": 5.0}))
        display.done(Outcome("bela", "a worker was lost"))
        display.workers(2)
        display.done(Outcome("chen"))
        display.done(Outcome("dora"))
        display.note("the gradebook is locked")
    return screen.getvalue()


def test_a_terminal_shows_done_running_failed_rate_and_time_left(tmp_path: Path) -> None:
    shown = _shown(tmp_path / "log.jsonl", terminal=True)
    assert "13 hand-ins to look at" in shown
    assert "bela: not graded: a worker was lost" in shown
    assert "the gradebook is locked" in shown
    assert "ada: 5 points" not in shown, "the bar tells how many are done"
    last = re.findall(r"7 of 13.*", shown)[-1]
    assert re.search(r"\(2 running, 1 failed, [\d.]+ a minute\)", last)
    assert re.search(r"\d:\d\d:\d\d", last)


def test_of_many_workers_only_those_run_that_have_a_hand_in(tmp_path: Path) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=200)
    with Display(console, tmp_path / "log.jsonl") as display:
        display.start(3)
        display.workers(64)
        display.done(Outcome("ada"))
    assert "(2 running, 0 failed" in screen.getvalue()


def test_elsewhere_each_hand_in_is_a_plain_line(tmp_path: Path) -> None:
    shown = _shown(tmp_path / "log.jsonl", terminal=False)
    assert shown.splitlines() == [
        "13 hand-ins to look at",
        "    [4/13] ada: 5 points",
        "    bela: not graded: a worker was lost",
        "    [6/13] chen: 0 points",
        "    [7/13] dora: 0 points",
        "    the gradebook is locked",
    ]


def test_the_log_has_a_line_of_json_for_each_hand_in(tmp_path: Path) -> None:
    log = tmp_path / "log" / "cnns.jsonl"
    _shown(log, terminal=False)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["student"] for line in lines] == ["ada", "bela", "chen", "dora"]
    assert lines[0]["verdicts"] == {"cnns/net_shape": 5.0}
    assert [line["fault"] for line in lines] == ["", "a worker was lost", "", ""]


def test_names_and_faults_do_nothing_to_the_terminal(tmp_path: Path) -> None:
    screen = StringIO()
    with Display(Console(file=screen, width=200), tmp_path / "log.jsonl") as display:
        display.done(Outcome("a\x1b]0;x\x07b", "fell:\x1b[2J [bold]x[/]\nsecond line"))
    assert screen.getvalue() == (
        "    a\\x1b]0;x\\x07b: not graded: fell:\\x1b[2J [bold]x[/]\nsecond line\n"
    )
