"""The class report: how a class did, and which check is bad, on one page and as JSON."""

from autograder.report._page import build, write

__all__ = ["build", "write"]
