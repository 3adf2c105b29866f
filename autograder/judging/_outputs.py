"""The outputs of one cell as a notebook keeps them, from the messages that a kernel sends."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from nbformat import NotebookNode


class Outputs:
    """The outputs of one cell, as nbformat has them, up to a number of bytes.

    Args:
        max_bytes: what is kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self.bytes_kept = 0
        self._max_bytes = max_bytes
        self._outputs: list[NotebookNode] = []
        self._by_display_id: dict[str, list[NotebookNode]] = {}
        self._clear_next = False
        self._cut = False

    def add(self, message: dict[str, Any]) -> None:
        """Take one message into account."""
        kind, content = message["msg_type"], message["content"]
        if self._cut and kind != "clear_output":
            return
        if kind == "clear_output":
            self._clear_next = True
            if not content.get("wait"):
                self._clear()
        elif kind in ("stream", "display_data", "execute_result", "error", "update_display_data"):
            try:
                self._add_output(kind, message)
            except Exception:  # not a message of that kind, whatever its type says
                return

    def shown(self) -> list[NotebookNode]:
        """Return the outputs; the last says so if some were left out."""
        left_out = [notice("The output was too long: the rest is left out.")]
        return self._outputs + (left_out if self._cut else [])

    def _add_output(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "update_display_data":
            message = {**message, "msg_type": "display_data"}
            message["header"] = {**message["header"], "msg_type": "display_data"}
        output = nbformat.v4.output_from_msg(message)
        size = len(json.dumps(output))
        if self.bytes_kept + size > self._max_bytes:
            output, size = self._shortened(output)
            self._cut = True
        if output is None:
            return
        self.bytes_kept += size
        display_id = (message["content"].get("transient") or {}).get("display_id")
        if kind == "update_display_data":
            for target in self._by_display_id.get(str(display_id), []):
                target.data, target.metadata = output.data, output.metadata
            return
        if self._clear_next:
            self._clear()
        if display_id is not None:
            self._by_display_id.setdefault(str(display_id), []).append(output)
        last = self._outputs[-1] if self._outputs else None
        if kind == "stream" and last is not None and last.get("name") == output.name:
            last.text += output.text
        else:
            self._outputs.append(output)

    def _shortened(self, output: NotebookNode) -> tuple[NotebookNode | None, int]:
        room = self._max_bytes - self.bytes_kept
        if output.output_type != "stream" or self._cut or room <= 0:
            return None, 0
        output.text = output.text[:room]
        return output, room

    def _clear(self) -> None:
        self._outputs.clear()
        self._by_display_id.clear()
        self._clear_next = self._cut = False
        self.bytes_kept = 0


def notice(text: str) -> NotebookNode:
    """Return an output that tells the student something, as text on stderr."""
    return nbformat.v4.new_output("stream", name="stderr", text=text + "\n")
