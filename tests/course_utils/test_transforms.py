"""course_utils.transforms: digits in quadrants."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.transforms import QUADRANTS, RandomQuadrantPad, place

CORNERS = {
    "top_left": (0, 0),
    "top_right": (0, 28),
    "bottom_left": (28, 0),
    "bottom_right": (28, 28),
}


def expected_canvas(image: torch.Tensor, quadrant: str) -> torch.Tensor:
    top, left = CORNERS[quadrant]
    canvas = torch.zeros(*image.shape[:-2], 56, 56, dtype=image.dtype)
    canvas[..., top : top + 28, left : left + 28] = image
    return canvas


@pytest.mark.parametrize("quadrant", QUADRANTS)
@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (3, 28, 28), (5, 1, 28, 28)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_tensor_lands_in_the_named_quadrant(
    quadrant: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    image = (torch.rand(shape) * 255).to(dtype)
    before = image.clone()
    assert torch.equal(RandomQuadrantPad(quadrant)(image), expected_canvas(image, quadrant))
    assert torch.equal(image, before)


@pytest.mark.parametrize("quadrant", QUADRANTS)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_pil_image_lands_where_the_tensor_does(quadrant: str, mode: str) -> None:
    pixels = torch.randint(0, 256, (28, 28, 3) if mode == "RGB" else (28, 28), dtype=torch.uint8)
    padded = RandomQuadrantPad(quadrant)(Image.fromarray(pixels.numpy()))
    assert (padded.mode, padded.size) == (mode, (56, 56))
    planes = pixels.permute(2, 0, 1) if mode == "RGB" else pixels
    result = torch.from_numpy(np.array(padded))
    result = result.permute(2, 0, 1) if mode == "RGB" else result
    assert torch.equal(result, expected_canvas(planes, quadrant))


def test_an_oblong_image_gets_an_oblong_canvas() -> None:
    assert RandomQuadrantPad()(torch.ones(1, 4, 7)).shape == (1, 8, 14)
    assert RandomQuadrantPad()(Image.new("L", (7, 4))).size == (14, 8)


def test_all_named_quadrants_are_drawn_and_no_other() -> None:
    names = ("top_right", "bottom_left")
    pad = RandomQuadrantPad(names)
    image = torch.ones(28, 28)
    torch.manual_seed(0)
    drawn = [pad(image) for _ in range(40)]  # one quadrant all along: chance 2 ** -39
    seen = {name for name in QUADRANTS for one in drawn if one.equal(expected_canvas(image, name))}
    assert seen == set(names)


def test_torchs_seed_decides_the_quadrants() -> None:
    pad, image = RandomQuadrantPad(), torch.ones(28, 28)
    runs = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        runs.append(torch.stack([pad(image) for _ in range(20)]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_fixed_quadrant_draws_no_random_number() -> None:
    state = torch.get_rng_state()
    RandomQuadrantPad("top_left")(torch.ones(28, 28))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("names", ["middle", ("top_left", "topright"), "TOP_LEFT", ""])
def test_an_unknown_quadrant_gets_the_list_of_names(names: str | tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="top_left, top_right, bottom_left, bottom_right, got '"):
        RandomQuadrantPad(names)


def test_no_quadrant_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one quadrant"):
        RandomQuadrantPad(())


@pytest.mark.parametrize("shape", [(), (784,)])
def test_an_image_of_the_wrong_rank_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"height, width\), got \(.*\): pass one image"):
        RandomQuadrantPad()(torch.zeros(shape))


def test_an_array_is_refused_with_the_way_to_convert_it() -> None:
    with pytest.raises(TypeError, match=r"got ndarray: convert it with .*ToImage"):
        RandomQuadrantPad()(np.zeros((28, 28)))  # type: ignore[type-var]


def test_printing_the_transform_names_its_quadrants() -> None:
    assert str(RandomQuadrantPad("top_left")) == "RandomQuadrantPad(top_left)"


@pytest.mark.parametrize("quadrant", QUADRANTS)
def test_place_agrees_with_the_transform_and_scales_to_one(quadrant: str) -> None:
    images = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8)
    images[0, 0, 0] = 255
    placed = place(images, quadrant)
    assert placed.dtype == torch.float32
    assert placed.max() == 1
    one_by_one = [RandomQuadrantPad(quadrant)(image[None]) for image in images]
    torch.testing.assert_close(placed, torch.stack(one_by_one) / 255)


def test_place_takes_no_images_at_all() -> None:
    assert place(torch.zeros(0, 28, 28, dtype=torch.uint8), "top_left").shape == (0, 1, 56, 56)


@pytest.mark.parametrize("shape", [(28, 28), (2, 1, 28, 28)])
def test_place_refuses_the_wrong_rank(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(N, height, width\), got \("):
        place(torch.zeros(shape, dtype=torch.uint8), "top_left")


def test_place_refuses_images_that_are_scaled_already() -> None:
    with pytest.raises(TypeError, match=r"expected uint8 images, got torch\.float32"):
        place(torch.zeros(2, 28, 28), "top_left")


def test_place_refuses_an_unknown_quadrant() -> None:
    with pytest.raises(ValueError, match="got 'centre'"):
        place(torch.zeros(2, 28, 28, dtype=torch.uint8), "centre")
