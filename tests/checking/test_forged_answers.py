"""Whatever a hand-in answers, a check gives a verdict: thousands of forged answers."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch

from autograder import CheckFault, GraderFault, StudentFault, assignments
from autograder.assignments.cnns import checks as cnns
from autograder.assignments.cnns.improved import inspection
from autograder.assignments.mlp import checks as mlp
from autograder.checking import checks
from autograder.checking.check_result import FELL_OVER, CheckResult, Criterion, verdict
from autograder.checking.kit import recognise as of_the_kit
from autograder.checking.student import InProcess, call
from autograder.checking.trained import work_limit
from autograder.inside.probe import Probe
from course_utils import data, training
from course_utils.signs import draw_signs
from tests.assignments.cnns.mutants import CHAINS, NETS
from tests.checking.forged import Forger

SEED = 21
TIMES = 150  # of each check: with these seeds a check of the past fell within a hundred
IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
SMALL = """
class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 7, stride=7)
        self.norm = nn.BatchNorm2d(2)
        self.fc = nn.Linear(2, num_classes)

    def forward(self, images):
        return self.fc(self.norm(self.conv(images)).mean(dim=(2, 3)))
"""
GRADE_CELLS = [
    *(("cnns", name) for name, found in vars(cnns).items() if isinstance(found, checks.Check)),
    *(("mlp", name) for name in mlp.lab.checks),
]


@pytest.fixture(scope="module")
def namespaces() -> list[dict[str, Any]]:
    """Students' variables: an honest one's, and some with mistakes to name."""
    honest = {**cnns.honest(), **mlp.lab.honest()}
    made = []
    for chain, net in zip(random.Random(SEED).sample(CHAINS, 6), NETS[::8], strict=False):
        namespace = dict(honest)
        exec(IMPORTS + SMALL + chain.source + "\n" + net.source, namespace)
        made.append(namespace)
    return [honest | {"ImprovedNet": made[0]["ImprovedNet"]}, *made]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what takes long: large data, measured work, the last of the search."""
    full = data.load_digits_subset()
    few = data.DigitSplit(*(tensor[:400] for tensor in vars(full).values()))
    monkeypatch.setattr(inspection, "load_digits_subset", lambda: few)
    monkeypatch.setattr(training, "draw_signs", lambda seed: draw_signs(seed, 200, 100))
    monkeypatch.setattr(work_limit, "_right_cpu_s", lambda exercise: 1.0)
    monkeypatch.setattr(of_the_kit, "MAX_PAIRS", 0)


@pytest.mark.parametrize(("assignment", "grade_id"), GRADE_CELLS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_check_gives_a_verdict_on_whatever_is_answered(
    namespaces: list[dict[str, Any]], assignment: str, grade_id: str
) -> None:
    check, verbs = checks.find(assignment, grade_id), Counter[str]()
    slow = (
        grade_id.startswith(("improved_par", "improved_top", "improved_bottom"))
        or assignment == "mlp"
    )
    times = TIMES // 5 if slow else TIMES
    for number in range(times):
        rng = random.Random(f"{SEED}/{grade_id}/{number}")
        student = Forger(rng.choice(namespaces), rng, rng.choice((0.1, 0.3, 1.0)))
        try:
            result = check.judge(student, 1)
        except StudentFault as fault:
            result = checks.nothing(check.max_points, str(fault))
        assert 0 <= result.points <= result.max_points == check.max_points
        assert result.reason.isprintable()
        verbs.update(student.forged)
    assert sum(verbs.values()) > times // 2


def test_every_verb_of_the_probe_is_forged(namespaces: list[dict[str, Any]]) -> None:
    forged: set[str] = set()
    tried = {
        "conv_pool_conv_values": (0.1, 0.3),
        "net_function": (0.02,),
        "improved_bottom_right": (0.04, 0.2),
        "mlp_function": (0.02,),
        "training_step": (0.02,),
    }
    for assignment, grade_id in GRADE_CELLS:
        for share, number in itertools.product(tried.get(grade_id, ()), range(20)):
            student = Forger(namespaces[0], random.Random(number), share)
            with contextlib.suppress(StudentFault):
                checks.find(assignment, grade_id).judge(student, 1)
            forged.update(student.forged)
    assert forged >= set(Probe({})._verbs) - {"trace"}


def test_an_honest_student_beside_them_scores_full(namespaces: list[dict[str, Any]]) -> None:
    student = Forger(MappingProxyType(namespaces[0]), random.Random(0), 0.0)
    for assignment, grade_id in GRADE_CELLS:
        if not grade_id.startswith(("improved_top", "improved_bottom")):  # nothing is trained here
            result = checks.find(assignment, grade_id).judge(student, 1)
            assert result.points == result.max_points, grade_id


class _Odd:
    """A student whose one answer is of no kind that a check has thought of."""

    def __init__(self) -> None:
        self.memo: dict[Any, Any] = {}

    def version(self, name: str) -> str:
        return name

    @contextmanager
    def afresh(self) -> Iterator[_Odd]:
        yield self

    def cpu_s(self) -> float:
        return 0.0

    def ask(self, verb: str, arguments: Any, tensors: Any) -> Any:
        return {}, {"output": torch.zeros(3, 0), "after.0": torch.zeros(1)}


def _fragile(student: Any, seed: int) -> CheckResult:
    example = {"0": torch.rand(3, 9, 9), "1": torch.ones(1, 3, 3, 3)}
    _, tensors = student.ask("call", {"name": "conv_pool_conv"}, example)
    first = float(tensors["output"][0, 0, 0])  # it has not thought of an output without entries
    return CheckResult((verdict("first entry", "a number", str(first), True, 5),))


def _buggy(student: Any, seed: int) -> CheckResult:
    _fragile(student, seed)
    return CheckResult((verdict("x", "y", "z", 1 / (seed - seed) > 0, 5),))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CheckResult]:
    def run(judge: Callable[[Any, int], CheckResult], student: Any) -> CheckResult:
        monkeypatch.setattr(cnns, "odd", checks.scored(5)(judge), raising=False)
        return checks.run("cnns", "odd", student, 1)

    return run


def test_an_answer_over_which_a_check_falls_scores_with_a_sentence_and_is_reported(
    run: Callable[..., CheckResult],
) -> None:
    result = run(_fragile, _Odd())
    assert (result.points, result.max_points) == (0, 5)
    assert "could not be judged" in result.reason
    assert result.figures[FELL_OVER].startswith("IndexError at test_forged_answers.py:")
    assert run(_fragile, InProcess(cnns.honest())).points == 5


@pytest.mark.parametrize("student", [_Odd(), InProcess(cnns.honest())])
def test_a_bug_of_a_check_is_the_graders_fault_with_its_name_and_line(
    run: Callable[..., CheckResult], student: Any
) -> None:
    with pytest.raises(GraderFault, match=r"cnns/odd raised .*test_forged_answers\.py:\d+.*mend"):
        run(_buggy, student)


def test_without_right_answers_nobody_can_tell(
    run: Callable[..., CheckResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(cnns, "honest")
    with pytest.raises(GraderFault, match="Give its module a function `honest`"):
        run(_fragile, _Odd())


def test_what_is_raised_while_the_student_is_asked_is_the_machines(
    run: Callable[..., CheckResult],
) -> None:
    class Broken(_Odd):
        def ask(self, verb: str, arguments: Any, tensors: Any) -> Any:
            raise RuntimeError("the connection to the kernel is gone")

    with pytest.raises(RuntimeError, match="the connection") as caught:
        run(_fragile, Broken())
    assert "the check cnns/odd raised RuntimeError at test_" in caught.value.__notes__[0]


def _reads(student: Any, seed: int) -> CheckResult:
    Path("/nowhere/table.json").read_bytes()
    raise AssertionError


def _asks_oddly(student: Any, seed: int) -> CheckResult:
    call(student, "conv_pool_conv", 3)  # type: ignore[arg-type]
    raise AssertionError


def test_what_the_system_refuses_a_check_names_the_check(run: Callable[..., CheckResult]) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        run(_reads, InProcess(cnns.honest()))
    line = _reads.__code__.co_firstlineno + 1
    assert (
        f"cnns/odd raised FileNotFoundError at test_forged_answers.py:{line}"
        in (caught.value.__notes__[0])
    )


def test_a_bug_shows_at_the_checks_own_line_also_where_the_kit_raises(
    run: Callable[..., CheckResult],
) -> None:
    line = _asks_oddly.__code__.co_firstlineno + 1
    with pytest.raises(CheckFault, match=rf"test_forged_answers\.py:{line} in _asks_oddly"):
        run(_asks_oddly, InProcess(cnns.honest()))


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "returned NoneType: return a CheckResult"),
        (CheckResult(()), "has criteria that add up to 0 points, not to the 5 of its decorator"),
        (CheckResult((Criterion("x", "y", "z", math.nan, 5.0),)), "gave nan of 5 points"),
        (CheckResult((Criterion("x", "y", "z", 6.0, 5.0),)), "gave 6 of 5 points"),
    ],
)
def test_what_is_no_verdict_is_the_checks_fault_with_its_name_and_line(
    run: Callable[..., CheckResult], returned: Any, said: str
) -> None:
    with pytest.raises(CheckFault, match=rf"check cnns/odd \(test_forged_answers\.py:\d+\) {said}"):
        run(lambda student, seed: returned, _Odd())


def _leaves(student: Any, seed: int) -> CheckResult:
    sys.exit("no table")


def test_a_check_that_leaves_ends_no_worker(run: Callable[..., CheckResult]) -> None:
    with pytest.raises(CheckFault, match=r"cnns/odd raised SystemExit at .*: no table: mend it"):
        run(_leaves, InProcess(cnns.honest()))


@pytest.mark.parametrize("text", ["TIMES = 1 / 0", "def broken(:"])
def test_checks_that_cannot_be_imported_are_named_with_their_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "checks.py").write_text(f'"""Checks."""\n{text}\n')
    monkeypatch.setattr(assignments, "__path__", [*assignments.__path__, str(tmp_path)])
    with pytest.raises(CheckFault, match=r"of broken cannot be imported: .*checks\.py\D+2\b"):
        checks.run("broken", "any", _Odd(), 1)
