"""While a notebook is graded, course_utils knows: little data, no pictures, no rehearsal."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
import torch

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


def test_pictures_are_not_shown_and_their_axes_are_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = torch.rand(3, 20, 20)
    ax = plots.show_image(image)
    ax.set_title("a student's own")
    assert plt.get_fignums() == []
    monkeypatch.delenv("NBGRADER_EXECUTION")
    plots.show_image(image)
    assert len(plt.get_fignums()) == 1
    plt.close("all")


def test_nothing_is_rehearsed(capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse(FullyConnected) is None
    assert capsys.readouterr().out == ""
