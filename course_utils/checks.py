"""The visible checks: instant, friendly, without points. The graded cells look closer.

A check shows what it found and returns None. It raises nothing for a wrong answer.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.data import load_digits_subset
from course_utils.messages import Message, Status, WrongAnswer, run_check
from course_utils.transforms import place

IMAGE_SIZES = ((12, 16), (13, 17), (16, 13), (21, 12))
EXAMPLE = [-5.0, 3.0, 7.0]  # what the text's three steps give for `_compare_example`
SAME_FOR_ALL_PLACES, SOME = 0.35, 0.6  # measured: Net 1.4, average pooling 0.8, padded too 0.1


def check_conv_pool_conv(fn: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Show whether `conv_pool_conv` returns activations of the right shape and type.

    Args:
        fn: maps an image (3, H, W) float32 and a kernel (1, 3, 3, 3) float32 to (1, h, w) float32.
    """
    run_check("conv_pool_conv", lambda: _conv_pool_conv(fn))


def check_net(network_class: type[nn.Module]) -> None:
    """Show whether `Net` maps digits to logits, and have the layers of the description.

    Args:
        network_class: the class, `Net(num_channel=8, num_classes=10)`.
    """
    run_check("Net", lambda: _net(network_class))


def check_improved_net(improved_class: type[nn.Module], network_class: type[nn.Module]) -> None:
    """Show whether `ImprovedNet` is smaller than `Net`, and how much it sees of a digit's place.

    Args:
        improved_class: the class, `ImprovedNet(num_channel=8, num_classes=10)`.
        network_class: the class `Net` to compare with.
    """
    run_check("ImprovedNet", lambda: _improved_net(improved_class, network_class))


def _conv_pool_conv(fn: Callable[[Tensor, Tensor], Tensor]) -> Message:
    kernel = torch.randn(1, 1, 3, 3).repeat(1, 3, 1, 1)
    for height, width in IMAGE_SIZES:
        image = torch.rand(3, height, width)
        image_copy, kernel_copy = image.clone(), kernel.clone()
        output = _as_tensor(fn(image_copy, kernel_copy), "conv_pool_conv")
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
    """Return the image (3, 9, 13) and the kernel (1, 3, 3, 3) of the example, float32.

    Every common mistake changes what comes out of them.
    """
    image = (torch.arange(3 * 9 * 13) ** 2 * 5 % 7).reshape(3, 9, 13).float()
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
        "is the second convolution missing?": lambda size: (size - 2) // 2,
        "is the pooling missing?": lambda size: size - 4,
        "does the pooling go by steps of 1 instead of 2?": lambda size: size - 5,
        "is one convolution missing, or are both padded?": lambda size: size // 2,
        "does the pooling round up? Windows must fit in whole.": lambda size: (size - 1) // 2 - 2,
        "is one of the convolutions padded?": lambda size: size // 2 - 2,
        "is the pooling larger than 2x2?": lambda size: (size - 2) // 3 - 2,
    }
    hints = [hint for hint, cause in causes.items() if shape[-2:] == after(cause)]
    if shape[-2:] == expected:
        hints = ["height and width are right, but the number of channels or dimensions is not."]
    wanted = f"(1, {expected[0]}, {expected[1]})"
    raise WrongAnswer(
        f"For an image of shape (3, {height}, {width}) expected activations {wanted}, got {shape}"
        + (f": {hints[0]}" if hints else ".")
    )


def _net(network_class: type[nn.Module]) -> Message:
    for arguments in ({}, {"num_channel": 4, "num_classes": 7}):
        network = _build(network_class, "Net", arguments)
        _compare_parameters(network, **arguments)
        _look_for_what_never_learns(network)
    return Message(
        Status.GOOD,
        "Net",
        (
            f"Logits have the right shape, and all {_count(_build(network_class, 'Net', {})):,} "
            "parameters are in the right layers.",
            "What the network computes is compared when your notebook is graded.",
        ),
    )


def _build(network_class: type[nn.Module], name: str, arguments: dict[str, int]) -> nn.Module:
    """Return the network in eval mode, after it has mapped 1 and 3 images to logits."""
    call = f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
    network = None
    if callable(network_class) and not isinstance(network_class, nn.Module):
        network = network_class(**arguments)
    if not isinstance(network, nn.Module):
        raise WrongAnswer(f"Expected a class derived from `nn.Module`: `class {name}(nn.Module):`")
    network.eval()
    num_classes = arguments.get("num_classes", 10)
    for count in (1, 3):
        logits = _as_tensor(_logits(network, torch.rand(count, 1, 56, 56)), f"{call}'s forward")
        expected, got = (count, num_classes), tuple(logits.shape)
        if got != expected:
            hint = "Is the shape right for a batch of any size?"
            if len(got) == 2 and got[0] == count:
                hint = "How many numbers does the last layer put out? Does it use `num_classes`?"
            raise WrongAnswer(
                f"For images ({count}, 1, 56, 56), `{call}` should give logits {expected}, but it "
                f"gives {got}. {hint}"
            )
        if not torch.isfinite(logits).all():
            raise WrongAnswer(f"`{call}` puts out infinite numbers, or NaN.")
        sums = (logits if (logits >= 0).all() else logits.exp()).float().sum(dim=1)
        if torch.allclose(sums, torch.ones(count), atol=1e-4):
            raise WrongAnswer(
                f"`{call}` puts out probabilities, expected raw logits: `nn.CrossEntropyLoss` "
                "applies the softmax itself."
            )
    return network


def _compare_parameters(network: nn.Module, num_channel: int = 8, num_classes: int = 10) -> None:
    """Raise WrongAnswer, with the first layer that differs, unless all parameters are expected."""
    c = num_channel
    layers: list[tuple[str, tuple[int, ...]]] = [
        (f"the first convolution, 5x5, from 1 to {c} channels", (c, 1, 5, 5)),
        (f"the second convolution, 5x5, from {c} to {2 * c} channels", (2 * c, c, 5, 5)),
        (f"the first fully connected layer, 11*11*{2 * c} to {4 * c}", (4 * c, 2 * c * 11 * 11)),
        (f"the second fully connected layer, {4 * c} to {2 * c}", (2 * c, 4 * c)),
        (f"the last fully connected layer, {2 * c} to {num_classes}", (num_classes, 2 * c)),
    ]
    left = [tuple(parameter.shape) for parameter in _parameters(network)]
    expected = sum(math.prod(shape) + shape[0] for _, shape in layers)
    title = f"`Net({'' if c == 8 else f'num_channel={c}, num_classes={num_classes}'})`"
    count = f"{title} should have {expected:,} parameters, it has {_count(network):,}."
    for layer, shape in layers:
        if not _take(shape, left):
            raise WrongAnswer(count, f"Look at {layer}: {_guess(shape, left, c)}")
        if not _take(shape[:1], left):
            raise WrongAnswer(count, f"A layer with {shape[0]} outputs has no bias.")
    if left:
        extra = ", ".join(str(shape) for shape in left)
        more = f"It has parameters that the table does not ask for, of shape {extra}."
        raise WrongAnswer(count, more)


def _take(shape: tuple[int, ...], left: list[tuple[int, ...]]) -> bool:
    """Take a parameter of that shape, or of as many entries, from the list, if there is one.

    A convolution may do a fully connected layer's work, and a weight may be stored transposed.
    """
    alike = [other for other in left if math.prod(other) == math.prod(shape)]
    if alike:
        left.remove(shape if shape in alike else alike[0])
    return bool(alike)


def _look_for_what_never_learns(network: nn.Module) -> None:
    """Raise WrongAnswer if a gradient of the logits does not reach every parameter."""
    parameter = _parameters(network)[0]
    with torch.enable_grad():
        logits = network(torch.rand(2, 1, 56, 56, device=parameter.device))
        learning = {name: p for name, p in network.named_parameters() if p.requires_grad}
        gradients: tuple[Tensor | None, ...] = ()
        if logits.requires_grad and learning:
            asked = list(learning.values())
            gradients = torch.autograd.grad(logits.sum(), asked, allow_unused=True)
    reached = {name for name, g in zip(learning, gradients, strict=False) if g is not None}
    frozen = [name for name, _ in network.named_parameters() if name not in reached]
    if frozen:
        shown = ", ".join(f"`{name}`" for name in frozen)
        raise WrongAnswer(
            f"No gradient reaches {shown}: training would leave them as they are.",
            "Look for `requires_grad`, `torch.no_grad()`, `.detach()` and `.data`.",
        )


def _guess(shape: tuple[int, ...], left: list[tuple[int, ...]], num_channel: int) -> str:
    """Return what the student's weights of that kind, not yet matched, tell about the cause."""
    own = [other for other in left if len(other) == len(shape)]
    if len(shape) == 2 and shape[1] == 2 * num_channel * 11 * 11:
        for outputs, inputs in own:
            side = round((inputs / (2 * num_channel)) ** 0.5)
            if outputs == shape[0] and side * side * 2 * num_channel == inputs:
                return (
                    f"yours gets feature maps of {side}x{side} pixels. Kernels of 5x5 without "
                    "padding and two poolings by 2 leave 11x11 of 56x56."
                )
    if not own:
        return "there is none. Is each layer an attribute of the network (`self.name = ...`)?"
    if len(shape) == 4:
        outputs, inputs, height, width = own[0]
        return f"yours goes from {inputs} to {outputs} channels, with a kernel {height}x{width}."
    outputs, inputs = own[0]
    return f"yours goes from {inputs} to {outputs}."


def _improved_net(improved_class: type[nn.Module], network_class: type[nn.Module]) -> Message:
    networks = [_build(improved_class, "ImprovedNet", {}) for _ in range(4)]
    _build(improved_class, "ImprovedNet", {"num_channel": 4, "num_classes": 7})
    count, limit = _count(networks[0]), 66_106  # the described Net, if the student's has a fault
    with contextlib.suppress(Exception):
        limit = _count(_build(network_class, "Net", {}))
    if count >= limit:
        raise WrongAnswer(
            f"It has {count:,} parameters, expected fewer than the {limit:,} of `Net`. Most of "
            f"them are `{_largest(networks[0])}`: what could take the place of that layer?"
        )
    ratio = sum(_place_ratio(network) for network in networks) / len(networks)
    details = [
        f"Logits have the right shape; {count:,} parameters, `Net` has {limit:,}.",
        "Before training, a digit that moves from the top left to the bottom right changes the "
        f"logits by {ratio:.0%} of what another digit in its place changes.",
    ]
    if ratio <= SAME_FOR_ALL_PLACES:
        details.append(
            "So the network hardly sees where the digit is. Train it on digits in the top left, "
            "and see how well it does in the bottom right."
        )
        return Message(Status.GOOD, "ImprovedNet", tuple(details))
    much = "to some degree" if ratio <= SOME else "about as well as which digit it is"
    details.append(
        f"So the network sees where a digit is, {much}, and will use that in training. It can see "
        "it in two ways: by weights of their own for each position, and by the border of the "
        "image, where the kernels stop."
    )
    return Message(Status.LOOK, "ImprovedNet", tuple(details))


def _place_ratio(network: nn.Module) -> float:
    """Return how far logits move with a digit's place, relative to another digit at one place."""
    digits = load_digits_subset()
    images, labels = digits.train_images[:40], digits.train_labels[:40]
    top_left = _logits(network, place(images, "top_left"))  # (40, 10)
    moved = _logits(network, place(images, "bottom_right"))
    pairs = labels[:, None] != labels  # (40, 40): different digits
    between = (top_left[:, None] - top_left).pow(2).mean(dim=2)[pairs].mean().sqrt()
    if between <= 1e-6 * top_left.abs().max():
        raise WrongAnswer("The output is the same for every digit: does the image reach the end?")
    return float((top_left - moved).pow(2).mean().sqrt() / between)


def _logits(network: nn.Module, images: Tensor) -> Any:
    """Return what the network makes of the images, on the device where its parameters are."""
    parameter = next(iter(_parameters(network)), images)
    output = network(images.to(parameter.device))
    return output.cpu() if isinstance(output, Tensor) else output


def _as_tensor(output: Any, what: str) -> Tensor:
    if output is None:
        raise WrongAnswer(f"{what} returns None: does its last line `return` the result?")
    if not isinstance(output, Tensor):
        raise WrongAnswer(f"{what} returns {type(output).__name__}, expected a `torch.Tensor`.")
    return output


def _largest(network: nn.Module) -> str:
    """Return the name of the parameter with the most entries."""
    return max(network.named_parameters(), key=lambda named: named[1].numel())[0]


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in _parameters(network))


def _parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return all of a network's parameters, whatever it overrides."""
    return list(nn.Module.parameters(network))
