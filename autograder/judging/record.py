"""What a check asked and what came back, in a few words: for a person who answers an appeal.

Shapes, kinds and ranges, never the values of a challenge; and for the instructor alone, as whoever
reads what is asked can prepare for it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from autograder import StudentFault
from autograder.checking.student import StudentSide
from autograder.inside.probe import Answer

MAX_QUESTIONS = 30  # kept of one grade cell: the first ones tell, and a search asks hundreds
_MAX_TENSORS = 6
_MAX_CHARS = 400

Question = dict[str, str]
"""One question: its "verb", what was "asked", what was "got"."""


@dataclass
class _Kept:
    """What is kept of the questions, and how many there were."""

    questions: list[Question] = field(default_factory=list)
    count: int = 0


class Recorded:
    """A student's side of which it is kept what it was asked, and what it answered.

    Args:
        student: the side itself.

    Attributes:
        memo: the student's own.
    """

    def __init__(self, student: StudentSide) -> None:
        self.memo = student.memo
        self._student = student
        self._kept = _Kept()

    def version(self, name: str) -> Hashable:
        """Return what the student does."""
        return self._student.version(name)

    def cpu_s(self) -> float:
        """Return what the student does."""
        return self._student.cpu_s()

    @contextmanager
    def afresh(self) -> Iterator[Recorded]:
        """Yield the student's side once more; what it is asked is kept here, too."""
        with self._student.afresh() as fresh:
            apart = Recorded(fresh)
            apart._kept = self._kept
            yield apart

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the student's answer; what was asked and answered is kept in words."""
        self._kept.count += 1
        if self._kept.count > MAX_QUESTIONS:
            return self._student.ask(verb, arguments, tensors)
        question = {"verb": verb, "asked": _short(_question(verb, arguments, tensors)), "got": ""}
        self._kept.questions.append(question)
        try:
            fields, answer = self._student.ask(verb, arguments, tensors)
        except StudentFault as fault:
            question["got"] = _short(f"no answer: {fault}")
            raise
        question["got"] = _short(_answer(fields, answer))
        return fields, answer

    def taken(self) -> list[Question]:
        """Return what was asked since this was called before."""
        questions = self._kept.questions
        more = self._kept.count - len(questions)
        self._kept = _Kept()
        if more:
            questions.append({"verb": "", "asked": f"{more} more questions", "got": ""})
        return questions


def _question(verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    shown = [f"{key}={value}" for key, value in arguments.items() if key not in ("handle", "seed")]
    return f"{verb} {', '.join([*shown, *_described(tensors, ranges=False)])}"


def _answer(fields: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    error = fields.get("error")
    if isinstance(error, dict):
        return "raised " + ", ".join(str(error.get(key, "")) for key in ("type", "message", "line"))
    listed = fields.get("parameters")
    shown = []
    if isinstance(listed, list):
        entries = [entry for entry in listed if isinstance(entry, dict)]
        names = [f"{entry.get('name')} {entry.get('shape')}" for entry in entries]
        shown.append(f"{len(listed)} parameters: {', '.join(names)}")
    if isinstance(fields.get("reached"), list):
        shown.append(f"{len(fields['reached'])} parameters reached")
    return ", ".join([*shown, *_described(tensors, ranges=True)]) or "done"


def _described(tensors: Mapping[str, Tensor], *, ranges: bool) -> list[str]:
    # What a function made of its arguments comes last: what it returned tells more.
    ordered = sorted(tensors.items(), key=lambda item: item[0].startswith("after."))
    shown = [
        f"{name} {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
        + (_range(tensor) if ranges else "")
        for name, tensor in ordered[:_MAX_TENSORS]
    ]
    more = len(tensors) - len(shown)
    return [*shown, f"{more} more"] if more else shown


def _range(tensor: Tensor) -> str:
    """Return between which numbers the entries lie, and how many are none."""
    if tensor.is_complex() or tensor.is_meta or tensor.numel() == 0:
        return ""
    values = tensor.detach().double()
    finite = values[torch.isfinite(values)]
    odd = values.numel() - finite.numel()
    within = f" in [{float(finite.min()):.4g}, {float(finite.max()):.4g}]" if len(finite) else ""
    return within + (f", {odd} not finite" if odd else "")


def _short(text: str) -> str:
    """Return text as one printable line of limited length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MAX_CHARS else f"{line[:_MAX_CHARS]}..."
