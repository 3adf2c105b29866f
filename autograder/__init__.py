"""Whose fault it was: what a student's hand-in did wrong, or what failed on the grader's side."""


class StudentFault(Exception):
    """The hand-in did something wrong; the message is for the student."""


class GraderFault(Exception):
    """The grader's own machine or code failed: never costs a student points."""


class CheckFault(GraderFault):
    """A check has a bug: it would fail again, whatever runs beside it."""
