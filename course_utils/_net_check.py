"""What the visible check of `Net` looks at."""

import math

import torch
from torch import Tensor, nn

from course_utils._networks import build, count_of, parameters_of
from course_utils.messages import Message, Status, WrongAnswer


def net(network_class: type[nn.Module]) -> Message:
    for arguments in ({}, {"num_channel": 4, "num_classes": 7}):
        network = build(network_class, "Net", arguments)
        _compare_parameters(network, **arguments)
        _look_for_what_never_learns(network)
    return Message(
        Status.GOOD,
        "Net",
        (
            f"Logits have the right shape, and all {count_of(build(network_class, 'Net', {})):,} "
            "parameters are in the right layers.",
            "What the network computes is compared when your notebook is graded.",
        ),
    )


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
    left = [tuple(parameter.shape) for parameter in parameters_of(network)]
    expected = sum(math.prod(shape) + shape[0] for _, shape in layers)
    title = f"`Net({'' if c == 8 else f'num_channel={c}, num_classes={num_classes}'})`"
    count = f"{title} should have {expected:,} parameters, it has {count_of(network):,}."
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
    parameter = parameters_of(network)[0]
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
