"""The visible checks: instant, friendly, without points. The graded cells look closer.

A check shows what it found and returns None. It raises nothing for a wrong answer.
"""

from collections.abc import Callable

from torch import Tensor, nn

from course_utils._chain_check import EXAMPLE, conv_pool_conv, example
from course_utils._improved_net_check import improved_net
from course_utils._net_check import net
from course_utils.messages import run_check

__all__ = ["EXAMPLE", "check_conv_pool_conv", "check_improved_net", "check_net", "example"]


def check_conv_pool_conv(fn: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Show whether `conv_pool_conv` returns activations of the right shape and type.

    Args:
        fn: maps an image (3, H, W) float32 and a kernel (1, 3, 3, 3) float32 to (1, h, w) float32.
    """
    run_check("conv_pool_conv", lambda: conv_pool_conv(fn))


def check_net(network_class: type[nn.Module]) -> None:
    """Show whether `Net` maps digits to logits, and have the layers of the description.

    Args:
        network_class: the class, `Net(num_channel=8, num_classes=10)`.
    """
    run_check("Net", lambda: net(network_class))


def check_improved_net(improved_class: type[nn.Module], network_class: type[nn.Module]) -> None:
    """Show whether `ImprovedNet` is smaller than `Net`, and how much it sees of a digit's place.

    Args:
        improved_class: the class, `ImprovedNet(num_channel=8, num_classes=10)`.
        network_class: the class `Net` to compare with.
    """
    run_check("ImprovedNet", lambda: improved_net(improved_class, network_class))
