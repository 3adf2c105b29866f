"""The command that shows what comes of each attack, under stock nbgrader and under ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.maintain.threats import CATALOGUE, HARM, HONEST, POINTS, READING
from autograder.maintain.threats.__main__ import app
from autograder.maintain.threats.run import Result
from autograder.maintain.threats.table import page
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "threats.md"


def test_each_attack_has_a_name_of_its_own() -> None:
    assert len(CATALOGUE) == len([*POINTS, *HARM, *READING, *HONEST])


def test_the_page_has_a_row_for_each_attack_that_ran() -> None:
    results = {"exit": (Result(None, ("a note",)), Result(55.0, ()))}
    rows = [line for line in page(results).splitlines() if line.startswith("| calls")]
    assert rows == [
        "| calls `os._exit` in its last cell | 55 | no score; a note | 55 of 55 points |"
    ]


def test_the_committed_page_shows_every_attack_and_what_it_deserves() -> None:
    text = PAGE.read_text()
    for attack in CATALOGUE.values():
        row = re.search(rf"^\| {re.escape(attack.does)} \|(.*)$", text, re.MULTILINE)
        assert row, (
            f"{attack.name}: write the page anew with `python -m autograder.maintain.threats`"
        )
        deserved, _, ours = row[1].rstrip(" |").split(" | ")
        assert ours.split(";")[0] == f"{float(deserved):g} of 55 points"


@pytest.mark.slow
def test_the_command_runs_both_sides(tmp_path: Path) -> None:
    output = tmp_path / "threats.md"
    names = ["honest", "input-transformer", "left-over-process"]
    done = CliRunner().invoke(app, [*names, f"--output={output}"])
    assert done.exit_code == 0, done.output
    rows = [line.split(" | ") for line in output.read_text().splitlines() if " | " in line]
    got = {row[0].removeprefix("| "): (row[2], row[3].rstrip(" |")) for row in rows}
    assert got[CATALOGUE["honest"].does] == ("55 of 55 points", "55 of 55 points")
    assert got[CATALOGUE["input-transformer"].does] == ("55 of 55 points", "0 of 55 points")
    stock, ours = got[CATALOGUE["left-over-process"].does]
    assert "outlived" in stock
    assert ours == "55 of 55 points"
