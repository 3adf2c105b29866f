"""Does a message come back as it went, and is anything else refused?"""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.inside.wire import Caps, WireError, decode, encode

DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
)
VALID = encode({"names": ["a", 1, None, 0.5]}, {"x": torch.arange(6.0).reshape(2, 3)})


@given(
    shape=st.lists(st.integers(0, 4), max_size=5),
    dtype=st.sampled_from(DTYPES),
    fields=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none()),
)
def test_fields_and_tensors_come_back_as_they_went(shape, dtype, fields):
    tensor = torch.rand(shape).mul(9).to(dtype)
    got_fields, got = decode(encode(fields, {"x": tensor, "y": tensor.flatten()}))
    assert got_fields == fields
    assert got["x"].dtype == dtype
    assert torch.equal(got["x"], tensor)
    assert torch.equal(got["y"], tensor.flatten())


def test_views_and_tensors_with_gradients_can_be_sent():
    whole = torch.arange(12.0, requires_grad=True).reshape(3, 4)
    _, got = decode(encode({}, {"a": whole, "b": whole[:, ::2], "c": whole.t()}))
    assert torch.equal(got["b"], whole[:, ::2].detach())
    assert torch.equal(got["c"], whole.t().detach())


def test_a_float_that_json_lacks_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"loss": float("nan")}, {})


def only_wire_errors(message: bytes) -> None:
    """Fail if decoding raises anything but WireError."""
    try:
        fields, tensors = decode(message)
    except WireError:
        return
    assert isinstance(fields, dict)
    assert all(isinstance(t, torch.Tensor) for t in tensors.values())


@settings(max_examples=300)
@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff" * 8)
@example((2**40).to_bytes(8, "little") + b"{}")
def test_any_bytes_are_decoded_or_refused(message):
    only_wire_errors(message)


@settings(max_examples=500)
@given(st.integers(0, len(VALID) - 1), st.integers(0, 255), st.integers(0, len(VALID)))
def test_a_damaged_message_is_decoded_or_refused(place, byte, length):
    damaged = bytearray(VALID)
    damaged[place] = byte
    only_wire_errors(bytes(damaged))
    only_wire_errors(bytes(damaged[:length]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F8_E4M3", "C64", "I64", "X", 3, None]),
        "shape": st.lists(st.integers(-2, 2**70) | JSON, max_size=8),
        "data_offsets": st.lists(st.integers(-1, 2**64), max_size=3),
    }
)


@settings(max_examples=300)
@given(
    entries=st.dictionaries(st.text(max_size=3), ENTRY | JSON, max_size=3),
    metadata=st.dictionaries(st.sampled_from(["fields", "x"]), st.text(max_size=9) | JSON) | JSON,
    body=st.binary(max_size=32),
)
def test_any_header_is_decoded_or_refused(entries, metadata, body):
    header = json.dumps({"__metadata__": metadata, **entries}).encode()
    only_wire_errors(len(header).to_bytes(8, "little") + header + body)


@pytest.mark.parametrize(
    "fields", ["[1]", "NaN", '{"a": Infinity}', "{" * 5000, '{"a": ' + "9" * 5000 + "}", "3", ""]
)
def test_fields_that_are_no_json_object_are_refused(fields):
    header = json.dumps({"__metadata__": {"fields": fields}}).encode()
    with pytest.raises(WireError):
        decode(len(header).to_bytes(8, "little") + header)


@pytest.mark.parametrize(
    ("tensors", "caps"),
    [
        ({"a": torch.zeros(9)}, Caps(elements=8)),
        ({"a": torch.zeros(1, 1, 1)}, Caps(rank=2)),
        ({"a": torch.zeros(1), "b": torch.zeros(1)}, Caps(tensors=1)),
        ({"a": torch.zeros(100)}, Caps(message_bytes=300)),
        ({"a" * 100: torch.zeros(1)}, Caps(header_bytes=100)),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, Caps()),
        ({"a": torch.zeros(2, dtype=torch.int8)}, Caps()),
    ],
)
def test_a_message_beyond_the_caps_is_refused(tensors, caps):
    with pytest.raises(WireError):
        decode(encode({}, tensors), caps)


def test_tensors_come_in_the_same_order_each_time():
    names = ["b", "a", "conv.weight", "conv.bias", "10", "2", "head.0.weight", "z"]
    message = encode({}, {name: torch.zeros(2) for name in names})
    assert {tuple(decode(message)[1]) for _ in range(20)} == {tuple(sorted(names))}
