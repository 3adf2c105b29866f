"""Does the report count right, name what is bad, and find copies?"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autograder.assignments.cnns.made_class import CHAIN, HAND_INS, IMPROVED, NET
from autograder.batch.grade_class import Outcome
from autograder.batch.progress import FOLDER, last_changes, last_faults, log_line
from autograder.batch.run_records import Change
from autograder.checking.check_result import FELL_OVER, CheckResult, nothing, verdict
from autograder.commands.cli import app
from autograder.commands.terminal import GRADERS_FAULT
from autograder.judging.graded_notebook import METADATA, repair_note_cell
from autograder.report import _page, build, write
from autograder.report._collect import ClassResults, read, without_pictures
from autograder.report._page import as_html
from autograder.report._similarity import near_identical
from autograder.report._statistics import correlation, spread
from tests.conftest import ROOT
from tests.judging.graded_notebooks import RIGHT, WRONG, graded_cell, solution


def notebook(*results: CheckResult, code: str = "x = 1", note: str = "") -> NotebookNode:
    cells = [solution("answer", code)]
    cells += [graded_cell(f"cell_{i}", result) for i, result in enumerate(results)]
    if note:
        cells.insert(0, repair_note_cell([note], "note"))
    made = new_notebook(cells=cells)
    made.metadata[METADATA] = {
        "sandboxed": True,
        "peak_memory_bytes": 2**30,
        "phases": {"start": {"wall_s": 1.5}, "cells": {"wall_s": 2.5}},
    }
    return made


def course(**notebooks: NotebookNode) -> ClassResults:
    submissions = tuple(read(student, made) for student, made in notebooks.items())
    points = {s.student: sum(s.automatic.values()) for s in submissions}
    return ClassResults("cnns", submissions, points, given=("given = 1",))


def test_a_check_that_the_good_fail_and_the_bad_pass_discriminates_negatively():
    right, wrong = RIGHT, nothing(5, "no")
    report = build(
        course(
            good=notebook(right, right, wrong),
            fair=notebook(right, wrong, wrong),
            bad=notebook(wrong, wrong, right),
        )
    )
    first, _, odd = report.checks
    assert (first.passed, first.mean) == (pytest.approx(2 / 3), pytest.approx(10 / 3))
    assert odd.discrimination is not None
    assert odd.discrimination < -0.5
    assert "look at it" in as_html(report, str)


def test_what_does_not_vary_has_no_correlation():
    assert correlation([1, 1], [0, 1]) is None
    assert correlation([0.0, 1.0, 2.0], [0.0, 2.0, 4.0]) == 1.0


def test_mistakes_are_counted_by_student_and_linked():
    wrong = notebook(WRONG, WRONG)
    report = build(course(ada=notebook(RIGHT, RIGHT), bela=wrong, chen=wrong))
    (mistake,) = report.mistakes
    assert (mistake.mistake, mistake.count, mistake.named) == ("chain-pool", 2, True)
    assert mistake.grade_ids == ("cell_0", "cell_1")
    html = as_html(report, "../feedback/{}/cnns/cnns.html".format)
    assert 'href="../feedback/bela/cnns/cnns.html#cell_0"' in html


def test_each_of_several_mistakes_is_counted():
    both = ("fc1-missing-relu", "fc3-extra-softmax")
    twice = CheckResult(WRONG.criteria, WRONG.advice, both)
    report = build(course(ada=notebook(twice)))
    assert tuple(m.mistake for m in report.mistakes) == both


def test_what_has_no_name_is_counted_by_its_reason():
    report = build(course(ada=notebook(nothing(5, "Net is not defined")), bela=notebook(RIGHT)))
    assert [(m.mistake, m.named) for m in report.mistakes] == [("Net is not defined", False)]


def test_repairs_time_and_memory_are_told():
    report = build(course(ada=notebook(RIGHT, note="a cell was lost"), bela=notebook(RIGHT)))
    assert report.repaired == {"ada": ("a cell was lost",)}
    assert report.seconds is not None
    assert (report.seconds.median, report.seconds.largest) == (4.0, 4.0)
    assert report.memory_mib is not None
    assert report.memory_mib.p95 == 1024


def test_a_spread_of_nobody_is_none():
    assert spread({}) is None
    found = spread({str(i): float(i) for i in range(1, 101)})
    assert found is not None
    assert (found.median, found.p95, found.largest, found.student) == (50.5, 95, 100, "100")


def test_accuracies_are_taken_once_a_student():
    marks = [{"accuracy": 0.4, "points": 5}]
    shown = [{"name": "near", "value": 0.9}, {"name": "far", "value": 0.5, "marks": marks}]
    figures = {"accuracies": shown}
    twice = CheckResult(RIGHT.criteria, figures=figures)
    report = build(course(ada=notebook(twice, twice), bela=notebook(RIGHT)))
    assert [(a.student, a.values, a.marks) for a in report.accuracies] == [
        ("ada", {"near": 0.9, "far": 0.5}, marks)
    ]
    html = as_html(report, str)
    assert "Accuracy near against far of 1 networks. far: 1 reach 40%." in html


def test_all_text_is_escaped():
    nasty = "<script>alert(1)</script>"
    result = CheckResult((verdict(nasty, nasty, nasty, False, 1),), nasty, (nasty,))
    html = as_html(build(course(**{nasty: notebook(result, note=nasty)})), str)
    assert "<script" not in html
    assert re.findall(r"""src=["'](?!data:)""", html) == []


def test_copies_are_found_and_independent_answers_are_not():
    codes = {
        student.name: tuple(student.answers.values())
        for student in HAND_INS
        if student.name in ("ada", "bela", "gus")
    }
    codes["copy"] = tuple(f"# mine\n{text}\n" for text in codes["ada"])
    codes["changed"] = tuple(text.replace("activations", "out") for text in codes["ada"])
    assert near_identical(codes, ()) == (("ada", "changed", "copy"),)


def test_hand_ins_without_code_of_their_own_are_alike_to_nobody():
    assert near_identical({"a": ("given = 1",), "b": ()}, ("given = 1",)) == ()


def test_what_was_given_out_is_left_aside():
    given = (CHAIN, NET, IMPROVED)
    codes = {name: (*given, f"def own_{name}(): return {name!r}") for name in ("a", "b")}
    assert near_identical(codes, given) == ()
    assert near_identical(codes, ()) == (("a", "b"),)


def made_course(folder: Path, students: int) -> Path:
    """Return a course with generated graded hand-ins, each with code of its own."""
    release = folder / "release" / "cnns" / "cnns.ipynb"
    release.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_code_cell("x = 0")]), release)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    rng = random.Random(0)
    names = "".join(chr(97 + i) for i in range(26))
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        gradebook.add_assignment("cnns")
        gradebook.add_notebook("cnns", "cnns")
        for number in range(students):
            student = f"s{number:04d}"
            gradebook.add_student(student)
            gradebook.add_submission("cnns", student)
    for number in range(students):
        code = "\n".join(
            f"{''.join(rng.sample(names, 5))} = {rng.choice(['F', 'nn', 'x'])}.relu({rng.random()})"
            for _ in range(60)
        )
        path = folder / "autograded" / f"s{number:04d}" / "cnns" / "cnns.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook(rng.choice([RIGHT, nothing(5, "no")]), WRONG, code=code), path)
    return folder


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader calls its tool `alembic` by name."""
    tools = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([tools, os.environ["PATH"]]))


def test_the_command_writes_a_page_and_json(tmp_path: Path):
    made_course(tmp_path, 3)
    for student in ("yan", "zoe"):
        (tmp_path / "submitted" / student / "cnns").mkdir(parents=True)
    outcomes = [Outcome("zoe"), Outcome("zoe", "no space left"), Outcome("s0001", "an older fault")]
    log = tmp_path / FOLDER / "cnns.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps(log_line(outcome)) + "\n" for outcome in outcomes))
    result = CliRunner().invoke(app, ["report", "cnns", f"--course={tmp_path}"])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "report" / "cnns.html").read_text()
    assert "2 without a verdict" in page
    assert "<li>no space left: zoe</li>" in page
    assert "<li>not graded yet: yan</li>" in page
    assert "an older fault" not in page, "it has a verdict now"
    data = json.loads((tmp_path / "report" / "cnns.json").read_text())
    assert (data["students"], data["ungraded"]) == (3, {"yan": "", "zoe": "no space left"})
    assert list(data["points"]) == ["s0000", "s0001", "s0002"]


def test_what_was_only_not_graded_yet_is_nobodys_fault(tmp_path: Path):
    made_course(tmp_path, 3)
    (tmp_path / "submitted" / "yan" / "cnns").mkdir(parents=True)
    result = CliRunner().invoke(app, ["report", "cnns", f"--course={tmp_path}"])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "report" / "cnns.html").read_text()
    assert "1 not graded yet" in page
    assert "Mend the cause" not in page


def test_a_log_that_ends_in_half_a_line_is_read(tmp_path: Path):
    log = tmp_path / "cnns.jsonl"
    assert last_faults(log) == {}
    whole = json.dumps(log_line(Outcome("zoe", "no space left")))
    log.write_text(f"{whole}\n{whole[:30]}")
    assert last_faults(log) == {"zoe": "no space left"}


@pytest.mark.parametrize(
    "text",
    [
        "iVBORw0KGgo=",
        "",
        'not "base64"',
        "two\nlines",
        "ends in a backslash \\",
        '"image/png": "x"',
    ],
)
@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_pictures_are_emptied_and_nothing_else(kind: str, text: str):
    made = new_notebook(
        cells=[
            new_code_cell(text, outputs=[new_output("display_data", {kind: text})]),
            new_code_cell(f'x = {{"{kind}": "{text}"}}', id="same"),
        ]
    )
    whole = json.loads(nbformat.writes(made))
    read_back = json.loads(without_pictures(nbformat.writes(made).encode()))
    data = read_back["cells"][0]["outputs"][0]["data"]
    assert data[kind] in ("", whole["cells"][0]["outputs"][0]["data"][kind])
    assert (data[kind] == "") == ("\\" not in json.dumps(text))
    data[kind] = whole["cells"][0]["outputs"][0]["data"][kind]
    assert read_back == whole


def work(act: Callable[[], object]) -> Counter[str]:
    """Return how often each function is called: work, whatever the machine and its load."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, what: object) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            calls[getattr(what, "__qualname__", "?")] += 1

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


def test_a_class_four_times_as_large_is_at_most_four_times_the_work(tmp_path: Path):
    counted = []
    for students in (30, 120):
        folder = made_course(tmp_path / str(students), students)
        counted.append(work(lambda folder=folder: write(folder, "cnns", folder / "report")))
    small, large = counted
    assert large.total() < 4.4 * small.total()
    assert large["Connection._execute_context"] == small["Connection._execute_context"] > 0
    assert large["loads"] == 120 + 1, "each notebook is read once, and the release"
    assert large["cpdist"] == small["cpdist"] == 1


def test_nothing_graded_says_what_to_do(tmp_path: Path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    result = CliRunner().invoke(app, ["report", "cnns", f"--course={tmp_path}"])
    assert result.exit_code == GRADERS_FAULT
    assert "autograder grade cnns" in " ".join(result.output.split())


def test_groups_are_joined_over_a_common_member():
    base = [f"v{i} = call_{i}(a, {i})" for i in range(60)]

    def altered(*lines: int) -> tuple[str]:
        changed = [f"other_{i}" if i in lines else text for i, text in enumerate(base)]
        return ("\n".join(changed),)

    codes = {"a": altered(0, 1, 2), "m": altered(), "z": altered(50, 51, 52)}
    assert near_identical(codes, ()) == (("a", "m", "z"),)
    alone = {name: codes[name] for name in itertools.islice(codes, 1)}
    assert near_identical(alone, ()) == ()


def test_links_reach_another_drive_of_windows(monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path, start: Path) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    assert _page._link(Path("/course/feedback"), Path("/course/report")) == "../feedback"
    monkeypatch.setattr(_page.os.path, "relpath", refuse)
    assert _page._link(Path("/a course/feedback"), Path("/d")) == "file:///a%20course/feedback"


def test_a_check_that_fell_over_an_answer_is_shown_to_the_grader():
    fallen = nothing(5, "your answer could not be judged")
    where = "IndexError at cnns.py:7 in net_shape: <b>"
    result = CheckResult(fallen.criteria, fallen.advice, figures={FELL_OVER: where})
    page = as_html(build(course(ada=notebook(result), bela=notebook(RIGHT))), str)
    assert "IndexError at cnns.py:7 in net_shape: &lt;b&gt;" in page
    assert "fell over" not in as_html(build(course(bela=notebook(RIGHT))), str)


@pytest.mark.timeout(60)
def test_a_million_tokens_that_all_differ_are_compared_in_seconds():
    tokens = [
        " ".join(f"x{n}_{start}" for n in range(start, start + 1000)) for start in range(1150)
    ]
    many = "\n".join(tokens)
    alike = near_identical({"ada": [many], "bela": [many + " + 1"], "carl": ["x = 1"]}, [])
    assert alike == (("ada", "bela"),)


def test_of_more_tokens_than_letters_some_share_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("autograder.report._similarity._MAX_LETTERS", 1_000)
    codes = {str(n): [" ".join(f"x{n}_{i}" for i in range(500 + n))] for n in range(20)}
    assert all(len(group) > 1 for group in near_identical(codes, []))


def test_what_the_graders_machine_lacked_is_shown_with_the_points_that_hung_on_it():
    def lacking(*absent: tuple[str, str, float]) -> nbformat.NotebookNode:
        made = notebook(RIGHT)
        keys = ("kind", "name", "points")
        about = [dict(zip(keys, one, strict=True)) for one in absent]
        made.metadata["autograder"] = {"absent": about}
        return made

    report = build(
        course(
            ada=lacking(("package", "seaborn", 0.0), ("device", "cuda", 0.0)),
            bela=lacking(("package", "seaborn", 0.0), ("package", "<b>einops", 20.0)),
            carl=notebook(RIGHT),
        )
    )
    told = [(a.name, a.students, dict(a.points)) for a in report.absent]
    assert told == [
        ("<b>einops", ("bela",), {"bela": 20.0}),
        ("seaborn", ("ada", "bela"), {}),
        ("cuda", ("ada",), {}),
    ]
    page = as_html(report, str)
    assert "What the grader's machine lacked" in page
    assert "<code>&lt;b&gt;einops</code>" in page
    assert '<a href="bela">bela</a> 20' in page
    assert "machine lacked" not in as_html(build(course(carl=notebook(RIGHT))), str)


def test_points_that_a_re_grade_changed_are_listed(tmp_path: Path):
    log = tmp_path / "cnns.jsonl"
    lost = Change("bela", "the checks <b> have changed", 30.0, 12.5)
    old = Change("ada", "the hand-in has changed", 3.0, 5.0)
    outcomes = (Outcome("ada", change=old), Outcome("bela", change=lost), Outcome("ada"))
    lines = [json.dumps(log_line(outcome)) for outcome in outcomes]
    log.write_text("\n".join([*lines, '{"student": "be']))
    assert last_changes(log) == [lost], "and not what an earlier grading changed"
    made = replace(course(bela=notebook(RIGHT)), changes=(lost,))
    page = as_html(build(made), str)
    assert "Points that a re-grade changed" in page
    assert "-17.5" in page
    assert "checks &lt;b&gt; have changed" in page
    assert "re-grade changed" not in as_html(build(course(bela=notebook(RIGHT))), str)
