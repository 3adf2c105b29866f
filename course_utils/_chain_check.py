"""What the visible check of `conv_pool_conv` looks at."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils._networks import as_tensor
from course_utils.messages import Message, Status, WrongAnswer

IMAGE_SIZES = ((12, 16), (13, 17), (16, 13), (21, 12))
EXAMPLE = [-4.0, -10.0, 5.0, 5.0, -16.0, 2.0]  # what the three steps give for `example`


def conv_pool_conv(fn: Callable[[Tensor, Tensor], Tensor]) -> Message:
    kernel = torch.randn(1, 1, 3, 3).repeat(1, 3, 1, 1)
    for height, width in IMAGE_SIZES:
        image = torch.rand(3, height, width)
        image_copy, kernel_copy = image.clone(), kernel.clone()
        output = as_tensor(fn(image_copy, kernel_copy), "conv_pool_conv")
        if not (torch.equal(image, image_copy) and torch.equal(kernel, kernel_copy)):
            raise WrongAnswer(
                "It changes the image or the kernel it is given: work on new tensors."
            )
        _compare_activation_shape(output, height, width)
    if output.dtype not in (torch.float32, torch.float64):
        raise WrongAnswer(
            f"Expected float32 activations, got {output.dtype}: do not change their type."
        )
    if not torch.isfinite(output).all():
        raise WrongAnswer("Some activations are infinite, or no numbers (NaN).")

    def again(other: Tensor) -> Tensor:
        return fn(image.clone(), other.clone())

    if not torch.equal(again(kernel), output):
        raise WrongAnswer(
            "The same image and kernel give another output the second time. Use no random numbers "
            "and no layers of your own: you need nothing but the kernel that comes in."
        )
    if torch.allclose(again(torch.randn(1, 1, 3, 3).repeat(1, 3, 1, 1)), output):
        raise WrongAnswer(
            "Another kernel gives the same output. Does the function use its argument `kernel`, or "
            "a variable of the notebook?"
        )
    # Convolution and max pooling are homogeneous, and the kernel is used twice: 2 * 2 = 4.
    doubled = again(2 * kernel)
    if torch.allclose(doubled, output, rtol=1e-3) or (output.min() == 0 and output.max() == 1):
        raise WrongAnswer(
            "The activations are rescaled: return them as the convolution gives them."
        )
    if not torch.allclose(doubled, 4 * output, rtol=1e-3, atol=1e-4):
        raise WrongAnswer(
            "With all numbers of the kernel doubled, the activations should be four times as "
            "large: both convolutions use the kernel. Yours are not. Look for another kernel, a "
            "bias, a rescaling, or a function that the text does not ask for."
        )
    _compare_example(fn)
    if output.dtype != torch.float32 or output.dim() == 2:
        kind = str(output.dtype).removeprefix("torch.")
        return Message(
            Status.LOOK,
            "conv_pool_conv",
            (
                f"Expected float32 activations (1, h, w), got {kind} of shape "
                f"{tuple(output.shape)}.",
                "The values are right, so this costs no points.",
            ),
        )
    sizes = ", ".join(f"{height}x{width}" for height, width in IMAGE_SIZES)
    return Message(
        Status.GOOD,
        "conv_pool_conv",
        (
            f"The shape is right for images of {sizes}, and so are the values of one example.",
            "Grading compares the values for other images and kernels.",
        ),
    )


def example() -> tuple[Tensor, Tensor]:
    """Return the image (3, 11, 13) and the kernel (1, 3, 3, 3) of the example, float32.

    Every common mistake changes what comes out of them.
    """
    image = (torch.arange(3 * 11 * 13) ** 2 % 9).reshape(3, 11, 13).float()
    kernel = torch.tensor([[1.0, 0.0, -2.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    return image, kernel.expand(1, 3, 3, 3).clone()


def _compare_example(fn: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Raise WrongAnswer unless the values of one small example are right."""
    image, kernel = example()
    got = [round(value, 2) for value in fn(image, kernel).flatten().tolist()]
    if got != EXAMPLE:
        raise WrongAnswer(
            f"The shapes are right, the values are not. For a small example, expected {EXAMPLE}, "
            f"got {got}. Try `conv_pool_conv(*checks.example())`, and print what each step gives."
        )


def _compare_activation_shape(output: Tensor, height: int, width: int) -> None:
    """Raise WrongAnswer, with a guess at the cause, unless the shape is right.

    Besides (1, h, w) that is (h, w), and (1, 1, h, w): the same numbers.
    """

    def after(cause: Callable[[int], int]) -> tuple[int, int]:
        return cause(height), cause(width)

    expected = after(lambda size: (size - 2) // 2 - 2)
    shape = tuple(output.shape)
    if shape in (expected, (1, *expected), (1, 1, *expected)):
        return
    causes: dict[str, Callable[[int], int]] = {
        "this is the size without the second convolution.": lambda size: (size - 2) // 2,
        "this is the size without the pooling.": lambda size: size - 4,
        "this is the size with a pooling that goes by steps of 1.": lambda size: size - 5,
        "this is the size without one of the convolutions, or if both are padded.": lambda size: (
            size // 2
        ),
        "this is the size if the pooling rounds up. Windows must fit in whole.": lambda size: (
            (size - 1) // 2 - 2
        ),
        "this is the size if one of the convolutions is padded.": lambda size: size // 2 - 2,
        "this is the size with a pooling larger than 2x2.": lambda size: (size - 2) // 3 - 2,
    }
    hints = [hint for hint, cause in causes.items() if shape[-2:] == after(cause)]
    if shape[-2:] == expected:
        hints = ["height and width are right, but the number of channels or dimensions is not."]
    wanted = f"(1, {expected[0]}, {expected[1]})"
    raise WrongAnswer(
        f"For an image of shape (3, {height}, {width}) expected activations {wanted}, got {shape}"
        + (f": {hints[0]}" if hints else ".")
    )
