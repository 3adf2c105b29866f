"""Digits on a canvas twice their size, each in one of its four quadrants."""

from collections.abc import Iterable
from typing import TypeVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

QUADRANTS = ("top_left", "top_right", "bottom_left", "bottom_right")

ImageOrTensor = TypeVar("ImageOrTensor", Image.Image, Tensor)


class RandomQuadrantPad(torch.nn.Module):
    """A transform that puts an image into a random quadrant of a canvas twice as high and wide.

    Args:
        quadrants: the quadrants to draw from: one name, or several of `QUADRANTS`.

    Raises:
        ValueError: a name is none of `QUADRANTS`, or there is no name at all.

    Example:
        >>> RandomQuadrantPad("bottom_right")(torch.ones(1, 28, 28)).shape
        torch.Size([1, 56, 56])
    """

    def __init__(self, quadrants: str | Iterable[str] = QUADRANTS) -> None:
        super().__init__()
        names = (quadrants,) if isinstance(quadrants, str) else tuple(quadrants)
        if not names:
            raise ValueError(f"expected at least one quadrant, got none: choose from {QUADRANTS}")
        for name in names:
            _check_quadrant(name)
        self.quadrants = names

    def forward(self, image: ImageOrTensor) -> ImageOrTensor:
        """Return the image in one quadrant of a black canvas; torch's RNG draws which.

        Args:
            image: (..., h, w) tensor, or PIL image. A batch goes into one quadrant as a whole.

        Returns:
            (..., 2h, 2w) tensor of the same dtype, or PIL image of the same mode.

        Raises:
            ValueError: the tensor has fewer than two dimensions.
            TypeError: the image is neither a tensor nor a PIL image.
        """
        # One name needs no draw, so a fixed quadrant leaves the random numbers of a run alone.
        index = int(torch.randint(len(self.quadrants), ())) if len(self.quadrants) > 1 else 0
        quadrant = self.quadrants[index]
        if isinstance(image, Image.Image):
            width, height = image.size
            canvas = Image.new(image.mode, (2 * width, 2 * height))
            canvas.paste(image, (width * ("right" in quadrant), height * ("bottom" in quadrant)))
            return canvas
        if isinstance(image, Tensor):
            if image.ndim < 2:
                raise ValueError(
                    f"expected an image of shape (..., height, width), got {tuple(image.shape)}: "
                    "pass one image, such as (1, 28, 28)"
                )
            return _pad(image, quadrant)
        raise TypeError(
            f"expected a PIL image or a tensor, got {type(image).__name__}: "
            "convert it with torchvision.transforms.v2.ToImage() first"
        )

    def extra_repr(self) -> str:
        """Return what print(transform) shows between the brackets."""
        return ", ".join(self.quadrants)


def place(images: Tensor, quadrant: str) -> Tensor:
    """Return the digits of a whole batch in one quadrant of a canvas twice as high and wide.

    Args:
        images: (N, h, w) uint8, such as the `data` of an MNIST dataset.
        quadrant: one of `QUADRANTS`.

    Returns:
        (N, 1, 2h, 2w) float32 in [0, 1].

    Raises:
        ValueError: the quadrant is none of `QUADRANTS`, or the images are not (N, h, w).
        TypeError: the images are not uint8.
    """
    _check_quadrant(quadrant)
    if images.ndim != 3:
        raise ValueError(
            f"expected images of shape (N, height, width), got {tuple(images.shape)}: "
            "pass images[None] for a single image, images[:, 0] for a batch with a channel"
        )
    if images.dtype != torch.uint8:
        raise TypeError(
            f"expected uint8 images, got {images.dtype}: pass a dataset's raw `data`, not what its "
            "transform made of it"
        )
    return _pad(images[:, None].float() / 255, quadrant)


def padding(quadrant: str, height: int = 28, width: int = 28) -> tuple[int, int, int, int]:
    """Return the zeros that put an image into a quadrant of a canvas twice as high and wide.

    Args:
        quadrant: one of `QUADRANTS`.
        height: of the image, pixels.
        width: of the image, pixels.

    Returns:
        Columns on the left and on the right, rows at the top and at the bottom, in the order of
        `torch.nn.functional.pad`.
    """
    left, top = width * ("right" in quadrant), height * ("bottom" in quadrant)
    return left, width - left, top, height - top


def _pad(image: Tensor, quadrant: str) -> Tensor:
    """Return the (..., h, w) image on a (..., 2h, 2w) canvas of zeros."""
    return F.pad(image, padding(quadrant, *image.shape[-2:]))


def _check_quadrant(name: str) -> None:
    if name not in QUADRANTS:
        raise ValueError(f"expected a quadrant of {', '.join(QUADRANTS)}, got {name!r}")
