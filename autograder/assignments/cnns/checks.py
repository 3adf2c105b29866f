"""The checks of the assignment `cnns`: one function a grade cell, named after its `grade_id`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from autograder.assignments.cnns import made_class
from autograder.assignments.cnns.chain import check as chain_check
from autograder.assignments.cnns.chain.reference import random_kernel, right_answer
from autograder.assignments.cnns.improved import check as improved_check
from autograder.assignments.cnns.improved.training_runs import EXERCISE, found
from autograder.assignments.cnns.net import check as net_check
from autograder.assignments.cnns.net.reference import net_spec, parameter_count
from autograder.assignments.cnns.networks import build
from autograder.checking.challenge import generator, random_images
from autograder.checking.check_result import CheckResult, verdict
from autograder.checking.checks import scored
from autograder.checking.criteria import called, shape_advice, shape_criterion
from autograder.checking.student import StudentFault, StudentSide, call
from autograder.checking.trained.runs import numbers_in
from course_utils.training import IMAGE_SIZE

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
        expected = tuple(right_answer(image, kernel).value.shape)
        criteria.append(
            shape_criterion(
                f"output shape for an image (3, {height}, {width})",
                expected,
                lambda: call(student, "conv_pool_conv", image, kernel)[0],  # noqa: B023 - at once
                points,
                also=(expected[1:], (1, *expected)),  # the same numbers
            )
        )
    advice = "Each 3x3 convolution without padding takes 2 pixels off height and width; the "
    advice += "pooling halves what is left, rounded down."
    return CheckResult(tuple(criteria), shape_advice(criteria, advice))


def _network_shape(name: str, student: StudentSide, seed: int) -> CheckResult:
    """Check the output shape of a network for several batches, channels and classes."""
    rng = generator(seed)
    criteria = []
    for points, count, arguments in (
        (2.0, 4, {}),
        (1.0, 1, {}),
        (2.0, 3, {"num_channel": 4, "num_classes": 7}),
    ):
        images = random_images(count, 1, IMAGE_SIZE, IMAGE_SIZE, rng)
        criterion = shape_criterion(
            f"logits of {called(name, arguments)} for images ({count}, 1, 56, 56)",
            (count, arguments.get("num_classes", 10)),
            lambda: build(student, name, seed, **arguments).forward(images),  # noqa: B023 - at once
            points,
        )
        criteria.append(criterion)
    advice = "The last layer puts out num_classes logits for each image of the batch."
    return CheckResult(tuple(criteria), shape_advice(criteria, advice))


net_shape = scored(5)(partial(_network_shape, "Net"))
improved_shape = scored(5)(partial(_network_shape, "ImprovedNet"))


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
            held = max(held, *(run.carried for run in found(student, seed).measured.runs))
    got = f"{count:,}" if held < limit else f"{held:,}, buffers included"
    passed = count > 0 and held < limit
    criterion = verdict("parameters in all", f"fewer than {limit:,}", got, passed, 5.0)
    sizes = {name: tensor.numel() for name, tensor in state.items() if tensor.is_floating_point()}
    advice = "Your network has no parameters, so it cannot learn: are its layers attributes?"
    if sizes:
        largest, most = max(sizes.items(), key=lambda item: item[1])
        advice = f"`{largest}` holds most, {most:,} of its numbers: does your idea still need it?"
    figures = {"parameters": float(count)}
    return CheckResult((criterion,), "" if passed else advice, figures=figures)


def honest() -> Mapping[str, Any]:
    """Return the variables of a student who has everything right."""
    imports = "import torch\nimport torch.nn.functional as F\nfrom torch import nn"
    variables: dict[str, Any] = {}
    exec("\n".join((imports, made_class.CHAIN, made_class.NET, made_class.IMPROVED)), variables)
    return variables
