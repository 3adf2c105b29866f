"""What the visible check of `ImprovedNet` looks at."""

import contextlib

from torch import nn

from course_utils._networks import build, count_of, largest, logits_of
from course_utils.data import load_digits_subset
from course_utils.messages import Message, Status, WrongAnswer
from course_utils.transforms import place

SAME_FOR_ALL_PLACES, SOME = 0.35, 0.6  # measured: Net 1.4, average pooling 0.8, padded too 0.1


def improved_net(improved_class: type[nn.Module], network_class: type[nn.Module]) -> Message:
    networks = [build(improved_class, "ImprovedNet", {}) for _ in range(4)]
    build(improved_class, "ImprovedNet", {"num_channel": 4, "num_classes": 7})
    count, limit = count_of(networks[0]), 66_106  # the described Net, if the student's has a fault
    with contextlib.suppress(Exception):
        limit = count_of(build(network_class, "Net", {}))
    if count >= limit:
        raise WrongAnswer(
            f"It has {count:,} parameters, expected fewer than the {limit:,} of `Net`. Most of "
            f"them are `{largest(networks[0])}`: what could take the place of that layer?"
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
    top_left = logits_of(network, place(images, "top_left"))  # (40, 10)
    moved = logits_of(network, place(images, "bottom_right"))
    pairs = labels[:, None] != labels  # (40, 40): different digits
    between = (top_left[:, None] - top_left).pow(2).mean(dim=2)[pairs].mean().sqrt()
    if between <= 1e-6 * top_left.abs().max():
        raise WrongAnswer("The output is the same for every digit: does the image reach the end?")
    return float((top_left - moved).pow(2).mean().sqrt() / between)
