"""The class report: how a class did, and which check is bad, on one page and as JSON.

explanation.py tells how one verdict came about.
"""

from autograder.report._page import build, write

__all__ = ["build", "write"]
