"""Plugins of `nbgrader export` for other systems' formats.

nbgrader export --exporter=autograder.exports.CanvasExporter --to=canvas.csv
"""

from autograder.exports._canvas import CanvasExporter
from autograder.exports._gradescope import GradescopeExporter
from autograder.exports._moodle import MoodleExporter

__all__ = ["CanvasExporter", "GradescopeExporter", "MoodleExporter"]
