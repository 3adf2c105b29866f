"""What crosses the border between the judge and the student's process.

A message is one safetensors file: named tensors, and a JSON object in the file's metadata. There is
no pickle on either side. The judge reads a message with `decode`, which checks the header against
`Caps` before a single tensor is built.

This file also runs on the untrusted side, so it imports nothing else of `autograder`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
from torch import Tensor

DTYPES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
_FIELDS = "fields"
_HEADER_LENGTH_BYTES = 8


class WireError(Exception):
    """A message that is not of the agreed form, or larger than agreed."""


@dataclass(frozen=True)
class Caps:
    """How much one message may hold.

    Attributes:
        message_bytes: bytes in all.
        header_bytes: bytes of the header, which holds the JSON fields.
        tensors: how many tensors.
        rank: dimensions of one tensor.
        elements: entries of one tensor.
    """

    message_bytes: int = 16 * 2**20
    header_bytes: int = 1 * 2**20
    tensors: int = 256
    rank: int = 6
    elements: int = 4_000_000


CAPS = Caps()


def encode(fields: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """Return one message holding the JSON object `fields` and the named `tensors`.

    Raises:
        TypeError: a field is not JSON.
        ValueError: a float field is NaN or infinite (say so with a string or None).
    """
    metadata = {_FIELDS: json.dumps(dict(fields), allow_nan=False)}
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(plain, metadata=metadata)


def decode(message: bytes, caps: Caps = CAPS) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the fields and the tensors of a message from the other side, these by name.

    safetensors gives them in an order of its own, each time another one; random numbers that are
    drawn for one after the other would then differ between two gradings of one hand-in.

    Raises:
        WireError: the message is malformed or breaks one of the `caps`.
    """
    header = _header(message, caps)
    metadata = header.pop("__metadata__", {})
    if len(header) > caps.tensors:
        raise WireError(f"expected at most {caps.tensors} tensors, got {len(header)}")
    for name, entry in header.items():
        _check_entry(name, entry, caps)
    try:
        fields = json.loads(metadata[_FIELDS], parse_constant=_refuse_constant)
        tensors = safetensors.torch.load(message)
    except WireError:
        raise
    except Exception as error:  # whatever a malformed message makes the parsers raise
        raise WireError(f"malformed message: {type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise WireError(f"expected a JSON object, got {type(fields).__name__}")
    return fields, {name: tensors[name] for name in sorted(tensors)}


def _header(message: bytes, caps: Caps) -> dict[str, Any]:
    if len(message) > caps.message_bytes:
        raise WireError(f"expected at most {caps.message_bytes} bytes, got {len(message)}")
    length = int.from_bytes(message[:_HEADER_LENGTH_BYTES], "little")
    if length > caps.header_bytes or length > len(message):
        raise WireError(f"expected a header of at most {caps.header_bytes} bytes, got {length}")
    try:
        header = json.loads(message[_HEADER_LENGTH_BYTES : _HEADER_LENGTH_BYTES + length])
    except (ValueError, RecursionError) as error:
        raise WireError("the header is not JSON") from error
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise WireError("the header is not a JSON object")
    return header


def _check_entry(name: str, entry: Any, caps: Caps) -> None:
    if not isinstance(entry, dict):
        raise WireError(f"tensor {name!r}: malformed entry")
    dtype, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WireError(f"tensor {name!r}: expected a dtype of {', '.join(DTYPES)}, got {dtype!r}")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise WireError(f"tensor {name!r}: malformed shape")
    if len(shape) > caps.rank:
        raise WireError(f"tensor {name!r}: expected at most {caps.rank} dimensions")
    if math.prod(shape) > caps.elements:
        raise WireError(f"tensor {name!r}: expected at most {caps.elements} entries")


def _refuse_constant(constant: str) -> None:
    raise WireError(f"{constant} is not JSON")
