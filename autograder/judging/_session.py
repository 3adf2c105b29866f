"""One submission: runs the student's cells in a sandboxed kernel, asks its probe for data.

Nothing that the kernel sends is believed: a message is data of the expected form, or it is dropped.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any

from nbformat import NotebookNode
from torch import Tensor

from autograder import GraderFault, StudentFault
from autograder.inside import wire
from autograder.inside.probe import Answer
from autograder.judging import sanitise
from autograder.judging._absent import absent_names
from autograder.judging._code import without_comments
from autograder.judging._conversation import (
    Conversation,
    StudentKernel,
    check_machine,
    ignore,
)
from autograder.judging._likely_cause import FailedCell, because, error_of, named
from autograder.judging._outputs import Outputs, notice
from autograder.pages.markdown import Patience
from autograder.sandbox import Limits, SandboxError, SandboxUnavailable, Usage, open_kernel

LEAST_MEMORY_BYTES = 2**30  # of a kernel opened afresh
_SERVE = "__import__('autograder.inside.probe', fromlist=['serve']).serve(showing={showing})"
_TARGET, _COMM = "autograder", "autograder-probe"


class Session:
    """The student's side in a sandboxed kernel: a `Student` whose cells can be run.

    Args:
        kernel: a fresh kernel.
        limits: wall times, output sizes, and the memory of this kernel and those opened afresh.
        patience: how long it may take to clean what the hand-in shows.
        sources: of all code cells that will run, to say where a name is defined.
        open_kernel: opens another one under some limits, with the same files.
        showing: whether figures are drawn.
    """

    def __init__(
        self,
        kernel: StudentKernel,
        limits: Limits,
        patience: Patience | None = None,
        sources: Sequence[str] = (),
        *,
        open_kernel: Callable[[Limits], AbstractContextManager[StudentKernel]] = open_kernel,
        showing: bool = True,
    ) -> None:
        self.memo: dict[Hashable, Any] = {}
        self.asked_cpu_s: defaultdict[str, float] = defaultdict(float)  # by verb
        self._kernel, self._limits = kernel, limits
        self._talk = Conversation(kernel, limits)
        self._open_kernel = open_kernel
        self._patience, self._sources = patience, sources
        self._ran: list[str] = []
        self._apart = Usage()  # what kernels opened afresh used, all together
        self._failed: list[FailedCell] = []
        self._names: dict[str, str] = {}  # handle of a model -> the student's name for it
        self._output_bytes_left = limits.notebook_output_bytes
        self._requests = itertools.count()
        self._start_probe(showing)
        self._talk.left_s = limits.submission_timeout_s

    @property
    def end(self) -> str | None:
        """Return why the kernel is gone, for the student; None while it is there."""
        return self._talk.end

    def version(self, name: str) -> Hashable:
        """Return how many of the student's cells have run."""
        return len(self._ran)

    def cpu_s(self) -> float:
        """Return the processor time of all processes of the hand-in, in seconds."""
        return self._kernel.usage().cpu_s

    def run_cell(self, source: str) -> list[NotebookNode]:
        """Return the outputs of one of the student's cells, capped and made harmless."""
        if self.end is not None:
            return [notice(f"This cell was not run: {self.end}.")]
        self._ran.append(source)
        self.memo.clear()
        cap = min(self._limits.cell_output_bytes, self._output_bytes_left)
        collected = Outputs(cap)
        notices = []
        try:
            self._execute(source, collected.add)
        except StudentFault as fault:
            text = str(fault)
            notices = [notice(f"{text[:1].upper()}{text[1:]}.")]
        self._output_bytes_left -= collected.bytes_kept
        shown = sanitise.outputs(collected.shown(), self._patience)
        if error := error_of(shown):
            self._failed.append(FailedCell(source, error))
        return shown + notices

    @contextmanager
    def afresh(self) -> Iterator[Session]:
        """Yield the student's side in a kernel of its own, which has run the cells so far.

        What one of the two kernels learns the other cannot know. Both together get the memory of
        one hand-in, or `LEAST_MEMORY_BYTES` more.

        Raises:
            StudentFault: this kernel has ended.
            GraderFault: the machine failed.
        """
        if self.end is not None:
            raise StudentFault(self.end)
        left = self._limits.memory_bytes - self._kernel.usage().memory_bytes
        limits = replace(self._limits, memory_bytes=max(left, LEAST_MEMORY_BYTES))
        try:
            with self._open_kernel(limits) as kernel:
                fresh = Session(kernel, limits, sources=self._sources, showing=False)
                fresh._repeat(self._ran)
                fresh._failed = list(self._failed)
                try:
                    yield fresh
                finally:
                    self._note(fresh)
            check_machine(kernel)
        except (SandboxError, SandboxUnavailable) as error:
            raise GraderFault(f"no second kernel for a hand-in: {error}") from error

    def usage(self) -> Usage:
        """Return what all kernels of the hand-in used so far, those opened afresh among them."""
        own = self._kernel.usage()
        return replace(
            own,
            peak_memory_bytes=max(own.peak_memory_bytes, self._apart.peak_memory_bytes),
            cpu_s=own.cpu_s + self._apart.cpu_s,
        )

    def _note(self, fresh: Session) -> None:
        """Add what a kernel that was opened afresh used."""
        used, held = fresh.usage(), self._kernel.usage().memory_bytes
        self._apart = replace(
            self._apart,
            peak_memory_bytes=max(self._apart.peak_memory_bytes, held + used.peak_memory_bytes),
            cpu_s=self._apart.cpu_s + used.cpu_s,
        )
        for verb, cpu_s in fresh.asked_cpu_s.items():
            self.asked_cpu_s[verb] += cpu_s

    def _repeat(self, sources: Sequence[str]) -> None:
        """Run cells that ran elsewhere; nobody looks at what they show."""
        for source in sources:
            if self.end is None:
                self._ran.append(source)
                with suppress(StudentFault):
                    self._execute(source, ignore)

    def _execute(self, source: str, handle: Callable[[dict[str, Any]], None]) -> None:
        """Run a cell without its comments; `handle` sees each message.

        Raises:
            StudentFault: it took too long, or the kernel died of it.
            GraderFault: the machine failed.
        """
        try:
            self._talk.execute(without_comments(source), handle)
        except StudentFault as fault:
            self._failed.append(FailedCell(source, str(fault)))
            if self.end is not None:
                self._talk.end = f"in {named(source)}, {self.end}"
            raise

    def ask(self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer:
        """Return the answer of the probe in the kernel.

        Raises:
            StudentFault: no answer, or a malformed one.
            GraderFault: the machine failed.
        """
        before = self.cpu_s()
        try:
            fields, answer = self._ask(verb, arguments, tensors)
        finally:
            self.asked_cpu_s[verb] += self.cpu_s() - before
        handle = str(arguments.get("handle", ""))
        name = str(arguments.get("name", self._names.get(handle, "")))
        self._names[handle] = name
        if isinstance(fields.get("error"), dict):
            fields["error"]["because"] = because(fields["error"], name, self._failed, self._sources)
        return fields, answer

    def absent(self) -> dict[str, list[str]]:
        """Return what the hand-in asked for and this machine lacks: kind -> names.

        It is the kernel's word: {} if it is gone, or says something else.
        """
        try:
            return absent_names(self._ask("absent", {}, {})[0].get("absent"))
        except StudentFault:
            return {}

    def _ask(
        self, verb: str, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> Answer:
        if self.end is not None:
            raise StudentFault(self.end)
        number = next(self._requests)
        request = {"number": number, "verb": verb, "arguments": dict(arguments)}
        answers: list[bytes] = []

        def keep(message: dict[str, Any]) -> None:
            buffers = message.get("buffers") or []
            if message["msg_type"] == "comm_msg" and len(buffers) == 1 and not answers:
                answers.append(bytes(buffers[0]))

        content = {"comm_id": _COMM, "data": {}}
        self._talk.converse(
            self._talk.send("comm_msg", content, [wire.encode(request, tensors)]), keep
        )
        if not answers:
            raise StudentFault("your notebook's kernel gave no answer to the grader's question")
        try:
            fields, answer = wire.decode(answers[0])
        except wire.WireError as error:
            raise StudentFault(f"the answer could not be read: {error}") from error
        return fields, answer

    def _start_probe(self, showing: bool) -> None:
        """Start the probe, before anything of the hand-in runs.

        Raises:
            GraderFault: it does not start.
        """
        limit_s = self._limits.startup_s
        try:
            self._talk.start(_SERVE.format(showing=showing), limit_s)
            content = {"comm_id": _COMM, "target_name": _TARGET, "data": {}}
            self._talk.converse(self._talk.send("comm_open", content), ignore, limit_s)
        except StudentFault as fault:
            raise GraderFault(f"the grader's part of the kernel did not start: {fault}") from fault
