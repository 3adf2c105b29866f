"""A lab's network that is trained: what its author writes, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from autograder import CheckFault, StudentFault
from autograder.checking.kit import Draw, Lab
from autograder.checking.kit.run_data import RunData
from autograder.checking.student import InProcess

MARKS = {"same": {0.65: 0, 0.8: 5}, "far": {0.65: 0, 0.8: 10}}


def halves(draw: Draw) -> Mapping[str, tuple[Tensor, Tensor]]:
    """Points on two sides of a line through 0, near and far from it; which line, the draw says."""
    line = draw.normal(2)

    def part(count: int, size: float) -> tuple[Tensor, Tensor]:
        points = draw.normal(count, 2) * size
        return points, (points @ line > 0).long()

    return {"train": part(300, 1.0), "same": part(200, 1.0), "far": part(200, 99.0)}


def lab_of(**options: object) -> Lab:
    lab = Lab("made_up")

    @lab.trained(data=halves, classes=2, marks=MARKS, steps=(40, 80), **options)  # type: ignore[arg-type]
    class Halves(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 2)

    return lab


class Circles(nn.Module):
    """Learns the line near 0, and forgets all that is far from it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, points: Tensor) -> Tensor:
        """Return logits (N, 2)."""
        near = points.norm(dim=1, keepdim=True) < 4
        logits: Tensor = self.layer(points) * near + torch.tensor([1.0, 0.0]) * ~near
        return logits


class Frozen(nn.Linear):
    """Learns nothing."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        nn.init.zeros_(self.weight)

    def forward(self, points: Tensor) -> Tensor:
        """Return logits (N, 2)."""
        return self.bias.expand(len(points), 2)


def judged(lab: Lab, answer: object) -> tuple[tuple[float, ...], tuple[str, ...], str]:
    """Return the points of both cells, the mistakes, and the advice."""
    student = InProcess({"Halves": answer})
    results = [lab.checks[name].judge(student, 3) for name in ("halves_same", "halves_far")]
    mistakes = tuple(name for result in results for name in result.mistakes)
    return tuple(r.points for r in results), mistakes, "".join(r.advice for r in results)


def test_each_test_set_makes_a_cell_with_the_points_of_its_highest_mark() -> None:
    checks = lab_of().checks
    assert {name: check.max_points for name, check in checks.items()} == {
        "halves_same": 5,
        "halves_far": 10,
    }


def test_what_is_learned_and_carries_over_gets_all_points_and_what_does_not_its_name() -> None:
    lab = lab_of()
    assert judged(lab, lab.honest()["Halves"])[:2] == ((5, 10), ())
    points, names, advice = judged(lab, Circles)
    assert (points, names) == ((5, 0), ("no-carry-over-far",))
    assert "far" in advice
    assert judged(lab, Frozen)[:2] == ((0, 0), ("learns-too-little", "learns-too-little"))


def test_an_author_says_it_better() -> None:
    lab = lab_of()
    lab.say("Halves", "no-carry-over-(.*)", name=r"forgets-\1", words="Look far away.", lesson="!")
    assert judged(lab, Circles) == ((5, 0), ("forgets-far",), "Look far away.")
    assert lab.lessons["forgets-far"] == "!"


def test_what_is_known_of_order_and_numbers_of_classes_is_of_no_use() -> None:
    """Whoever knows the author's function, and even the draw, knows neither."""
    draws = RunData(halves, ("same", "far"), 2)
    data = [draws(seed) for seed in range(8)]
    assert len({tuple(one.train.labels[:20].tolist()) for one in data}) == 8
    assert torch.equal(draws(1).train.inputs, data[1].train.inputs), "one seed, one run"

    def sorted_by_class(draw: Draw) -> Mapping[str, tuple[Tensor, Tensor]]:
        labels = torch.arange(100) // 50
        return dict.fromkeys(("train", "same", "far"), (labels[:, None].float(), labels))

    firsts, agree = [], []
    for seed in range(16):
        train = RunData(sorted_by_class, ("same", "far"), 2)(seed).train
        agree.append(bool((train.inputs[:, 0].long() == train.labels).all()))
        firsts.append(int(train.inputs[0]))
    assert 2 < sum(agree) < 14, "the numbers of the classes are drawn, too"
    assert 2 < sum(firsts) < 14


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "expected a dict"),
        (dict.fromkeys(("train", "same", "far"), ([[1.0, 2.0]], [1])), "as tensors, got list"),
        ({"train": (torch.zeros(4, 2), torch.zeros(4).long())}, "far"),
        (dict.fromkeys(("train", "same", "far"), (torch.zeros(4, 2), torch.zeros(4))), "int64"),
        (dict.fromkeys(("train", "same", "far"), (torch.zeros(4, 2), torch.ones(3).long())), "as"),
        (
            dict.fromkeys(("train", "same", "far"), (torch.zeros(4, 2), torch.full((4,), 2))),
            "from 0 to 1",
        ),
    ],
)
def test_odd_data_are_the_authors_fault_and_told_of(given: object, words: str) -> None:
    with pytest.raises(CheckFault, match=words):
        RunData(lambda draw: given, ("same", "far"), 2)(1)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    "marks",
    [{}, {"a": {0.5: 0}}, {"a": {0.5: 1, 0.8: 2}}, {"a": {0.5: 0, 0.8: 0}}, {"a": {0.5: 0, 8: 1}}],
)
def test_marks_that_are_none_are_refused(marks: dict[str, dict[float, float]]) -> None:
    with pytest.raises(ValueError, match="marks"):
        Lab("made_up").trained(data=halves, classes=2, marks=marks)(nn.Linear)


def test_a_family_of_an_unknown_exercise_or_test_set_is_refused() -> None:
    lab = lab_of()
    lab.family("Halves", Circles, name="near", same=1, far=(0, 1))
    (family,) = lab.trainings["Halves"].exercise.families
    assert family.meant == {"same": (1, 1), "far": (0, 1)}
    with pytest.raises(ValueError, match="no exercise"):
        lab.family("Other", Circles, name="near")
    with pytest.raises(ValueError, match="no test set nowhere"):
        lab.family("Halves", Circles, name="near", nowhere=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learn": 0.5}, "no rule learn; there are: follows"),
        ({"long_steps": (300, 150)}, "rising numbers of steps"),
        ({"long_steps": 300}, "rising numbers of steps"),
    ],
)
def test_odd_options_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lab_of(**options)


def test_families_are_told_apart_and_reach_marks_that_there_are() -> None:
    lab = lab_of()
    lab.family("Halves", Circles, name="near")
    with pytest.raises(ValueError, match="already"):
        lab.family("Halves", Circles, name="near")
    for meant in (2, -1, (1, 0)):
        with pytest.raises(ValueError, match="has 1 above nothing"):
            lab.family("Halves", Circles, name="other", same=meant)  # type: ignore[arg-type]


def test_a_mistake_of_a_network_that_is_trained_is_a_family() -> None:
    with pytest.raises(ValueError, match=r"give kinds of answers with lab\.family"):
        lab_of().wrong("Halves", Circles)


class NoLogits(Circles):
    """Puts out one number an input."""

    def forward(self, points: Tensor) -> Tensor:
        """Return (N, 1, 2)."""
        return super().forward(points)[:, None]


class AllFrozen(nn.Linear):
    """Nothing in it can be trained."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.requires_grad_(False)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(NoLogits, "In training, the output has to be logits"), (AllFrozen, "No gradient gets from")],
)
def test_what_cannot_be_trained_is_told_in_the_students_words(answer: object, words: str) -> None:
    lab = lab_of()
    for name in ("halves_same", "halves_far"):
        with pytest.raises(StudentFault, match=words):
            lab.checks[name].judge(InProcess({"Halves": answer}), 3)
