"""Pure: the same answer as another student might have written it."""

from __future__ import annotations

import ast
import re
from random import Random

_WORDS = tuple(
    f"{what}{of}"
    for what in ("out", "h", "feat", "act", "map", "res", "tmp", "dense", "stage", "x")
    for of in ("", "_in", "_out", "s")
)
_REMARKS = ("# my answer", "# see the lecture", "# tidy up later", "# works", "# second try")
_TRIALS = (
    "print({})",
    "trial_{} = torch.rand({}, 1, 56, 56)",
    "sizes_{} = [n - 4 for n in range({})]",
    "assert {} > 0",
    "torch.manual_seed({})",
    "note_{} = 'tried {} channels'",
)


def variant(source: str, chance: Random) -> str:
    """Return the source with other names for what it binds, and a few lines of its own.

    Args:
        source: Python; names of classes, functions and their arguments stay.
        chance: decides.
    """
    lines = _renamed(source, chance).splitlines()
    for _ in range(chance.randrange(3)):
        lines.insert(0, chance.choice(_REMARKS))
    for _ in range(chance.randrange(1, 6)):
        lines.append(chance.choice(_TRIALS).replace("{}", str(chance.randrange(1, 1000))))
    return "\n".join(lines)


def _renamed(source: str, chance: Random) -> str:
    names = sorted(_bound(ast.parse(source)))
    taken = chance.sample(_WORDS, len(names))
    new = {
        name: f"{word}{chance.choice(('', '_', chance.randrange(9)))}"
        for name, word in zip(names, taken, strict=True)
    }
    # Not after "=" or inside another name: `padding=2` is somebody else's name.
    return re.sub(
        r"\b[A-Za-z_]\w*\b(?!\s*=[^=\s])", lambda found: new.get(found[0], found[0]), source
    )


def _bound(tree: ast.AST) -> set[str]:
    """Return the variables and attributes that the code assigns to."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
