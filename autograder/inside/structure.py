"""Nested values across the border: tensors apart, and JSON that says how they hang together.

A value is a tensor, a number, a truth value, a text, None, or a tuple, list or dict of values. Both
sides use this file, and neither believes the other: what is deeper, wider or of another kind than
agreed is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

MAX_DEPTH = 5
MAX_LEAVES = 64
_MAX_CHARACTERS = 200
_MAX_INTEGER = 2**53  # beyond, JSON's readers differ


class OddStructure(Exception):
    """A value of another kind than agreed."""


def pack(value: Any, prefix: str) -> tuple[Any, dict[str, Tensor]]:
    """Return a value's structure as JSON, and its tensors by names that begin with `prefix`.

    Raises:
        OddStructure: it holds something else, or too much.
    """
    tensors: dict[str, Tensor] = {}
    leaves = [0]

    def packed(part: Any, depth: int) -> Any:
        leaves[0] += 1
        if leaves[0] > MAX_LEAVES or depth > MAX_DEPTH:
            raise OddStructure(
                f"a value of more than {MAX_LEAVES} parts, or nested more than {MAX_DEPTH} deep"
            )
        if isinstance(part, Tensor):
            name = f"{prefix}.{len(tensors)}"
            tensors[name] = part
            return {"tensor": name}
        if isinstance(part, tuple | list):
            return {"sequence": [packed(inner, depth + 1) for inner in part]}
        if isinstance(part, dict):
            return {"dict": {_key(k): packed(inner, depth + 1) for k, inner in part.items()}}
        return {"plain": _plain(part)}

    return packed(value, 0), tensors


def unpack(structure: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the value that a structure and its tensors stand for; sequences become tuples.

    Raises:
        OddStructure: it is malformed.
    """
    leaves = [0]

    def unpacked(part: Any, depth: int) -> Any:
        leaves[0] += 1
        if leaves[0] > MAX_LEAVES or depth > MAX_DEPTH:
            raise OddStructure("a structure that is too large")
        if not isinstance(part, dict) or len(part) != 1:
            raise OddStructure("a malformed structure")
        ((kind, content),) = part.items()
        if kind == "tensor" and isinstance(content, str) and content in tensors:
            return tensors[content]
        if kind == "sequence" and isinstance(content, list):
            return tuple(unpacked(inner, depth + 1) for inner in content)
        if kind == "dict" and isinstance(content, dict):
            return {_key(k): unpacked(inner, depth + 1) for k, inner in content.items()}
        if kind == "plain" and not isinstance(content, dict | list):
            return (
                float(content[1:]) if isinstance(content, str) and content[:1] == "#" else content
            )
        raise OddStructure("a malformed structure")

    try:
        return unpacked(structure, 0)
    except ValueError as error:
        raise OddStructure("a malformed number") from error


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _MAX_INTEGER:
        return int(value)
    if isinstance(value, float):
        return f"#{float(value)!r}"  # JSON has no NaN
    if isinstance(value, str) and len(value) < _MAX_CHARACTERS and value[:1] != "#":
        return str(value)
    raise OddStructure(type(value).__name__)


def _key(key: Any) -> str:
    if isinstance(key, str) and len(key) < _MAX_CHARACTERS and key.isprintable():
        return key
    raise OddStructure("a dict with keys that are no names")
