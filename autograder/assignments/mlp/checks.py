"""The checks of the assignment `mlp`: one function a grade cell, named after its `grade_id`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.assignments.mlp import answers
from autograder.checking.challenge import generator, random_images, random_state
from autograder.checking.check_result import CheckResult, Criterion, verdict
from autograder.checking.checks import scored
from autograder.checking.criteria import alike, called, shape_advice, shape_criterion
from autograder.checking.mistakes import Mistake, names
from autograder.checking.pairing import pairings
from autograder.checking.student import Model, StudentFault, StudentSide, call

PIXELS = 56 * 56

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "none": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "leaky_relu": F.leaky_relu,
}
_FINALS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "softmax": lambda x: x.softmax(dim=1),
    "log_softmax": lambda x: x.log_softmax(dim=1),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}


@scored(5)
def mlp_shape(student: StudentSide, seed: int) -> CheckResult:
    """Check the shape of the logits of `MLP` for several batches, hidden sizes and classes."""
    rng = generator(seed)
    criteria = [
        shape_criterion(
            f"logits of {called('MLP', arguments)} for images ({count}, 1, 56, 56)",
            (count, arguments.get("num_classes", 10)),
            partial(_logits, student, seed, _images(count, rng), arguments),
            points,
        )
        for count, arguments, points in (
            (4, {}, 2.0),
            (1, {}, 1.0),
            (3, {"num_hidden": 7, "num_classes": 4}, 2.0),
        )
    ]
    advice = shape_advice(criteria, "One row for each image, one column for each class.")
    return CheckResult(tuple(criteria), advice)


@scored(20)
def mlp_function(student: StudentSide, seed: int) -> CheckResult:
    """Check whether `MLP` computes the specified function, however it is written."""
    criteria: list[Criterion] = []
    mistakes: list[Mistake] = []
    for arguments, points in (({}, 15.0), ({"num_hidden": 9, "num_classes": 6}, 5.0)):
        mistake = _recognise(student, seed, arguments)
        mistakes += [mistake] if mistake else []
        got = mistake.words if mistake else "as specified"
        name = f"what {called('MLP', arguments)} computes"
        criteria.append(verdict(name, "as specified", got, mistake is None, points))
    advice = mistakes[0].words if mistakes else ""
    return CheckResult(tuple(criteria), advice, names(mistakes[:1]))


@scored(20)
def training_step(student: StudentSide, seed: int) -> CheckResult:
    """Check whether `training_step` does one step of gradient descent."""
    rng = generator(seed)
    small, other = _batch(16, 20, 5, rng), _batch(9, 33, 3, rng)
    large = {**small, "images": small["images"] * 300}
    output, after = _step(student, small)
    first = _values("the new weights", small, output, 8.0)
    untouched = first.earned > 0 and all(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(after, small.values(), strict=True)
    )
    criteria = (
        first,
        _values("the same for other sizes", other, _step(student, other)[0], 6.0),
        _values("the same for large logits", large, _step(student, large)[0], 3.0),
        verdict(
            "the right answer, and the arguments stay as they were",
            "yes",
            "yes" if untouched else "no",
            untouched,
            3.0,
        ),
    )
    if all(criterion.earned == criterion.points for criterion in criteria):
        return CheckResult(criteria)
    mistake = _name_step(small, output, criteria)
    return CheckResult(criteria, mistake.words, names([mistake]))


def honest() -> Mapping[str, Any]:
    """Return the variables of a student who has everything right."""
    return {"MLP": answers.MLP, "training_step": answers.training_step}


def _images(count: int, rng: torch.Generator) -> Tensor:
    return random_images(count, 1, 56, 56, rng)


def _build(student: StudentSide, seed: int, arguments: Mapping[str, int]) -> Model:
    return Model(student, "MLP", arguments, seed=seed, sample=torch.zeros(2, 1, 56, 56))


def _logits(
    student: StudentSide, seed: int, images: Tensor, arguments: Mapping[str, int]
) -> Tensor:
    return _build(student, seed, arguments).forward(images)


def _recognise(student: StudentSide, seed: int, arguments: Mapping[str, int]) -> Mistake | None:
    """Return the mistake of `MLP(**arguments)`; None if it is right."""
    hidden, classes = arguments.get("num_hidden", 32), arguments.get("num_classes", 10)
    shapes: dict[str, tuple[int, ...]] = {
        "fc1.weight": (hidden, PIXELS),
        "fc1.bias": (hidden,),
        "fc2.weight": (classes, hidden),
        "fc2.bias": (classes,),
    }
    rng = generator(seed)
    images, state = _images(5, rng), random_state(shapes, rng)
    try:
        model = _build(student, seed, arguments)
        ways = pairings(shapes, model.parameters)
        if not ways:
            got = ", ".join(str(parameter.shape) for parameter in model.parameters)
            return Mistake(
                "layers",
                f"Expected two fully connected layers with biases, {PIXELS} to {hidden} to "
                f"{classes}; got parameters of these shapes: {got or 'none'}.",
            )
        answers = []
        for way in ways:
            model.load({slot.parameter.name: slot.fit(state[k]) for k, slot in way.items()})
            answers.append(model.forward(images))
    except StudentFault as fault:
        return Mistake("", str(fault))
    for activation, between in _ACTIVATIONS.items():
        inner = between(F.linear(images.flatten(1), state["fc1.weight"], state["fc1.bias"]))
        logits = F.linear(inner, state["fc2.weight"], state["fc2.bias"])
        for final, last in _FINALS.items():
            if any(alike(answer, last(logits)) for answer in answers):
                return _name_network(activation, final)
    return Mistake(
        "unknown",
        "It has the right layers, but computes something else. Flatten, first layer, ReLU, second "
        "layer: does forward do these four, in this order, and nothing else?",
    )


def _name_network(activation: str, final: str) -> Mistake | None:
    if activation == "none":
        return Mistake(
            "missing-relu",
            "Your network behaves as if the ReLU were missing. Two linear layers without anything "
            "between them are one linear layer.",
        )
    if activation != "relu":
        words = f"Your network behaves as if a {activation} stood in place of the ReLU."
        return Mistake(activation, words)
    if final != "none":
        words = f"Your network behaves as if there were a {final} at its end."
        return Mistake(f"extra-{final}", f"{words} The loss expects raw logits.")
    return None


def _batch(count: int, features: int, classes: int, rng: torch.Generator) -> dict[str, Tensor]:
    """Return the arguments of `training_step`, in their order."""
    return {
        "weight": torch.randn(classes, features, generator=rng) / features**0.5,
        "images": torch.rand(count, features, generator=rng),
        "labels": torch.randint(classes, (count,), generator=rng),
        "learning_rate": torch.tensor(0.5),
    }


def _step(student: StudentSide, batch: Mapping[str, Tensor]) -> tuple[Tensor | str, list[Tensor]]:
    """Return the student's new weights, or why there are none; and its arguments as it left."""
    try:
        return call(student, "training_step", *batch.values())
    except StudentFault as fault:
        return str(fault), [tensor.clone() for tensor in batch.values()]


def _expected(batch: Mapping[str, Tensor], wrong: str = "") -> Tensor:
    """Return the weights after one step in float64, or what a certain mistake makes of them."""
    weight, images = batch["weight"].double(), batch["images"].double()
    logits = images @ weight.T
    one_hot = F.one_hot(batch["labels"], len(weight)).double()
    probabilities = logits if wrong == "no-softmax" else logits.softmax(dim=1)
    error = probabilities - (0 if wrong == "no-labels" else one_hot)
    gradient = error.T @ images / (1 if wrong == "sum" else len(images))
    if wrong == "mean-of-all":
        gradient = gradient / len(weight)
    sign = -1 if wrong == "uphill" else 1
    return weight - sign * batch["learning_rate"].double() * gradient


def _values(
    name: str, batch: Mapping[str, Tensor], output: Tensor | str, points: float
) -> Criterion:
    if isinstance(output, str):
        return verdict(name, "as specified", output, False, points)
    expected = _expected(batch)
    if output.shape != expected.shape:
        want, have = tuple(expected.shape), tuple(output.shape)
        return verdict(name, f"shape {want}", f"shape {have}", False, points)
    right = alike(output, expected)
    return verdict(name, "as specified", "as specified" if right else "other values", right, points)


_STEP_WORDS = {
    "sum": "the gradients of the images were summed up, not averaged: what would a batch twice as "
    "large do to the size of your step?",
    "mean-of-all": "the gradient were divided by the number of classes too.",
    "uphill": "the step went uphill: the gradient points to where the loss grows.",
    "no-softmax": "the logits stood in place of the probabilities.",
    "no-labels": "the labels did not matter. What is the error when the label has probability 1?",
}


def _name_step(
    batch: Mapping[str, Tensor], output: Tensor | str, criteria: tuple[Criterion, ...]
) -> Mistake:
    if isinstance(output, str):
        return Mistake("", output)
    for wrong, words in _STEP_WORDS.items():
        if alike(output, _expected(batch, wrong)):
            return Mistake(f"step-{wrong}", f"Your function behaves as if {words}")
    if criteria[0].earned and not criteria[2].earned:
        return Mistake(
            "step-overflow",
            "Right for small logits, but not for large ones: exp(1000) is infinite. What happens "
            "to a softmax if the same number is taken from all logits?",
        )
    if criteria[0].earned and not criteria[3].earned:
        return Mistake("step-in-place", "Your function changes its arguments; make a new tensor.")
    return Mistake(
        "",
        "The new weights differ from the specification's. Take one image and two classes, and "
        "work out the step on paper.",
    )
