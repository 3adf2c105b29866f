"""The checks of the assignment `cnns`: one function a grade cell, named after its `grade_id`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from torch import Tensor

from autograder.assignments.cnns import made_class
from autograder.assignments.cnns.chain import check as chain_check
from autograder.assignments.cnns.chain.reference import CHAIN, random_kernel, run_chain
from autograder.assignments.cnns.improved import check as improved_check
from autograder.assignments.cnns.improved.training_runs import EXERCISE, found
from autograder.assignments.cnns.net import check as net_check
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.assignments.cnns.networks import IMAGE_SIZE, build
from autograder.checking.challenge import generator, random_images
from autograder.checking.check_result import CheckResult, verdict
from autograder.checking.checks import scored
from autograder.checking.criteria import called, shape_advice, shape_criterion
from autograder.checking.student import StudentFault, StudentSide, call
from autograder.checking.trained.runs import numbers_in

conv_pool_conv_values = scored(15)(chain_check.values)
net_parameters = scored(10)(net_check.parameters)
net_function = scored(20)(net_check.function)
improved_top_left = scored(5)(improved_check.top_left)
improved_bottom_right = scored(20)(improved_check.bottom_right)
trained = (EXERCISE,)  # what `autograder calibrate` measures


@scored(5)
def conv_pool_conv_shape(student: StudentSide, seed: int) -> CheckResult:
    """Check the output shape of `conv_pool_conv` on images of several sizes."""
    rng = generator(seed)
    criteria = []
    for (height, width), points in {(28, 28): 2.0, (31, 40): 2.0, (18, 13): 1.0}.items():
        image, kernel = random_images(1, 3, height, width, rng)[0], random_kernel(rng)
        expected = tuple(_chain_value(image, kernel).shape)
        criteria.append(
            shape_criterion(
                f"output shape for an image (3, {height}, {width})",
                expected,
                lambda image=image, kernel=kernel: call(student, "conv_pool_conv", image, kernel)[
                    0
                ],  # type: ignore[misc]
                points,
                also=(expected[1:], (1, *expected)),  # the same numbers
            )
        )
    advice = "Each 3x3 convolution without padding takes 2 pixels off height and width; the "
    advice += "pooling halves what is left, rounded down."
    return CheckResult(tuple(criteria), shape_advice(criteria, advice))


@scored(5)
def net_shape(student: StudentSide, seed: int) -> CheckResult:
    """Check the output shape of `Net` for several batches, channels and classes."""
    return _network_shape(student, "Net", seed)


@scored(5)
def improved_shape(student: StudentSide, seed: int) -> CheckResult:
    """Check the output shape of `ImprovedNet` for several batches, channels and classes."""
    return _network_shape(student, "ImprovedNet", seed)


@scored(5)
def improved_parameters(student: StudentSide, seed: int) -> CheckResult:
    """Check whether `ImprovedNet` has fewer parameters than `Net`.

    Counted are the tensors that the student's side hands over, which are also all that a trained
    network is later made from: those of the trained one, too. Buffers are among them: what is no
    parameter by name is none the less something to store numbers in.
    """
    limit = parameter_count(net_spec())
    model = build(student, "ImprovedNet", seed)
    state = model.state()
    count = sum(state[p.name].numel() for p in model.parameters if p.name in state)
    held = numbers_in(state)
    if held < limit:
        with suppress(StudentFault):  # what cannot be trained loses its points for that
            held = max(held, found(student, seed).carried)
    got = f"{count:,}" if held < limit else f"{held:,}, buffers included"
    passed = count > 0 and held < limit
    criterion = verdict("parameters in all", f"fewer than {limit:,}", got, passed, 5.0)
    sizes = {name: tensor.numel() for name, tensor in state.items() if tensor.is_floating_point()}
    largest = max(sizes, key=lambda name: sizes[name], default="")
    advice = f"`{largest}` holds most, {sizes.get(largest, 0):,} of its numbers: does your idea "
    advice += "still need it?"
    if not largest:
        advice = "Your network has no parameters, so it cannot learn: are its layers attributes?"
    lost = criterion.earned < criterion.points
    figures = {"parameters": float(count)}
    return CheckResult((criterion,), advice if lost else "", figures=figures)


def honest() -> Mapping[str, Any]:
    """Return the variables of a student who has everything right."""
    imports = "import torch\nimport torch.nn.functional as F\nfrom torch import nn"
    variables: dict[str, Any] = {}
    exec("\n".join((imports, made_class.CHAIN, made_class.NET, made_class.IMPROVED)), variables)
    return variables


def _network_shape(student: StudentSide, name: str, seed: int) -> CheckResult:
    rng = generator(seed)
    criteria = []
    for count, arguments, points in (
        (4, {}, 2.0),
        (1, {}, 1.0),
        (3, {"num_channel": 4, "num_classes": 7}, 2.0),
    ):
        images = random_images(count, 1, IMAGE_SIZE, IMAGE_SIZE, rng)
        criteria.append(
            shape_criterion(
                f"logits of {called(name, arguments)} for images ({count}, 1, 56, 56)",
                (count, arguments.get("num_classes", 10)),
                lambda images=images, arguments=arguments: build(  # type: ignore[misc]
                    student, name, seed, **arguments
                ).forward(images),
                points,
            )
        )
    advice = "The last layer puts out num_classes logits for each image of the batch."
    return CheckResult(tuple(criteria), shape_advice(criteria, advice))


def _chain_value(image: Tensor, kernel: Tensor) -> Tensor:
    expected = run_chain(CHAIN, image, kernel)
    assert expected is not None, "the challenge's images are large enough for the chain"
    return expected.value
