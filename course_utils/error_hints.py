"""What to do about PyTorch's most frequent error messages, in the words of a teacher.

The visible checks and the grader say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Words = Callable[[re.Match[str]], str]


def hint(message: str, class_name: str = "") -> str:
    """Return one or two sentences on what an error message means; "" where there are none.

    Args:
        message: the exception's.
        class_name: of the network that was being built, if one was.
    """
    for pattern, words in _HINTS:
        found = re.search(pattern, message)
        if found:
            return words(found)
    added = rf"{class_name}\.__init__\(\) got an unexpected keyword argument '(\w+)'"
    if class_name and (found := re.search(added, message)):
        return f"The exercise gives {class_name} the argument {found[1]}: add it to __init__."
    return ""


def _matrix_sizes(found: re.Match[str]) -> str:
    rows, have, want, outputs = (int(number) for number in found.groups())
    layer = f"The fully connected layer with {want} inputs and {outputs} outputs"
    if want == 0:
        return f"{layer} takes nothing in: count the numbers that reach it."
    if rows == 1 and have > want and have % want == 0:
        cause = "are the images of the batch flattened together? Keep the first dimension: "
        return f"{layer} gets vectors of {have}: {cause}flatten(start_dim=1)."
    if rows * have % want == 0 and have < want:
        return f"{layer} gets vectors of {have}: are the feature maps flattened before it?"
    return f"{layer} gets {have} inputs: channels x height x width of what stands before it."


_HINTS: tuple[tuple[str, Words], ...] = (
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        _matrix_sizes,
    ),
    (
        r"shape '\[(?:-1|\d+), ?(\d+)\]' is invalid for input of size (\d+)",
        lambda m: (
            f"Vectors of {m[1]} cannot be made of {m[2]} numbers: print the shape of the feature "
            "maps before they are flattened."
        ),
    ),
    (
        r"weight of size \[(\d+), (\d+).*to have \d+ channels, but got (\d+) channels",
        lambda m: (
            f"The convolution with {m[1]} output channels takes {m[2]} input channels, but what "
            f"reaches it has {m[3]}."
        ),
    ),
    (
        r"Kernel size can't be greater than actual input size|Output size is too small",
        lambda m: "The feature maps are smaller than the window: is there a pooling too many?",
    ),
    (
        r"__init__\(\) missing \d+ required positional arguments?: (.*)",
        lambda m: f"Give {m[1]} the default values of the exercise, in __init__.",
    ),
    (
        r"before super\(\)\.__init__\(\)|before Module\.__init__\(\) call",
        lambda m: "The first line of __init__ should be super().__init__().",
    ),
    (
        r"does not require grad",
        lambda m: (
            "No gradient gets from the loss to a parameter, so nothing can be learned: look for "
            "requires_grad, torch.no_grad() and .detach()."
        ),
    ),
    (
        r"Index tensor must have the same number of dimensions|index out of bounds for dimension 1",
        lambda m: (
            "In training, the output has to be logits: a row for each input, an entry a class."
        ),
    ),
    (
        r"expected m1 and m2 to have the same dtype|should be the same|expected scalar type",
        lambda m: "Images are float32: leave the dtype of the network's parameters alone.",
    ),
    (
        r"_forward_unimplemented|is missing the required \"forward\" function",
        lambda m: "Write the method forward(self, images); mind its name and its indentation.",
    ),
)
