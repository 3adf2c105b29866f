"""What a hand-in's kernel gets to see of its code, and what challenges are drawn from."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import tokenize
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

_CELLS = 256  # some notebooks': most cells of a class are the release's own, alike in all


@lru_cache(_CELLS)  # asked for the fingerprint, by the kernel, and by the second kernel
def without_comments(source: str) -> str:
    """Return the source of a cell without its comments, line by line where it was.

    A cell that is not plain Python (magics, shell commands) is left as it is.
    """
    try:
        tree = ast.parse(source)
        lines = io.StringIO(source).readlines()
        for token in tokenize.generate_tokens(iter(list(lines)).__next__):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                line = lines[row - 1]
                end = line[len(line.rstrip("\r\n")) :]
                lines[row - 1] = line[:column].rstrip() + end
        stripped = "".join(lines)
        same = ast.dump(ast.parse(stripped)) == ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return source
    return stripped if same else source


def fingerprint(sources: Iterable[str], files: Mapping[str, Path | bytes]) -> str:
    """Return a digest of all that a hand-in's kernel gets: the cells that run, and the files.

    Challenges are drawn from it. So equal code is asked the same, whoever hands it in; and whatever
    a hand-in knows of what another one was asked is a difference, by which it is asked something
    else.

    Args:
        sources: of the cells that run, in their order.
        files: path -> where a file is, or its content.
    """
    cells = [without_comments(source).encode() for source in sources]
    beside = {
        name: content if isinstance(content, bytes) else content.read_bytes()
        for name, content in files.items()
    }
    parts = [b"cells", *cells, b"files"]
    for name in sorted(beside):
        parts += [os.fsencode(name), beside[name]]
    digests = [hashlib.sha256(part).digest() for part in (str(len(cells)).encode(), *parts)]
    return hashlib.sha256(b"".join(digests)).hexdigest()
