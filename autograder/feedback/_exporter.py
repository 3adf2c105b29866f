"""The edge to nbconvert and nbgrader: renders a graded notebook as a feedback page."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import GetGrades
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from autograder import pages
from autograder.checking import assignments
from autograder.feedback import _summary
from autograder.feedback.harmless_exporter import HarmlessExporter
from autograder.judging.graded_notebook import REPAIRS, heading, repair_note, result_of, says
from autograder.pages.pictures import pictures

_SCRIPTED = ("application/javascript", "application/vnd.jupyter.widget-view+json")


class Grades(GetGrades):
    """Puts points and comments into the cells; besides, whether a person has yet to give points."""

    def _get_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(
            cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        cell.metadata.nbgrader["waiting"] = bool(grade.needs_manual_grade)


class FeedbackExporter(HarmlessExporter):
    """One self-contained HTML page: a summary, then the notebook with its verdicts."""

    @property
    def default_config(self) -> Config:
        """Return our template, whatever nbgrader sets for `HTMLExporter`."""
        config = super().default_config
        config.FeedbackExporter.template_name = "feedback_page"
        config.FeedbackExporter.extra_template_basedirs = [str(pages.NBCONVERT)]
        config.FeedbackExporter.exclude_input_prompt = True
        config.FeedbackExporter.exclude_output_prompt = True
        return config

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Yield nbconvert's filters, and ours."""
        yield from super().default_filters()
        yield "points", pages.points

    def _preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Return the notebook after nbgrader's preprocessors, ready for the template."""
        notebook, resources = super()._preprocess(nb, resources)
        notebook = copy.deepcopy(notebook)
        about = resources.get("nbgrader", {})
        self._find_lessons()
        top, notes = _summary.summarise(notebook.cells), repair_note(notebook.cells)
        hints = _summary.hints(notebook.cells, about.get("assignment", ""))
        notebook.cells = [c for c in notebook.cells if says(c) != REPAIRS]
        for cell in notebook.cells:
            _prepare(cell, hints)
        _fold(notebook.cells)
        resources["feedback"] = {
            "title": f"Feedback: {about.get('notebook', '')}",
            "policy": pages.POLICY,
            "style": pages.STYLE + HtmlFormatter(style="default").get_style_defs(".highlight"),
            "summary": pages.render(
                "summary.html",
                summary=top,
                notes=notes,
                penalty=about.get("late_penalty") or 0,
            ),
        }
        return notebook, resources

    def _find_lessons(self) -> None:
        """Have lessons found where the course keeps its own assignments."""
        coursedir: Any = getattr(self.parent, "coursedir", None)
        if coursedir is not None:
            setting = str(self.config.Judge.get("assignments", ""))
            assignments.use(Path(coursedir.root), setting)


def _prepare(cell: NotebookNode, hints: Mapping[str, str]) -> None:
    """Leave in `cell` what the template shows, verdicts as rendered HTML.

    Args:
        cell: of the graded notebook; changed.
        hints: by `grade_id`, what to teach there.
    """
    marks = cell.metadata.get("nbgrader", {})
    result = result_of(cell)
    if result is not None:
        lost = result.points < result.max_points
        cell.metadata["verdict"] = pages.render(
            "verdict.html",
            grade_id=marks["grade_id"],
            result=result,
            advice=_summary.advice(result) if lost else "",
            hint=hints.get(marks["grade_id"], ""),
            pictures=pictures(result.figures) if lost else [],
            given=marks.get("score"),
        )
        cell.outputs = []
    for output in cell.get("outputs", []):
        for mimetype in _SCRIPTED:
            output.get("data", {}).pop(mimetype, None)
    if "outputs" in cell:
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


def _fold(cells: list[NotebookNode]) -> None:
    """Mark where a run of cells without points begins and ends.

    The page shows such a run folded, since the student knows it. The first one with a failed cell
    stands open: what fails after that mostly fails because of it.
    """
    run: list[NotebookNode] = []
    shown = False
    for cell in [*cells, None]:
        if cell is not None and not _stands_out(cell):
            run.append(cell)
            continue
        if run:
            titles = [title for title in map(heading, run) if title]
            run[0].metadata["fold_begins"] = titles[0] if titles else "More of your notebook"
            run[0].metadata["fold_open"] = not shown and any(map(_failed, run))
            shown = shown or run[0].metadata["fold_open"]
            run[-1].metadata["fold_ends"] = True
        run = []


def _stands_out(cell: NotebookNode) -> bool:
    marks = cell.metadata.get("nbgrader", {})
    return bool(says(cell) or marks.get("grade") or marks.get("solution") or marks.get("task"))


def _failed(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))
