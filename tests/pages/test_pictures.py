"""Are the pictures well-formed, do they say in words what they show, and do they show the data?"""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from autograder.checking.thumbnail import as_image
from autograder.pages.pictures import pictures

LAYERS = [
    {"name": "conv1", "size": "8 x 26 x 26", "right": True},
    {"name": "fc1 <b>", "size": "32", "right": False},
    {"name": "fc2", "size": "16", "right": False},
]
ACTIVATIONS = {
    "expected": as_image(torch.randn(1, 40, 30), 1.0),
    "got": as_image(torch.randn(1, 42, 32), 1.0),
}
ACCURACIES = [
    {"name": "top <left>", "value": 0.97},
    {"name": "bottom right", "value": 0.12, "marks": [{"accuracy": 0.5, "points": 12}]},
]
FIGURES = {
    "layers": LAYERS,
    "activations": ACTIVATIONS,
    "accuracies": ACCURACIES,
}


@pytest.mark.parametrize(
    "figures",
    [FIGURES, {"layers": LAYERS}, {"accuracies": ACCURACIES[:1]}],
)
def test_pictures_are_well_formed_and_described(figures):
    for picture in pictures(figures):
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 30
        assert len(list(root)) > 3


def test_figures_without_a_picture_are_not_drawn():
    assert pictures({"parameters": 5.0, "top_left": 0.9}) == []


def test_accuracies_come_with_the_marks_that_earn_points():
    (picture,) = pictures({"accuracies": ACCURACIES})
    assert "top &lt;left&gt; 97.0%, bottom right 12.0%" in picture
    assert "Marks for bottom right: 50% for 12 points." in picture
    assert ">12 points</text>" in picture


def test_marks_that_stand_close_have_their_unit_once():
    marks = [{"accuracy": 0.15, "points": 0}, {"accuracy": 0.25, "points": 3}]
    (picture,) = pictures({"accuracies": [{"name": "right", "value": 0.12, "marks": marks}]})
    for label in (">15</text>", ">0</text>", ">25%</text>", ">3 points</text>"):
        assert label in picture


def test_the_first_wrong_layer_is_marked_and_only_that():
    (picture,) = pictures({"layers": LAYERS})
    assert picture.count("start here</text>") == 1
    assert picture.index("fc1 &lt;b&gt;") < picture.index("start here</text>")


def test_an_activation_image_is_small_and_keeps_signs():
    activations = torch.cat([torch.full((1, 300, 200), -9.0), torch.full((1, 300, 200), 9.0)], 2)
    image = as_image(activations, 1.0)
    assert image["size"] == [300, 400]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(image["png"]))))
    assert max(pixels.shape) <= 120
    assert pixels[0, 0, 2] > pixels[0, 0, 0]  # violet: more blue than red
    assert pixels[0, -1, 0] > pixels[0, -1, 2]  # orange: more red than blue


def test_activations_that_are_not_numbers_are_drawn_too():
    odd = torch.tensor([[[float("nan"), float("inf"), -float("inf")]]])
    assert as_image(odd, 1.0)["png"]
