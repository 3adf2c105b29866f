"""One way to get a reference wrong, its name, and what is said about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from autograder.checking.kit.running import Change, Edits, Step

Rebuild = Callable[[nn.Module], nn.Module]
"""From a layer to the one that stands in its place."""


@dataclass(frozen=True)
class Mutant:
    """A reference that is wrong in one way, or in several.

    Attributes:
        name: in the catalogue: "without-div".
        words: what completes "your function behaves as if ...".
        kind: which operator made it: a key of `LESSONS`.
        edits: how its run departs from the reference's.
        rebuilt: layers that are others: dotted name -> how to make them.
        instead: a function, or a class of modules, that stands in the reference's place.
        lesson: of the author's; "" for that of its kind.
        credit: share of the points that an answer with this mistake alone still gets.
    """

    name: str
    words: str
    kind: str
    edits: Edits = field(default_factory=Edits)
    rebuilt: tuple[tuple[str, Rebuild], ...] = ()
    instead: Callable[..., Any] | None = None
    lesson: str = ""
    credit: float = 0.0

    @property
    def given(self) -> bool:
        """Return whether the author made it."""
        return self.instead is not None

    @property
    def double(self) -> bool:
        """Return whether it is two mistakes at once."""
        return "+" in self.name

    @property
    def about(self) -> str:
        """Return what to teach about it."""
        return self.lesson or LESSONS.get(self.kind, "")


RIGHT = Mutant("", "", "")


def edited(
    step: Step, name: str, words: str, kind: str, change: Change, *more: tuple[Step, Change]
) -> Mutant:
    """Return the mutant in which a step, and perhaps others, compute something else."""
    changes = {step.site: change, **{other.site: their for other, their in more}}
    return Mutant(name, words, kind, Edits(changes))


def pair(a: Mutant, b: Mutant) -> Mutant | None:
    """Return both mistakes in one; None where they cannot stand together."""
    if a.given or b.given or a.edits.steps.keys() & b.edits.steps.keys():
        return None
    if {path for path, _ in a.rebuilt} & {path for path, _ in b.rebuilt}:
        return None
    if (a.edits.after and b.edits.after) or (a.edits.before and b.edits.before):
        return None
    edits = Edits(
        {**a.edits.steps, **b.edits.steps},
        a.edits.before + b.edits.before,
        a.edits.after + b.edits.after,
    )
    words = f"{a.words}, and as if {b.words}"
    return Mutant(f"{a.name}+{b.name}", words, a.kind, edits, a.rebuilt + b.rebuilt)


def labels(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Return of each step what it is called in names and in words: ("div-2", "the second ...").

    Several steps of one kind are numbered in the order in which they run.
    """
    names = [_PLAINER.get(step.op, step.op.strip("_")) for step in steps]
    count, seen = Counter(names), Counter[str]()
    found = []
    for step, op in zip(steps, names, strict=True):
        seen[op] += 1
        number = seen[op]
        phrase = PHRASES.get(op, f"`{op}`" if not step.layer else f"{step.op} layer")
        if count[op] > 1:
            ordinal = _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"
            found.append((f"{op}-{number}", f"the {ordinal} {phrase}"))
        else:
            found.append((op, f"the {phrase}"))
    return found


_PLAINER = {"__getitem__": "index", "__setitem__": "assignment"}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
PHRASES = {
    "add": "addition",
    "sub": "subtraction",
    "rsub": "subtraction",
    "mul": "multiplication",
    "div": "division",
    "rdiv": "division",
    "matmul": "matrix product",
    "pow": "power",
    "sqrt": "square root",
    "exp": "exponential",
    "log": "logarithm",
    "relu": "ReLU",
    "ReLU": "ReLU",
    "masked_fill": "mask",
    "var": "variance",
    "std": "standard deviation",
    "cat": "concatenation",
    "index": "index",
    "assignment": "assignment",
    "lt": "comparison",
    "le": "comparison",
    "gt": "comparison",
    "ge": "comparison",
}
LESSONS = {
    "left out": "Go through the steps of the exercise's text one by one: which line of yours does "
    "each of them? One has no line, or its line has no effect on what you return.",
    "axis": "Write the shape of each intermediate result as a comment beside its line. Which axis "
    "is the batch, which one does the exercise speak of?",
    "activation": "Which function does the exercise name here, and which do you use? Compare both "
    "on a few numbers, such as -2, 0 and 3.",
    "pooling": "Take a row of six numbers, and work out by hand what this step makes of it: which "
    "numbers meet in one window, and what is kept of them?",
    "convolution": "Kernel size, padding, stride and dilation decide how large the output is and "
    "what a pixel of it sees. Work out the size by hand, and compare it with what you get.",
    "bias": "Print the names and shapes of your layers' parameters. Which layers have a bias, and "
    "which should have one?",
    "cell": "Print the shapes of the layer's parameters: how many gates does it have, how many "
    "layers, which directions? Compare them with the exercise.",
    "mask": "Print the mask for a sequence of four. In which row and column does it let something "
    "through, and should it?",
    "order": "Two steps that follow each other stand the other way round. Try both orders on three "
    "numbers, one of them negative.",
    "added": "Something is done that the exercise does not ask for. What does your last line do, "
    "and who does that step later?",
    "argument": "Change one argument of your function at a time: does the result change as it "
    "should?",
    "constant": "Work out one small example on paper, with every number that the exercise gives.",
    "operator": "Work out one entry of the result on paper, and print yours beside it: is it too "
    "large, too small, or of the wrong sign?",
    "index": "Which position does the exercise ask for: the first, the last, all? Print the shape "
    "before and after.",
    "layers": "`for name, p in model.named_parameters(): print(name, tuple(p.shape))` shows what "
    "PyTorch has found. What one layer puts out, the next one takes in.",
    "in-place": "Operations that end in an underscore, `-=`, and assignments such as x[...] = ... "
    "change the tensor that was handed over. Whoever calls your function still needs it.",
    "unknown": "Take the smallest input there is, work out the answer on paper, and print what "
    "each of your lines makes of it.",
}
