"""Grades one notebook: runs the student's cells in a sandbox, writes the verdicts itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.checking import checks
from autograder.checking.challenge import derive_seed
from autograder.checking.check_result import CheckResult, nothing
from autograder.judging import graded_notebook, sanitise
from autograder.judging._absent import hung_on
from autograder.judging._code import fingerprint
from autograder.judging._conversation import StudentKernel, check_machine
from autograder.judging._session import Session
from autograder.judging._unsafe_kernel import open_unsafe_kernel
from autograder.judging.graded_notebook import (
    ASKED,
    DRAWN_FROM,
    METADATA,
    VERDICT,
    autograded_id,
)
from autograder.judging.record import Question, Recorded
from autograder.judging.timing import CELL, Stopwatch
from autograder.judging.verdict import as_html, as_text
from autograder.pages.markdown import Patience
from autograder.sandbox import Limits, open_kernel
from autograder.sandbox.host_system import require_linux

STAMP = (
    "**Graded without a sandbox.** This hand-in ran with the grader's own rights: nothing kept it "
    "from changing its points, or from reading and changing files."
)


def grade_notebook(
    notebook: NotebookNode,
    assignment: str,
    secret: str,
    limits: Limits,
    *,
    files: Mapping[str, Path | bytes] | None = None,
    sandboxed: bool = True,
    fork_kernels: bool = True,
) -> dict[str, CheckResult]:
    """Grade a notebook: write verdicts and outputs into it, return the verdicts by `grade_id`.

    Args:
        notebook: as intake and nbgrader's sanitising left it; changed in place.
        assignment: whose checks to use.
        secret: the course's.
        limits: what the hand-in may use.
        files: path -> what lies beside the notebook, to be copied to the student's side: where it
            is, or its content.
        sandboxed: False runs the hand-in with the grader's own rights, and stamps the notebook.
        fork_kernels: whether its kernel is forked of one that has imported PyTorch already.

    Raises:
        GraderFault: the machine or a check failed; the notebook is then half done. Or this is
            not Linux.
        SandboxUnavailable: there is no sandbox on this machine.
        SandboxError: the sandbox did not start, or something of it is left.
    """
    require_linux()
    reason = graded_notebook.nothing_read(notebook.cells)
    if reason:
        return grade_nothing(notebook, assignment, reason, sandboxed=sandboxed)
    results: dict[str, CheckResult] = {}
    asked: dict[str, list[Question]] = {}
    watch, patience = Stopwatch(), Patience()
    with ExitStack() as stack:
        with watch.phase("start"):
            open_one = partial(_opener(sandboxed, fork_kernels), files=files)
            kernel = stack.enter_context(open_one(limits))
        with watch.phase("start", lambda: kernel.usage().cpu_s):
            code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
            sources = [cell.source for cell in code_cells if autograded_id(cell) is None]
            session = Session(kernel, limits, patience, sources, open_kernel=open_one)
        drawn_from = fingerprint(sources, files or {})
        recorded = Recorded(session)
        for count, cell in enumerate(code_cells, start=1):
            cell.execution_count = count
            grade_id = autograded_id(cell)
            with watch.phase(grade_id or f"{CELL}{cell.id}", lambda: session.usage().cpu_s):
                if grade_id is None:
                    cell.outputs = session.run_cell(cell.source)
                    continue
                seed = challenge_seed(secret, drawn_from, assignment, grade_id)
                results[grade_id] = checks.run(assignment, grade_id, recorded, seed)
                asked[grade_id] = recorded.taken()
                cell.outputs = verdict_outputs(results[grade_id], count)
                cell.source = sanitise.without_hidden_tests(cell.source)
        with watch.phase("end"):
            absent = session.absent()
            stack.close()
    check_machine(kernel)  # Linux may have killed a part of it just before the last answer
    graded_notebook.put_stubs_back(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code" and not (
            graded_notebook.is_given(cell) or graded_notebook.says(cell)
        ):
            _store_text(cell, patience)
    if not sandboxed:
        about = {graded_notebook.SAYS: graded_notebook.UNSAFE}
        stamp = nbformat.v4.new_markdown_cell(STAMP, metadata={METADATA: about})
        notebook.cells.insert(0, stamp)
    notebook.metadata[METADATA] = {
        "sandboxed": sandboxed,
        "peak_memory_bytes": session.usage().peak_memory_bytes,
        "phases": {name: asdict(phase) for name, phase in watch.phases.items()},
        "absent": hung_on(absent, results),
        ASKED: asked,
        DRAWN_FROM: drawn_from,
        "asked_cpu_s": {verb: round(cpu_s, 2) for verb, cpu_s in session.asked_cpu_s.items()},
    }
    return results


def grade_nothing(
    notebook: NotebookNode, assignment: str, reason: str, *, sandboxed: bool
) -> dict[str, CheckResult]:
    """Return verdicts of 0 points, all for one reason, and write them: nothing could be read.

    Args:
        notebook: the release, without answers; changed in place.
        assignment: whose grade cells they are.
        reason: why there is nothing to run.
        sandboxed: what the notebook says of how it was graded.
    """
    results = {}
    for cell in notebook.cells:
        grade_id = autograded_id(cell)
        if grade_id is not None:
            results[grade_id] = nothing(checks.find(assignment, grade_id).max_points, reason)
            cell.outputs = verdict_outputs(results[grade_id], 1)
            cell.source = sanitise.without_hidden_tests(cell.source)
    graded_notebook.put_stubs_back(notebook)
    notebook.metadata[METADATA] = {"sandboxed": sandboxed, "phases": {}}
    return results


def challenge_seed(secret: str, drawn_from: str, assignment: str, grade_id: str) -> int:
    """Return the seed from which the challenge of a grade cell is drawn.

    Args:
        secret: the course's.
        drawn_from: the hand-in's fingerprint.
        assignment: whose grade cell it is.
        grade_id: the cell's.
    """
    return derive_seed(secret, drawn_from, assignment, grade_id)


def _opener(
    sandboxed: bool, fork_kernels: bool
) -> Callable[..., AbstractContextManager[StudentKernel]]:
    return partial(open_kernel, fork=fork_kernels) if sandboxed else open_unsafe_kernel


def _store_text(cell: NotebookNode, patience: Patience) -> None:
    """Put into a text cell of the hand-in's what pages may show of it."""
    about = (
        {graded_notebook.HEADING: graded_notebook.heading_of(cell.source)}
        if cell.cell_type != "raw"
        else {}
    )
    cell.source = sanitise.text_cell(cell, patience)
    cell.metadata[METADATA] = about
    cell.pop("attachments", None)  # what is shown of them is in the source


def verdict_outputs(result: CheckResult, count: int) -> list[NotebookNode]:
    """Return what a grade cell shows: the verdict for people, and the points for nbgrader."""
    shown = {
        "text/html": as_html(result),
        "text/plain": as_text(result),
        VERDICT: {**asdict(result), "figures": dict(result.figures)},
    }
    points = {"text/plain": repr(float(result.points))}
    return [
        nbformat.v4.new_output("display_data", shown),
        nbformat.v4.new_output("execute_result", points, execution_count=count),
    ]
