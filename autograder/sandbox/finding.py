"""What one look at the machine or the course found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        what: was looked at.
        good: whether it will do; None: it will, but should not stay so.
        says: what was found.
        mend: what to do about it; "" if nothing.
    """

    what: str
    good: bool | None
    says: str
    mend: str = ""
