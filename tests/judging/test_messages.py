"""Messages of a kernel: honest ones are read, whatever their size; others are refused in time."""

from __future__ import annotations

import json
import time

import pytest

from autograder.judging._messages import MAX_VALUES, unpack


@pytest.mark.parametrize(
    "value", [{"text": "é" * 10}, {"text": 'a,b:[{"\\' * 200_000}, [1] * (MAX_VALUES - 1), {}, None]
)
def test_an_honest_message_is_read(value: object) -> None:
    assert unpack(json.dumps(value).encode()) == value
    assert unpack(json.dumps(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b"[]," * 10_000_000 + b"[]]",
        b"{" + b'"":{},' * 5_000_000 + b'"":0}',
        b'["' + b'","' * 10_000_000 + b'"]',
        b"[" * 150_000 + b"]" * 150_000,
        b'"' * 30_000_001,
        b'"' + b"\\" * 30_000_000,
    ],
    ids=["lists", "objects", "strings", "deep", "quotes", "backslashes"],
)
def test_a_message_of_millions_of_values_is_refused_in_seconds(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError):  # noqa: PT011  (JSON's own, or ours)
        unpack(data)
    assert time.process_time() - began < 5
