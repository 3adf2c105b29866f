"""The mutants of a reference: made, tried, and sorted into what shows and what does not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from autograder.checking.challenge import derive_seed
from autograder.checking.kit.layer_operators import layer_mutants
from autograder.checking.kit.mutant import RIGHT, Mutant
from autograder.checking.kit.reference import Reference, Size, Subject
from autograder.checking.kit.running import Step
from autograder.checking.kit.step_operators import step_mutants
from autograder.checking.kit.values import distance, finite, leaves
from autograder.checking.kit.whole_operators import whole_mutants

SHOWS = 1e-3  # how far a mutant is from the reference, relative to it, where it counts as another
_SEEDS = 3  # tried of each size
_MAX_MUTANTS = 600


@dataclass(frozen=True)
class Saying:
    """What an author says of mistakes.

    Attributes:
        pattern: of their names.
        name: theirs from now on; a template for the pattern's groups. "" leaves it.
        words: what completes "your function behaves as if ..."; "" leaves the default's.
        lesson: what to teach; "" leaves the default's.
        credit: share of the points that an answer with this mistake alone still gets.
    """

    pattern: str
    name: str = ""
    words: str = ""
    lesson: str = ""
    credit: float = 0.0

    def said(self, mutant: Mutant) -> Mutant | None:
        """Return the mutant as the author wants it; None if this is not about it."""
        found = re.fullmatch(self.pattern, mutant.name)
        if found is None:
            return None
        return replace(
            mutant,
            name=found.expand(self.name) if self.name else mutant.name,
            words=found.expand(self.words) if self.words else mutant.words,
            lesson=self.lesson or mutant.lesson,
            credit=self.credit or mutant.credit,
        )


@dataclass(frozen=True)
class Catalogue:
    """What can be wrong with a reference.

    Attributes:
        mutants: those that compute other functions than the reference and each other, the author's
            first.
        equivalent: those that compute the reference's function.
        twins: those that compute the same as one of `mutants`, with its name.
        broken: those that run at no size.
        steps: how many steps were found in the reference.
        layers: site of each step -> the layer with weights that it belongs to, itself or the last
            one before it.
    """

    mutants: tuple[Mutant, ...]
    equivalent: tuple[Mutant, ...]
    twins: tuple[tuple[Mutant, str], ...]
    broken: tuple[Mutant, ...]
    steps: int
    layers: Mapping[Hashable, str] = field(default_factory=dict)

    @property
    def taken_apart(self) -> bool:
        """Return whether any mutant is one of the reference's own steps or layers."""
        every = (*self.mutants, *self.equivalent, *(mutant for mutant, _ in self.twins))
        return any(mutant.edits.steps or mutant.rebuilt for mutant in every)

    def right_share(self, mutant: Mutant) -> float:
        """Return which share of the layers is right, each with what follows it."""
        named = list(dict.fromkeys(layer for layer in self.layers.values() if layer))
        touched = {self.layers.get(site, "") for site in mutant.edits.steps}
        touched |= {path for path, _ in mutant.rebuilt}
        touched |= set(named[:1] if mutant.edits.before else [])
        touched |= set(named[-1:] if mutant.edits.after else [])
        if mutant.given or not named:
            return 0.0
        return sum(layer not in touched for layer in named) / len(named)


def make_catalogue(
    reference: Reference, given: Sequence[Mutant] = (), sayings: Sequence[Saying] = ()
) -> Catalogue:
    """Return the mutants of a reference.

    Args:
        reference: whose.
        given: made by the author.
        sayings: the author's, on mutants of the machine's.

    Raises:
        Exception: what the reference itself raises.
    """
    subjects = [reference.subject(size) for size in reference.sizes]
    steps = _record(reference, subjects)
    inputs = reference.inputs(reference.sizes[0], 0)
    names = reference.names(len(inputs))
    made = list(step_mutants(steps))
    made += whole_mutants(steps, inputs, names, module=reference.is_module)
    if reference.is_module:
        made += layer_mutants(subjects[0].module)
    unique: dict[str, Mutant] = {}
    for mutant in made:
        unique.setdefault(mutant.name, mutant)
    spoken = [(said(mutant, sayings), mutant) for mutant in unique.values()]
    spoken.sort(key=lambda both: both[0] is both[1])  # of twins, what the author speaks of is kept
    machine = [mutant for mutant, _ in spoken][:_MAX_MUTANTS]
    right = _outputs(reference, RIGHT, subjects)
    kept: list[tuple[Mutant, list[Any]]] = []
    equivalent, twins, broken = [], [], []
    for mutant in [*given, *machine]:
        found = _outputs(reference, mutant, subjects)
        if all(output is None for output in found) or not (mutant.given or _usable(found)):
            broken.append(mutant)
        elif _same(found, right):
            equivalent.append(mutant)
        elif twin := next((m.name for m, theirs in kept if _same(found, theirs)), ""):
            twins.append((mutant, twin))
        else:
            kept.append((mutant, found))
    found_ones = tuple(mutant for mutant, _ in kept)
    layers = _layers(steps, subjects[0]) if reference.is_module else {}
    return Catalogue(found_ones, tuple(equivalent), tuple(twins), tuple(broken), len(steps), layers)


def _layers(steps: Sequence[Step], subject: Subject) -> dict[Hashable, str]:
    """Return the layer with weights of each step's: itself, or the last one before it."""
    found, last = {}, ""
    for step in steps:
        if step.layer and any(True for _ in subject.module.get_submodule(step.layer).parameters()):
            last = step.layer
        found[step.site] = last
    return found


def run_safely(subject: Subject, *arguments: Any, **named: Any) -> Any:
    """Return what a mutant gives; None where it raises."""
    try:
        return subject.run(*arguments, **named)
    except Exception:  # whatever a changed step makes of the reference
        return None


def precision(mutant: Mutant) -> torch.dtype:
    """Return in which precision a mutant is run to see whether it shows."""
    return torch.float32 if mutant.given else torch.float64


def subject_of(reference: Reference, size: Size, mutant: Mutant, right: Subject) -> Subject | None:
    """Return a mutant ready to run, if it can with the right one's module; None: it cannot run."""
    if mutant.instead is None and not mutant.rebuilt and reference.is_module:
        return Subject(right.module, mutant, False)
    try:
        return reference.subject(size, mutant)
    except Exception:  # layers that do not fit together
        return None


def _record(reference: Reference, subjects: Sequence[Subject]) -> list[Step]:
    """Return the steps of the reference at all sizes, each once, in the order in which they run."""
    found: dict[Any, Step] = {}
    for size, subject in zip(reference.sizes, subjects, strict=True):
        steps: list[Step] = []
        subject.run(reference.inputs(size, 0), subject.random_state(0), record=steps)
        for step in steps:
            found.setdefault(step.site, step)
    return list(found.values())


def _outputs(reference: Reference, mutant: Mutant, right: Sequence[Subject]) -> list[Any]:
    """Return what a mutant gives at each size for several seeds, and the shapes of its weights.

    The author's run in float32: some of their mistakes show in nothing else.
    """
    dtype = precision(mutant)
    found: list[Any] = []
    shapes: list[Any] = []
    for size, whole in zip(reference.sizes, right, strict=True):
        subject = subject_of(reference, size, mutant, whole)
        if subject is None:
            found += [None] * _SEEDS
            continue
        shapes.append(sorted(tuple(t.shape) for t in subject.tensors().values()))
        for number in range(_SEEDS):
            seed = derive_seed("catalogue", number)
            inputs, state = reference.inputs(size, seed), subject.random_state(seed)
            found.append(run_safely(subject, inputs, state, dtype))
    return [*found, str(shapes)] if any(output is not None for output in found) else found


def _same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    for one, other in itertools.zip_longest(a, b):
        if one is None and other is None:
            continue
        if distance(one, other) > SHOWS / 2:
            return False
    return True


def _usable(outputs: Sequence[Any]) -> bool:
    """Return whether something is finite wherever there are real numbers."""
    for output in outputs:
        if output is None or finite(output):
            continue
        entries = [leaf.isfinite().double().flatten() for leaf in leaves(output) if _real(leaf)]
        if float(torch.cat(entries).sum()) == 0:
            return False
    return True


def _real(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.is_floating_point()


def said(mutant: Mutant, sayings: Sequence[Saying]) -> Mutant:
    """Return a mutant as the author wants it: by the first saying that is about it."""
    found: Iterator[Mutant | None] = (saying.said(mutant) for saying in sayings)
    return next((other for other in found if other is not None), mutant)
