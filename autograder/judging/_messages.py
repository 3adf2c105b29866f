"""Pure: reads the JSON of one message from a kernel, unless it is made to take minutes."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_VALUES = 200_000  # in one message: an honest one has some hundreds, and one long text
_MARKS = (b",", b":", b"[", b"{")  # at most one value begins after each
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: linear on any input


def unpack(data: bytes | str | memoryview) -> Any:
    """Return the value of a message's JSON.

    Raises:
        ValueError: it has more than `MAX_VALUES` values, or is no JSON.
    """
    text = data.encode() if isinstance(data, str) else bytes(data)
    if _least_strings(text) > MAX_VALUES or (
        _most_values(text) > MAX_VALUES and _most_values(_STRING.sub(b"", text)) > MAX_VALUES
    ):
        raise ValueError(f"expected at most {MAX_VALUES} values in a message, got more")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("a message is nested too deep") from error


def _least_strings(text: bytes) -> int:
    return (text.count(b'"') - text.count(b'\\"')) // 2


def _most_values(text: bytes) -> int:
    return sum(text.count(mark) for mark in _MARKS)
