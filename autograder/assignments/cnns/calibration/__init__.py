"""The calibration of the graded scale: its marks, and how often each family reaches them.

`autograder calibrate cnns` measures it and writes `cnns.json`, from which the scale that is used
is read, a page with a plot, and the copy of the scale for students.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from course_utils.scale import Scale, scale_from

PUBLISHED = Path(__file__).with_name("cnns.json")


@cache
def scale() -> Scale:
    """Return the calibrated scale."""
    return scale_from(json.loads(PUBLISHED.read_text(encoding="utf-8"))["scale"])
