"""Is a lab found out whose right answers lose points, or whose mistakes do not?"""

from __future__ import annotations

import itertools
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat import NotebookNode
from torch import Tensor
from traitlets.config import Config

from autograder import CheckFault, GraderFault
from autograder.checking import checks
from autograder.checking.check_result import CheckResult, verdict
from autograder.checking.student import InProcess, StudentSide
from autograder.course.course import open_course
from autograder.course.release import generate_release
from autograder.judging.graded_notebook import autograded_id
from autograder.prepare import _scores, check_assignment, new
from autograder.prepare._many_seeds import many_seeds
from autograder.prepare._marks import misspelt_marks
from autograder.prepare._prove_lab import prove
from autograder.prepare.doctor import Finding
from tests.prepare.halves import LAB


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A course with one assignment of its own, `scales`."""
    new.begin(tmp_path, "scales")
    open_course(tmp_path)
    return tmp_path


def append(own: Path, text: str) -> None:
    path = own / "assignments" / "scales" / "checks.py"
    path.write_text(path.read_text() + text)


def change(own: Path, old: str, new: str) -> Path:
    path = own / "source" / "scales" / "scales.ipynb"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def bad(findings: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.says for finding in findings if finding.good is False}


def test_a_new_assignment_is_proved_right_and_wrong(own: Path) -> None:
    found = list(prove("scales"))
    assert [finding.good for finding in found] == [True] * 3
    assert "without-sub" in found[0].says
    assert "right in another form: std-correction-1" in found[0].says
    assert "all 18 lose points, and are named" in found[2].says


def test_a_right_answer_that_is_none_and_a_wrong_one_that_is_right_are_found(own: Path) -> None:
    append(
        own,
        """
def unscaled(x):
    return x - x.mean(dim=-1, keepdim=True)

def in_two_steps(x):
    x = x - x.mean(-1, keepdim=True)
    return x / x.std(-1, keepdim=True)

lab.right("standardise", unscaled)
lab.right("standardise", in_two_steps)
lab.wrong("standardise", in_two_steps)
lab.wrong("standardise", unscaled, name="no-scale")
lab.say("standardise", "without-division", name="no-scale")
""",
    )
    found = bad(list(prove("scales")))
    assert found["standardise, right answers"].startswith("unscaled, standardise_values: ")
    assert "in_two_steps" not in found["standardise, right answers"]
    assert found["standardise, wrong answers"] == (
        "in_two_steps loses nothing; unscaled is called without-div"
    )
    assert found["standardise, say"] == "nothing is called 'without-division'"


def test_a_mistake_that_does_not_show_at_the_sizes_given_is_none_and_is_listed(own: Path) -> None:
    path = own / "assignments" / "scales" / "checks.py"
    path.write_text(path.read_text().replace("(4, 6), (1, 3), (7, 11)", "(1, 6)"))
    found = next(prove("scales"))
    assert "mean-all" in found.says.split("right in another form")[1]


IN_NUMPY = """
import numpy
import torch
from autograder.checking.kit import Lab

lab = Lab("scales")

@lab.function(inputs=lambda draw, n: [draw.normal(n, n)], sizes=[(4,)], points=20)
def standardise(x):
    return torch.from_numpy(numpy.sign(x.numpy()) * 2)

lab.mistake("standardise", lambda x: x.sign(), name="half", words="it were half as large")
"""


def test_a_right_answer_without_a_step_of_pytorchs_is_said_so_once(own: Path) -> None:
    (own / "assignments" / "scales" / "checks.py").write_text(IN_NUMPY)
    found = list(prove("scales"))
    assert found[0].good is None
    assert "cannot be taken apart" in found[0].says
    assert "half" in found[0].says
    assert [finding.good for finding in found[1:]] == [True, True]


def test_a_check_that_fails_for_some_seeds_is_found(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert many_seeds("scales", ["standardise_shape", "standardise_values"]).good

    def sometimes(student: StudentSide, seed: int) -> CheckResult:
        return CheckResult((verdict("luck", "luck", "none", seed % 4 != 0, 5),))

    module = checks.find_module("scales", "checks")
    monkeypatch.setattr(module, "standardise_shape", checks.scored(5)(sometimes), raising=False)
    finding = many_seeds("scales", ["standardise_shape"])
    assert finding.good is False
    assert "standardise_shape with the seed" in finding.says


def test_a_tensor_among_the_figures_is_the_checks_fault(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(student: StudentSide, seed: int) -> CheckResult:
        criteria = (verdict("a", "b", "c", True, 5),)
        return CheckResult(criteria, figures={"mean": torch.zeros(1)})

    module = checks.find_module("scales", "checks")
    monkeypatch.setattr(module, "standardise_shape", checks.scored(5)(judge), raising=False)
    with pytest.raises(CheckFault, match=r"figures that are no JSON .*Tensor"):
        checks.run("scales", "standardise_shape", InProcess({}), 1)
    assert "no JSON" in many_seeds("scales", ["standardise_shape"]).says


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("### BEGIN SOLUTION", "### BEGIN SOLUTON"),
        ("### BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TEST"),
        ("### END HIDDEN TESTS", "### END HIDEN TESTS"),
        ("### END SOLUTION", "## End Solution"),
    ],
)
def test_a_misspelt_mark_is_found(own: Path, right: str, wrong: str) -> None:
    path = own / "source" / "scales" / "scales.ipynb"
    assert misspelt_marks(nbformat.read(path, 4)).good
    finding = misspelt_marks(nbformat.read(change(own, right, wrong), 4))
    assert finding.good is False
    assert wrong in finding.says
    assert right.strip("# ") in finding.says


def test_the_courses_own_marks_are_right(own: Path) -> None:
    path = change(own, "### BEGIN SOLUTION", "### BEGIN SOLUTIONS HERE")
    config = Config({"ClearSolutions": {"begin_solution_delimeter": "BEGIN SOLUTIONS HERE"}})
    assert misspelt_marks(nbformat.read(path, 4), config).good


def test_nbgraders_own_words_are_passed_on(own: Path) -> None:
    change(own, "standardise_values", "standardise_shape")
    with pytest.raises(GraderFault, match=r"refused: .*Duplicate grade id: standardise_shape"):
        generate_release(open_course(own), "scales")


def test_a_second_notebook_is_looked_at_too_and_other_points_are_found_there(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own / "source" / "scales"
    second = nbformat.read(folder / "scales.ipynb", 4)
    for cell in second.cells:
        if autograded_id(cell) == "standardise_values":
            cell.metadata.nbgrader.points = 19
    nbformat.write(second, folder / "second.ipynb")
    graded: list[NotebookNode] = []

    def grade(notebook: NotebookNode, *arguments: object, **options: object) -> dict[str, object]:
        graded.append(notebook)
        return {}

    monkeypatch.setattr(_scores, "grade_notebook", grade)
    monkeypatch.setattr(check_assignment, "prove", lambda assignment: iter(()))
    findings = list(check_assignment.examine(own, "scales"))
    assert "19 points in the notebook and 20 in its check" in bad(findings)["second: checks"]
    assert {"scales: leaks", "second: leaks"} <= {finding.what for finding in findings}
    assert len(graded) == 4, "the source and the release of both"


def test_the_courses_own_limits_hold(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (own / "nbgrader_config.py").open("a") as config:
        config.write("\nc.Judge.memory_bytes = 12345678\n")
    limits = []

    def grade(
        notebook: object, assignment: str, secret: str, given: object, **o: object
    ) -> dict[str, object]:
        limits.append(given)
        return {}

    monkeypatch.setattr(_scores, "grade_notebook", grade)
    monkeypatch.setattr(check_assignment, "prove", lambda assignment: iter(()))
    list(check_assignment.examine(own, "scales"))
    assert [given.memory_bytes for given in limits] == [12345678] * 2  # type: ignore[attr-defined]


def raises(x: Tensor) -> CheckResult:
    raise ZeroDivisionError("a bug of the check's")


def test_a_check_that_raises_is_told_with_its_traceback(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = checks.find_module("scales", "checks")
    judge = checks.scored(5)(lambda student, seed: raises(torch.zeros(1)))
    monkeypatch.setattr(module, "standardise_shape", judge, raising=False)

    def grade(*arguments: object, **options: object) -> dict[str, CheckResult]:
        return {"standardise_shape": checks.run("scales", "standardise_shape", InProcess({}), 1)}

    monkeypatch.setattr(_scores, "grade_notebook", grade)
    source = nbformat.read(own / "source" / "scales" / "scales.ipynb", 4)
    says = check_assignment.scores("x", source, "scales", 5, 5, fork_kernels=True).says
    lines = list(itertools.dropwhile(lambda line: "in <lambda>" not in line, says.splitlines()))
    assert "in raises: raise ZeroDivisionError" in lines[1]


def of_halves(own: Path, old: str = "", new: str = "") -> list[Finding]:
    """Return what is found of the lab of `halves.py`, perhaps with a change."""
    path = own / "assignments" / "scales" / "checks.py"
    path.write_text(LAB.replace(old, new) if old else LAB)
    return list(prove("scales"))


def test_right_answers_are_trained_and_families_are_asked_for(own: Path) -> None:
    right, families = of_halves(own)
    assert (right.good, right.says) == (True, "all 2 score full, 2 times each")
    assert (families.good, families.says) == (None, "no two families are meant to differ in far")


def test_a_mark_that_is_too_high_is_found(own: Path) -> None:
    assert (
        "Halves, halves_far: 9"
        in bad(of_halves(own, "0.85: 10", "1.0: 10"))["Halves, right answers"]
    )


def test_data_that_are_none_are_found(own: Path) -> None:
    found = bad(of_halves(own, '"far": part(200)}', '"near": part(200)}'))
    assert "expected a dict with ['far', 'train']" in found["Halves"]
