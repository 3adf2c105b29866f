"""What a student reads: one self-contained page for `nbgrader generate_feedback`."""

from autograder.feedback._exporter import FeedbackExporter, Grades

__all__ = ["FeedbackExporter", "Grades"]
