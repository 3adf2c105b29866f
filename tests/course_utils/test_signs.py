"""Signs that nobody has seen: new for each seed, unlike each other, of the form of digits."""

from __future__ import annotations

import torch

from course_utils.data import load_digits_subset
from course_utils.signs import CLASSES, SIZE, draw_signs

CORNERS = ("top_left", "bottom_right")


def test_the_images_have_the_form_of_digits_and_every_sign_occurs() -> None:
    signs = draw_signs(1, train=400, test=300)
    assert signs.train_images.shape == (400, SIZE, SIZE)
    assert set(signs.test_images) == set(signs.test_labels) == set(CORNERS)
    for images, labels in (
        (signs.train_images, signs.train_labels),
        *((signs.test_images[corner], signs.test_labels[corner]) for corner in CORNERS),
    ):
        assert images.dtype == torch.uint8
        assert len(images) == len(labels)
        assert sorted(labels.unique().tolist()) == list(range(CLASSES))
        assert not torch.equal(labels, labels.sort().values), "in random order"


def test_a_seed_decides_all_and_another_one_draws_other_signs() -> None:
    first, again, other = draw_signs(1), draw_signs(1), draw_signs(2)
    assert torch.equal(first.train_images, again.train_images)
    assert torch.equal(first.test_images["top_left"], again.test_images["top_left"])
    means = [
        torch.stack([s.train_images[s.train_labels == k].float().mean(0) for k in range(CLASSES)])
        for s in (first, other)
    ]
    flat = [torch.nn.functional.normalize(mean.flatten(1)) for mean in means]
    across, within = flat[0] @ flat[1].T, flat[0] @ flat[0].T
    assert float(across.max()) < 0.98
    assert float((within - torch.eye(CLASSES)).max()) < 0.98, "no two of them are the same"


def test_no_image_comes_twice_so_that_none_can_be_known_by_heart() -> None:
    signs = draw_signs(3)
    images = torch.cat([signs.train_images, *signs.test_images.values()]).flatten(1)
    assert len(images.unique(dim=0)) == len(images)


def test_signs_stand_in_the_middle_as_digits_do_and_are_about_as_dark() -> None:
    signs = draw_signs(4).train_images.float()
    digits = load_digits_subset().train_images.float()
    assert 0.5 < float(signs.mean() / digits.mean()) < 1.5
    rows = (signs.mean(dim=(0, 2)) * torch.arange(SIZE)).sum() / signs.mean(dim=(0, 2)).sum()
    assert abs(float(rows) - (SIZE - 1) / 2) < 1
    assert float(signs[:, 0].mean()) < 1, "the border stays black"


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    draw_signs(5, train=10, test=10)
    assert torch.equal(torch.rand(2), expected)
