"""docs/kit.md: what an author can write, from the docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.checking.kit import Draw, Lab
from autograder.checking.kit.mutant import LESSONS

PAGE = Path("docs/kit.md")
_HEAD = """# The kit

Made by `python -m autograder.maintain.kit` from the docstrings. [Add an
exercise](add-an-exercise.md) shows how these are used; [mutants](mutants.md) counts what is made of
right answers.

```python
from autograder.checking.kit import Lab
```
"""
_SECTIONS = {"Args": "argument", "Attributes": "attribute"}
_METHODS = ("function", "module", "trained", "family", "say", "mistake", "right", "wrong")
_DRAWS = ("normal", "uniform", "integers", "booleans")
_KINDS = """
## What is made of a right answer

The reference is run, and each call of PyTorch's in it is a step; so is each layer of PyTorch's.
Mutants change a step, a layer, the arguments or the end. Their kinds, and what students are taught
about each if you say nothing else:
"""


def page() -> str:
    """Return the page."""
    parts = [_HEAD, _described("Lab(name)", Lab, 2)]
    parts += [_method("lab", getattr(Lab, name)) for name in _METHODS]
    parts += [_described("draw", Draw, 2)]
    parts += [_method("draw", getattr(Draw, name)) for name in _DRAWS]
    rows = [f"| {kind} | {words} |" for kind, words in LESSONS.items()]
    parts += [_KINDS, "\n".join(["| kind | lesson |", "|---|---|", *rows])]
    return "\n".join(parts) + "\n"


def _method(owner: str, method: Callable[..., Any]) -> str:
    shown = [str(p).split(":")[0] + _default(p) for p in _parameters(method)]
    return _described(f"{owner}.{method.__name__}({', '.join(shown)})", method, 3)


def _parameters(method: Callable[..., Any]) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(method).parameters.values() if p.name != "self"]


def _default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is parameter.empty else f"={parameter.default!r}"


def _described(title: str, thing: Any, level: int) -> str:
    """Return a heading, and a docstring of Google's style as Markdown."""
    lines = [f"\n{'#' * level} `{title}`\n"]
    for block in re.split(r"\n\n", inspect.getdoc(thing) or ""):
        section = re.match(r"(\w+):\n", block)
        if section is None or section[1] not in _SECTIONS:
            lines.append(block.strip() + "\n")
            continue
        lines += [f"| {_SECTIONS[section[1]]} | |", "|---|---|"]
        for entry in re.split(r"\n {4}(?=\S)", block[section.end() - 1 :]):
            if name := re.match(r"(\w+): ", entry):
                words = " ".join(entry[name.end() :].split()).replace("|", "\\|")
                lines.append(f"| `{name[1]}` | {words} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
