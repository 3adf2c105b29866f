"""From the bytes of a hand-in to its cells: nothing in them is believed."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from nbformat import NotebookNode

from autograder.intake._records import HandedCell, Repair, TooMuchError, UnreadableError

MAX_NOTEBOOK_BYTES = 50_000_000
"""Bytes of the file, outputs included."""
MAX_JSON_VALUES = 4_000_000
"""JSON values in the file: bounds the judge's memory, which `[[], [], ...` would fill first."""
MAX_CELLS = 2_000
MAX_SOURCE_CHARS = 2_000_000
"""Characters of all cells' text together, without outputs."""
MAX_ATTACHMENT_CHARS = 5_000_000
"""Characters (base64) of all pictures pasted into text cells together; later ones are left out."""
_PICTURES = ("image/png", "image/jpeg", "image/gif")  # no SVG: it carries scripts
_KERNEL_NAME = re.compile(r"[a-zA-Z0-9._ -]{1,40}")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: linear on any input


def parse_cells(
    data: bytes, release: NotebookNode, max_bytes: int
) -> tuple[list[HandedCell], list[Repair]]:
    repairs: list[Repair] = []
    document = _json(data, max_bytes, repairs)
    raw_cells: list[Any] = []
    match _version(document), document:
        case ((3 | 2), {"worksheets": list(sheets)}):
            repairs.append(Repair(None, "the notebook was in an old format; it was converted"))
            for sheet in sheets:
                raw_cells += _get(sheet, "cells", list)
        case 4, {"cells": list(raw_cells)}:
            pass
        case int(version), {"cells": list()} if version > 4:
            raise UnreadableError(
                "expected a notebook of format 4, got a newer one: save it with Jupyter or Colab"
            )
        case _:
            raise UnreadableError("the file is not a Jupyter notebook: it has no list of cells")
    if len(raw_cells) > MAX_CELLS:
        raise TooMuchError(f"expected at most {MAX_CELLS} cells, got {len(raw_cells)}")

    cells, odd, room = [], 0, MAX_ATTACHMENT_CHARS
    for raw in raw_cells:
        source = raw.get("source", raw.get("input", "")) if isinstance(raw, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(raw, dict) or not isinstance(source, str):
            odd += 1
            if not isinstance(raw, dict):
                continue
            source = ""
        attachments = _attachments(raw, room)
        room -= sum(len(text) for bundle in attachments.values() for text in bundle.values())
        cells.append(_cell(raw, _encodable(source), attachments))
    if odd:
        repairs.append(Repair(None, f"{odd} cells held no text; they were left out or emptied"))
    chars = sum(len(cell.source) for cell in cells)
    if chars > MAX_SOURCE_CHARS:
        raise TooMuchError(
            f"expected at most {MAX_SOURCE_CHARS} characters of code and text, got {chars}"
        )

    wanted = _get(release.metadata, "kernelspec", dict).get("name")
    kernel = _get(_get(document, "metadata", dict), "kernelspec", dict).get("name", wanted)
    if wanted and kernel != wanted:
        named = isinstance(kernel, str) and _KERNEL_NAME.fullmatch(kernel)
        what = f"asked for {f'the kernel {kernel}' if named else 'another kernel'}"
        repairs.append(Repair(None, f"the notebook {what}; it was run with {wanted}"))
    return cells, repairs


def _version(document: dict[str, Any]) -> Any:
    """Return the number of the format, also where it was written as a text."""
    version = document.get("nbformat", 4)
    digits = isinstance(version, str) and version.isdecimal() and len(version) < 4
    return int(version) if digits else version


def _json(data: bytes, max_bytes: int, repairs: list[Repair]) -> dict[str, Any]:
    if len(data) > max_bytes:
        raise TooMuchError(
            f"expected at most {max_bytes / 1e6:g} MB, got {len(data) / 1e6:.1f} MB: clear the"
            " outputs and hand in again"
        )
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf16 else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        repairs.append(Repair(None, "some of the file was not valid UTF-8; it was replaced"))
    if not text.strip():
        raise UnreadableError("the file is empty")
    if len(text) > MAX_JSON_VALUES:
        structure = _JSON_STRING.sub("", text)
        if sum(structure.count(mark) for mark in ",:[{") > MAX_JSON_VALUES:
            raise TooMuchError(
                f"expected at most {MAX_JSON_VALUES} JSON values, got more: clear the outputs"
            )
    try:
        document = json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        what = "cut off" if cut_off else "not a notebook"
        raise UnreadableError(
            f"the file is {what}: no JSON from line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; lists in lists in lists
        raise UnreadableError(
            "the file is not a notebook: it is nested too deep, or has too long numbers"
        ) from None
    if not isinstance(document, dict):
        raise UnreadableError("the file is not a Jupyter notebook: it has no list of cells")
    return document


def _cell(raw: dict[str, Any], source: str, attachments: dict[str, dict[str, str]]) -> HandedCell:
    kind = raw.get("cell_type")
    if kind == "heading":  # nbformat 3
        level = raw.get("level")
        source = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
    if kind in ("heading", "html"):
        kind = "markdown"
    if kind not in ("code", "markdown"):
        kind = "raw"
    metadata = _get(raw, "metadata", dict)
    cell_ids = (raw.get("id"), metadata.get("id"))  # Colab keeps the id in the metadata
    cell_id = next((i for i in cell_ids if isinstance(i, str) and _CELL_ID.fullmatch(i)), None)
    return HandedCell(kind, source, cell_id, _get(metadata, "nbgrader", dict), attachments)


def _attachments(raw: dict[str, Any], room: int) -> dict[str, dict[str, str]]:
    """Return the pictures pasted into a text cell: bitmaps only, while there is room for them."""
    kept = {}
    for name, bundle in _get(raw, "attachments", dict).items():
        for mime in _PICTURES:
            text = bundle.get(mime) if isinstance(bundle, dict) else None
            if isinstance(text, str) and len(text) <= room and _BASE64.fullmatch(text):
                kept[_encodable(name)] = {mime: text}
                room -= len(text)
    return kept


def _get(mapping: Any, key: str, kind: type) -> Any:
    """Return `mapping[key]` where it is of that type, else an empty one."""
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, kind) else kind()


def _encodable(text: str) -> str:
    """Return the text without lone surrogates, which JSON can spell and no file can hold."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
