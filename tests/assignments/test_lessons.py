"""Has every mistake that any check of any assignment can name something to learn about it?"""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

import autograder.assignments
from autograder.assignments.cnns.net.reference import LAYERS
from autograder.checking.assignments import find_module
from autograder.checking.lessons import lesson

FOLDER = Path(autograder.assignments.__file__).parent
ASSIGNMENTS = sorted(path.parent.name for path in FOLDER.glob("*/lessons.py"))
# What may stand between the braces of a name that is put together.
VALUES = {
    "layer": LAYERS,
    "part": LAYERS,
    "e.what": ("norm", "prelu"),
    "argument": ("num_channel", "num_classes"),
    "kind": ("conv", "fc"),
    "'missing' if have < want else 'extra'": ("missing", "extra"),
}
# Names that come out of a catalogue, which the assignment's own test goes through.
CATALOGUES = {"what", "name", "mistakes[0].name"}


def names_in(source: str) -> set[str]:
    """Return every name of a mistake that a module's code can give."""
    calls = [
        node.args[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Mistake"
    ]
    return set().union(*map(expanded, calls))


def expanded(name: ast.expr) -> set[str]:
    """Return the names that an expression stands for."""
    if isinstance(name, ast.Constant):
        return {name.value} - {""}
    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
    choices = []
    for part in parts:
        if isinstance(part, ast.Constant):
            choices.append([part.value])
            continue
        expression = ast.unparse(part.value if isinstance(part, ast.FormattedValue) else part)
        if expression in CATALOGUES:
            return set()
        choices.append(VALUES[expression])
    return {"".join(chosen) for chosen in itertools.product(*choices)}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_name_in_the_code_has_a_lesson(assignment):
    sources = [path.read_text("utf-8") for path in (FOLDER / assignment).rglob("*.py")]
    names = set().union(*map(names_in, sources))
    assert len(names) >= 10
    assert [name for name in sorted(names) if not lesson(assignment, name)] == []


def test_a_name_without_a_lesson_is_noticed():
    assert names_in('Mistake("new", "words"); Mistake(f"{layer}-odd", "words")') >= {
        "new",
        "conv1-odd",
    }
    assert lesson("cnns", "new") == lesson("mlp", "") == ""


def test_every_mistake_that_the_lab_of_mlp_can_name_has_a_lesson():
    lab = find_module("mlp", "checks").lab
    names = [m.name for e in lab.exercises.values() for m in e.catalogue.mutants]
    assert len(names) > 40
    assert [name for name in [*names, "layers", "unknown"] if not lesson("mlp", name)] == []
