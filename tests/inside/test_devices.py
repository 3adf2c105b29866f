"""Devices that are not there, and compilers, cost nobody points."""

from __future__ import annotations

import pytest
import torch

from tests.judging.lab import ALL, points, shown, with_cell, with_changed, with_first_line

WITHOUT_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="here is such a device")


@WITHOUT_CUDA
@pytest.mark.parametrize(
    "line",
    [
        "import torch; torch.set_default_device('cuda')",
        "import torch; torch.set_default_device(torch.device('cuda', 0))",
        "import torch; torch.zeros(2, device='cuda').cuda().to('cuda:0').to(0)",
        "import torch; torch.nn.Linear(2, 2, device='cuda').cuda().to(torch.device('cuda'))",
        "import torch; torch.cuda.synchronize(); torch.cuda.set_device(0)",
        "import torch\nwith torch.device('cuda'):\n    torch.ones(2) + 1",
        "import torch; torch.ones(2).to(device='xpu')",
        "import torch; torch.set_default_device('mps')",
    ],
)
def test_a_device_that_is_not_there_is_the_cpu_with_a_note(line: str) -> None:
    notebook = with_first_line(line)
    assert points(notebook) == ALL
    assert "the CPU takes its place" in shown(notebook)
    assert "error" not in [o.output_type for c in notebook.cells for o in c.get("outputs", [])]


@WITHOUT_CUDA
def test_an_answer_that_moves_itself_to_a_device_counts() -> None:
    notebook = with_changed(
        lambda s: s.replace(
            "images.flatten(start_dim=1)", "images.to('cuda').flatten(start_dim=1)"
        ).replace("super().__init__()", "super().__init__(); self.cuda()")
    )
    assert points(notebook) == ALL
    (asked,) = notebook.metadata["autograder"]["absent"]
    assert (asked["kind"], asked["name"]) == ("device", "cuda")


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_default_device_does_not_reach_the_judges_questions(device: str) -> None:
    last = f"torch.set_default_device('{device}')"
    assert points(with_cell(last, before="# Graded: the shape of the logits")) == ALL


@pytest.mark.parametrize("decorator", ["@torch.compile", "@torch.compile(mode='max-autotune')"])
def test_compiled_answers_run_as_they_are_written(decorator: str) -> None:
    notebook = with_changed(
        lambda s: s.replace("def training_step", f"{decorator}\ndef training_step").replace(
            "class MLP", f"{decorator}\nclass MLP"
        )
    )
    assert points(notebook) == ALL


def test_a_compiled_model_runs_as_it_is_written() -> None:
    code = "model = torch.compile(MLP()); model.compile(); print(model(images).shape)"
    notebook = with_cell(code)
    assert points(notebook) == ALL
    assert "[8, 10]" in shown(notebook)
