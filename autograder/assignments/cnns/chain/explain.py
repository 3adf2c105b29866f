"""Which steps of a wrong chain are right, and what is said of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from autograder.assignments.cnns.chain.asking import CONV_POOL_CONV, SEED, unbatched
from autograder.assignments.cnns.chain.mistakes import chain_mistakes, single_mistakes
from autograder.assignments.cnns.chain.reference import (
    CHAIN,
    KERNELS,
    RESCALES,
    ChainSpec,
    conv_pool_conv,
    convolution,
    of_colours,
    random_kernel,
)
from autograder.assignments.cnns.steps import IMAGES, POOLS
from autograder.checking.activations import ACTIVATIONS
from autograder.checking.challenge import random_images
from autograder.checking.kit.judge_steps import Departure, Expected, Reading, read
from autograder.checking.kit.run_seen import RunSeen, difference, is_same
from autograder.checking.kit.step_graph import END, graph_of
from autograder.checking.kit.step_mistakes import Evidence, mistakes_in
from autograder.checking.mistakes import Mistake
from autograder.checking.student import StudentFault, StudentSide, steps_of

_FIRST, _POOL, _SECOND = "conv2d-1", "max_pool2d", "conv2d-2"
_SHAPE = (1, 13, 13)  # of the right answer for images of 32x32
_MOST = 2  # mistakes that leave something to explain

_GIVEN = "the kernel as it comes in"
_UNLISTED = {  # what comes from where, and goes where: a name, what it is, and what it should be
    ("image", _FIRST): ("chain-input", "the first convolution gets", "the image as it comes in"),
    ("kernel", _FIRST): ("chain-other-kernel", "the first convolution uses as kernel", _GIVEN),
    ("", _FIRST): ("chain-first", "the first convolution gives", "right"),
    (_FIRST, _POOL): ("chain-between", "the pooling gets", "what the first convolution gives"),
    ("", _POOL): ("chain-pool", "the pooling gives", "the largest value of every 2x2 block"),
    (_POOL, _SECOND): ("chain-between", "the second convolution gets", "what the pooling gives"),
    ("kernel", _SECOND): ("chain-other-kernel", "the second convolution uses as kernel", _GIVEN),
    ("", _SECOND): ("chain-second", "the second convolution gives", "right"),
    (_SECOND, END): ("chain-rescale", "you return", "what the second convolution gives"),
}
_BOTH = "the convolutions use as kernel"
HOW = {  # a tensor differs from the right one
    "factor": "All numbers are multiplied by the same factor.",
    "shift": "The same number is added to every value.",
    "order": "The numbers are right, but they stand in other places.",
}
_LOOK = {
    _FIRST: "Look at its padding, stride and dilation, and at what becomes of the three colours.",
    _POOL: "Look at its kind, its window, its stride and its padding.",
    _SECOND: "Look at its padding, stride and dilation.",
}
_CHANGED = "Look for what changes it on the way."
_ALL_ELSE = "All else is right."


def explain(student: StudentSide, rng: torch.Generator) -> tuple[tuple[Mistake, ...], int] | None:
    """Return the mistakes of a wrong chain, and how many they are, one or two.

    Those of the catalogue come first, then what is known of steps that it lacks. None of a function
    with more of them, or that is no chain.

    Args:
        student: whose.
        rng: draws the questions.
    """
    images, kernel = random_images(2, 3, 32, 32, rng), 3 * random_kernel(rng)
    for asked in (kernel, kernel.abs()):  # with one, nothing is negative: roots give numbers
        try:
            runs = [
                _run(student, images[0], asked),
                _run(student, images[1], asked),
                _run(student, images[0], random_kernel(rng)),
            ]
        except StudentFault:
            return None
        if runs[0].output.isfinite().float().mean() > 0.5:
            break
    graph = graph_of(conv_pool_conv, ["image", "kernel"], [images[0], asked])
    assert graph is not None, "the reference returns a tensor"
    reading = read(graph, runs[0], _expected())
    others = dict(zip(graph.inputs, runs[1:], strict=True))
    departures = _without_colours(mistakes_in(Evidence(graph, reading, runs[0], others)))
    count = len(departures) - _is_same_in_both(departures)
    return (tuple(_mistakes(departures, reading)), count) if 0 < count <= _MOST else None


def _run(student: StudentSide, image: Tensor, kernel: Tensor) -> RunSeen:
    seen, returned = steps_of(student, CONV_POOL_CONV, image, kernel, seed=SEED)
    return RunSeen(seen, unbatched(returned.likeliest(_SHAPE)))


def _is_same_in_both(departures: Sequence[Departure]) -> bool:
    """Return whether both convolutions are wrong in the same way: that is one mistake."""
    pairs = asdict(_spec([d.says or {} for d in departures]))
    usual = asdict(CHAIN)
    return any(v != usual[n] and isinstance(v, tuple) and v[0] == v[1] for n, v in pairs.items())


def _mistakes(departures: Sequence[Departure], reading: Reading) -> list[Mistake]:
    """Return what departures are called."""
    listed = [departure.says for departure in departures if departure.says]
    unlisted = [departure for departure in departures if not departure.says]
    first = next((d for d in departures if (d.source, d.at) == ("kernel", _FIRST)), None)
    both = first is not None and _second_takes_it_too(first, reading)
    if both and first and first.says:
        listed.append({"kernels": ("none", first.says["kernels"][0])})
    alone = len(departures) == 1
    found = [_unlisted(departure, reading, alone, both) for departure in unlisted]
    if alone and found:
        found = [replace(found[0], words=f"{found[0].words} {_ALL_ELSE}")]
    return [*chain_mistakes(_spec(listed)), *found]


def _second_takes_it_too(first: Departure, reading: Reading) -> bool:
    """Return whether the kernel that the first convolution takes is the second one's too."""
    second = reading.taken.get(("kernel", _SECOND))
    return bool(first.taken and second and is_same(first.taken.value[:, :1], second.value))


def _unlisted(departure: Departure, reading: Reading, alone: bool, both: bool) -> Mistake:
    """Return what to say of a departure that the catalogue lacks.

    Args:
        departure: which.
        reading: of the run.
        alone: whether it is the only one.
        both: whether the first convolution's other kernel is the second one's too.
    """
    name, what, wanted = _UNLISTED[departure.source, departure.at]
    if both and (departure.source, departure.at) == ("kernel", _FIRST):
        what = _BOTH
    words = f"What {what} is not {wanted}."
    how, got, want = _how_it_differs(departure, reading)
    if how == "shift" and departure.source not in ("image", "kernel"):
        return Mistake("chain-bias", f"{words} {HOW[how]} Is it a bias?")
    if how == "factor" and departure.source != "image":
        name = "chain-rescale"
    if how == "shape" and (alone or departure.taken):
        other = f"{wanted} has" if departure.taken else "should have"
        shapes = f"what {what} has the shape {tuple(got.shape)}, and {other} {tuple(want.shape)}"
        return Mistake(name, f"{words} For an image of 32x32, {shapes}.")
    look = _CHANGED if departure.taken else _LOOK[departure.at]
    return Mistake(name, f"{words} {HOW.get(how, look)}")


def _how_it_differs(departure: Departure, reading: Reading) -> tuple[str, Tensor, Tensor]:
    """Return how what goes wrong differs from what it should be, and both.

    What another step gives is what it should be, right or not.
    """
    taken = departure.taken or reading.leaving(departure.at)
    if taken is None:
        return "", torch.empty(0), torch.empty(0)
    got, want = taken.value, taken.edge.right
    if departure.taken:
        want = next(reading.carried(taken.edge), want)
        return difference(got, want), got, want
    how = "shift" if departure.shifted else "shape" if got.shape != want.shape else ""
    return how, got, want


def _without_colours(departures: Sequence[Departure]) -> list[Departure]:
    """Return departures without those that follow from another number of colours."""
    by_edge = {(d.source, d.at): d for d in departures}
    image, follows = by_edge.get(("image", _FIRST)), None
    colours = next((d for d in departures if d.at == _FIRST and "channels" in (d.says or {})), None)
    if colours:  # an image of one colour is used as such, colours apart are put together later
        grey = image and image.taken and len(image.taken.value) == 1
        follows = colours if grey else by_edge.get((_POOL, _SECOND))
    return [departure for departure in departures if departure is not follows]


def _spec(changes: Sequence[Mapping[str, Any]]) -> ChainSpec:
    """Return the chain with changes; of pairs, those of the one convolution and of the other."""
    spec = CHAIN
    for name, value in [change for some in changes for change in some.items()]:
        if isinstance(value, tuple):
            sides = zip(value, getattr(CHAIN, name), getattr(spec, name), strict=True)
            value = tuple(before if new == usual else new for new, usual, before in sides)
        spec = replace(spec, **{name: value})
    return spec


@cache
def _expected() -> tuple[Expected, ...]:
    """Return the catalogue's mistakes, each where it shows."""
    return (*_wrong_steps(), *_changed_on_the_way())


def _wrong_steps() -> Iterator[Expected]:
    usual = asdict(CHAIN)
    for which, step in enumerate((_FIRST, _SECOND)):
        for spec in single_mistakes():
            changes = {name: v for name, v in asdict(spec).items() if v != usual[name]}
            geometry = changes.keys() <= {"paddings", "strides", "dilations"}
            its = geometry and all(v[1 - which] == usual[name][0] for name, v in changes.items())
            if its or changes.keys() == {"channels"}:
                yield Expected(step, partial(_convolved, spec, which), changes)
        full = [("turned", 2) if at == which else ("none", 0) for at in range(2)]
        changes = dict(zip(("kernels", "paddings"), zip(*full, strict=True), strict=True))
        yield Expected(step, partial(_convolved, replace(CHAIN, **changes), which), changes)
    for name, pool in POOLS.items():
        if name not in ("none", CHAIN.pool):
            yield Expected(_POOL, pool, {"pool": name})
    for step, left in ((_FIRST, "pc"), (_POOL, "cc"), (_SECOND, "cp")):
        yield Expected(step, lambda x, *kernel: x, {"order": left}, passes=True)


def _convolved(spec: ChainSpec, which: int, x: Tensor, kernel: Tensor) -> Tensor:
    x = of_colours(spec.channels, x) if which == 0 else x
    return convolution(spec, which, x, kernel.expand(-1, 3, -1, -1))


def _changed_on_the_way() -> Iterator[Expected]:
    for name, change in IMAGES.items():
        yield Expected(f"image>{_FIRST}", change, {"image": name})
    for name, change in KERNELS.items():
        yield Expected(f"kernel>{_FIRST}", change, {"kernels": (name, "none")})
        yield Expected(f"kernel>{_SECOND}", change, {"kernels": ("none", name)})
    yield Expected(f"kernel>{_SECOND}", lambda kernel: 3 * kernel, {"second_kernel": "sum"})
    for name in ("relu", "sigmoid", "tanh", "abs"):
        change = ACTIVATIONS[name]
        yield Expected(f"{_FIRST}>{_POOL}", change, {"between": name})
        if name != "abs":  # the others may come before the pooling or after it
            yield Expected(f"{_POOL}>{_SECOND}", change, {"between": name})
    for name, change in RESCALES.items():
        yield Expected(f"{_SECOND}>{END}", change, {"rescale": name})
