"""What the visible checks of both networks ask of a network."""

from typing import Any

import torch
from torch import Tensor, nn

from course_utils.messages import WrongAnswer


def build(network_class: type[nn.Module], name: str, arguments: dict[str, int]) -> nn.Module:
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
        logits = as_tensor(logits_of(network, torch.rand(count, 1, 56, 56)), f"{call}'s forward")
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


def logits_of(network: nn.Module, images: Tensor) -> Any:
    """Return what the network makes of the images, on the device where its parameters are."""
    parameter = next(iter(parameters_of(network)), images)
    output = network(images.to(parameter.device))
    return output.cpu() if isinstance(output, Tensor) else output


def as_tensor(output: Any, what: str) -> Tensor:
    if output is None:
        raise WrongAnswer(f"{what} returns None: does its last line `return` the result?")
    if not isinstance(output, Tensor):
        raise WrongAnswer(f"{what} returns {type(output).__name__}, expected a `torch.Tensor`.")
    return output


def largest(network: nn.Module) -> str:
    """Return the name of the parameter with the most entries."""
    return max(network.named_parameters(), key=lambda named: named[1].numel())[0]


def count_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in parameters_of(network))


def parameters_of(network: nn.Module) -> list[nn.Parameter]:
    """Return all of a network's parameters, whatever it overrides."""
    return list(nn.Module.parameters(network))
