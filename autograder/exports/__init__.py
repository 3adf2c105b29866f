"""Plugins of `nbgrader export` for other systems' formats.

nbgrader export --exporter=autograder.exports.CanvasExporter --to=canvas.csv
"""

from autograder.exports.canvas import CanvasExporter
from autograder.exports.gradescope import GradescopeExporter
from autograder.exports.moodle import MoodleExporter

__all__ = ["CanvasExporter", "GradescopeExporter", "MoodleExporter"]
