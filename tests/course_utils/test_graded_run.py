"""While a notebook is graded, course_utils knows: little data, no pictures, no rehearsal."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils import data, plots
from course_utils.training import rehearse
from tests.assignments.cnns.networks import FullyConnected


@pytest.fixture(autouse=True)
def graded(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader's own mark of a graded run."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


def test_datasets_are_small(tmp_path) -> None:
    for train in (True, False):
        dataset = data.mnist(tmp_path, train=train)
        assert len(dataset) == len(dataset.data) == len(dataset.targets) == 64
        assert set(dataset.targets.tolist()) == set(range(10))


PICTURES = {
    "show_image": lambda: plots.show_image(torch.rand(3, 20, 20)),
    "show_kernel": lambda: plots.show_kernel(torch.rand(1, 3, 3, 3)),
    "compare_activations": lambda: plots.compare_activations(
        torch.rand(1, 20, 20), torch.rand(18, 18)
    ),
    "show_digits": lambda: plots.show_digits(torch.rand(11, 28, 28), range(11)),
    "compare_accuracy": lambda: plots.compare_accuracy({"Net": {"top_left": 0.9}}),
    "confusion_matrix": lambda: plots.confusion_matrix([1, 2], [1, 3]),
    "border_effect": lambda: plots.border_effect(
        torch.nn.Conv2d(1, 2, 3), torch.zeros(28, 28, dtype=torch.uint8)
    ),
}


def axes_in(returned: Any) -> list[Any]:
    """Return one or several axes as a list."""
    return list(returned.flat) if isinstance(returned, np.ndarray) else [returned]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_not_drawn_and_their_axes_are_there_all_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen = PICTURES[name]()
    for ax in axes_in(unseen):
        assert isinstance(ax, Axes)  # so that a student's own lines go on
        low, high = ax.get_ylim()
        (_,) = ax.plot([low, high])
        ax.figure.colorbar(ax.imshow([[0.0]]), ax=ax)
    assert plt.get_fignums() == []
    monkeypatch.delenv("NBGRADER_EXECUTION")
    seen = PICTURES[name]()
    assert len(plt.get_fignums()) == 1
    plt.close("all")
    assert isinstance(unseen, np.ndarray) == isinstance(seen, np.ndarray)
    assert len(axes_in(unseen)) == len(axes_in(seen))


def test_a_students_own_axes_are_drawn_into() -> None:
    ax = Figure().subplots()
    assert plots.show_image(torch.rand(3, 4, 4), ax=ax) is ax
    assert len(ax.images) == 1


def test_a_picture_of_what_cannot_be_shown_is_refused_all_the_same() -> None:
    with pytest.raises(ValueError, match="as many predictions as labels"):
        plots.confusion_matrix([1, 2], [1])


def test_nothing_is_rehearsed(capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse(FullyConnected) is None
    assert capsys.readouterr().out == ""
