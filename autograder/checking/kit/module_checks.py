"""The grade cells of a module: shapes of its outputs, its parameters, the function it computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autograder import StudentFault
from autograder.checking.challenge import derive_seed
from autograder.checking.check_result import CheckResult, Criterion, verdict
from autograder.checking.criteria import called, shape_advice
from autograder.checking.kit.asking import Network
from autograder.checking.kit.blocks import blocks_of, fits, plain
from autograder.checking.kit.challenge import Challenge, draw_challenge
from autograder.checking.kit.effect import Paired
from autograder.checking.kit.exercise import Exercise, sentence
from autograder.checking.kit.function_checks import AS_SPECIFIED, SHAPE_ADVICE, shape_criterion
from autograder.checking.kit.recognise import Asked, is_right, recognise
from autograder.checking.kit.reference import Subject
from autograder.checking.kit.values import described, same_form
from autograder.checking.student import ParameterInfo, StudentSide

_DRAWS = 3  # of equal values, by which parameters are paired


def shape(
    exercise: Exercise, points: Sequence[float], student: StudentSide, seed: int
) -> CheckResult:
    """Check the structure and the shapes of a module's output, at several sizes."""
    criteria, reference = [], exercise.reference
    for at, part in enumerate(points):
        size = reference.sizes[at]
        inputs = reference.inputs(size, derive_seed(seed, at))
        right = reference.subject(size)
        expected = right.run(inputs, right.random_state(seed))
        try:
            network = _build(exercise, student, at, seed)
            answer = network.run(inputs, training=reference.training)
        except StudentFault as fault:
            answer = fault
        built = called(exercise.name, reference.arguments(size))
        name = f"what {built} returns for {exercise.label(at, inputs)}"
        criteria.append(shape_criterion(name, expected, answer, part))
    return CheckResult(tuple(criteria), shape_advice(criteria, SHAPE_ADVICE))


def parameters(
    exercise: Exercise, points: Sequence[float], student: StudentSide, seed: int
) -> CheckResult:
    """Check the parameters of a module layer by layer, however they are named or cut up."""
    network = _build(exercise, student, 0, seed)
    right = exercise.reference.subject(exercise.reference.sizes[0])
    wanted = _by_layer(right)
    whole = _fit(right, network.parameters)
    left = Counter(_either_way(p.shape) for p in network.parameters)
    criteria = []
    for part, (layer, shapes) in zip(points[:-1], wanted.items(), strict=True):
        needed = Counter(map(_either_way, shapes))
        there = whole or needed <= left
        left -= needed if there else Counter()
        shown = ", ".join(map(str, shapes))
        got = shown if there else "none of these that is left"
        criteria.append(verdict(f"parameters of {layer}", shown, got, there, part))
    others = 0 if whole else left.total()
    name, got = "parameters besides", f"{others} tensors" if others else "none"
    criteria.append(verdict(name, "none", got, not others, points[-1]))
    lost = any(criterion.earned < criterion.points for criterion in criteria)
    if not lost:
        return CheckResult(tuple(criteria))
    mistake = exercise.special("layers", _shapes_differ(right, network.parameters))
    return CheckResult(tuple(criteria), mistake.words, (mistake.name,))


def parameter_parts(exercise: Exercise) -> int:
    """Return how many things `parameters` looks at: each layer, and that there is nothing else."""
    return len(_by_layer(exercise.reference.subject(exercise.reference.sizes[0]))) + 1


def function(
    exercise: Exercise, points: Sequence[float], student: StudentSide, seed: int
) -> CheckResult:
    """Check whether a module computes the specified function, however it is written."""
    reference, mutants = exercise.reference, exercise.catalogue.mutants
    asked = []
    for at in range(len(points)):
        challenge = draw_challenge(reference, mutants, reference.sizes[at], derive_seed(seed, at))
        asked.append(_ask(exercise, challenge, student, at, seed))
    right = [_is_right(one) for one in asked]
    faults = [str(one.failed) for one in asked if one.failed is not None]
    if all(right):
        return CheckResult(tuple(_computed(exercise, asked, right, points, "", 0.0)))
    advice, names, words, credit = _explained(exercise, asked, right)
    criteria = _computed(exercise, asked, right, points, words, credit)
    return CheckResult(tuple(criteria), advice or "".join(faults[:1]), names)


def _computed(
    exercise: Exercise,
    asked: Sequence[Asked],
    right: Sequence[bool],
    points: Sequence[float],
    words: str,
    credit: float,
) -> list[Criterion]:
    """Return what a module computes at each size, in words and in points."""
    criteria = []
    for one, good, part in zip(asked, right, points, strict=True):
        arguments = exercise.reference.arguments(one.challenge.size)
        name = f"what {called(exercise.name, arguments)} computes"
        got = AS_SPECIFIED if good else str(one.failed) if one.failed is not None else words
        earned = part if good else 0.0 if one.failed is not None else round(part * credit, 2)
        criteria.append(Criterion(name, AS_SPECIFIED, got, earned, part))
    return criteria


def _explained(
    exercise: Exercise, asked: Sequence[Asked], right: Sequence[bool]
) -> tuple[str, tuple[str, ...], str, float]:
    """Return advice, names, what was got, and the share of the points that is left."""
    wrong = [one for one, good in zip(asked, right, strict=True) if not good]
    if all(one.silent for one in wrong):
        return "", (), AS_SPECIFIED, 0.0
    try:
        found = recognise(exercise.reference, exercise.catalogue.mutants, asked)
    except StudentFault as fault:
        return str(fault), (), str(fault), 0.0
    if found is not None:
        share = exercise.catalogue.right_share(found) if exercise.by_layer else 0.0
        advice = sentence(found.words, "network")
        return advice, exercise.named(found), advice, max(found.credit, share)
    odd = next((one for one in wrong if one.paired and not _fits_right(one)), None)
    if odd is not None:
        words = _shapes_differ(odd.challenge.right, odd.paired[0].parameters)
        mistake = exercise.special("layers", words)
        return mistake.words, (mistake.name,), "other layers", 0.0
    form = next((o for o in wrong if not same_form(o.given, o.challenge.rounds[0].expected)), None)
    if form is not None:
        got, expected = described(form.given), described(form.challenge.rounds[0].single)
        mistake = exercise.special("unknown", f"It returns {got}, expected {expected}.")
        return mistake.words, (mistake.name,), got, 0.0
    words = (
        "It has the right layers, but computes something else. Go through the exercise's steps: "
    )
    words += "does forward do these, in this order, and nothing else?"
    mistake = exercise.special("unknown", words)
    return mistake.words, (mistake.name,), "another function", 0.0


def _ask(
    exercise: Exercise, challenge: Challenge, student: StudentSide, at: int, seed: int
) -> Asked:
    """Return the student's network at one size, ready to be paired with the reference."""
    one, training = Asked(challenge), exercise.reference.training
    inputs = challenge.rounds[0].inputs
    try:
        network = _build(exercise, student, at, seed)
        one.given = network.run(inputs, training=training)
        buffers = network.buffers()
        one.paired = [
            Paired(network, buffers, inputs, derive_seed(seed, "tied", number), training)
            for number in range(_DRAWS)
        ]
    except StudentFault as fault:
        one.failed = fault
    return one


def _is_right(one: Asked) -> bool:
    try:
        return is_right(one)
    except StudentFault as fault:
        one.failed = fault
        return False


def _build(exercise: Exercise, student: StudentSide, at: int, seed: int) -> Network:
    size = exercise.reference.sizes[at]
    sample = exercise.reference.inputs(size, derive_seed(seed, "sample"))
    arguments = exercise.reference.arguments(size)
    return Network(student, exercise.name, arguments, derive_seed(seed, "build"), sample)


def _fits_right(one: Asked) -> bool:
    return bool(one.paired[0].fits(one.challenge.right))


def _fit(right: Subject, theirs: Sequence[ParameterInfo]) -> bool:
    shapes = {p.name: p.shape for p in theirs}
    kinds = {p.name: p.kind for p in theirs}
    return next(fits(blocks_of(right.module), shapes, kinds), None) is not None


def _by_layer(right: Subject) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes of each layer's parameters, by what the layer is called in a verdict."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for name, parameter in right.module.named_parameters():
        owner = name.rpartition(".")[0]
        found.setdefault(owner, []).append(tuple(parameter.shape))
    return {f"layer {number + 1}": shapes for number, shapes in enumerate(found.values())}


def _either_way(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape that is the same for a matrix and for the transposed one."""
    return tuple(sorted(plain(shape))) if len(plain(shape)) == 2 else plain(shape)


def _shapes_differ(right: Subject, theirs: Sequence[ParameterInfo]) -> str:
    expected = ", ".join(str(tuple(p.shape)) for p in right.module.parameters()) or "none"
    got = ", ".join(str(parameter.shape) for parameter in theirs) or "none"
    return f"Expected parameters of these shapes: {expected}; got these: {got}."
