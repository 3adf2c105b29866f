"""All that is about one assignment, a folder each; none of them imports another.

    checks.py        one check a grade cell, under the cell's `grade_id`
    lessons.py       what to teach about its mistakes: optional
    made_class.py    hand-ins of every kind, for `autograder demo`: optional
    calibration/     what `autograder calibrate` has measured: its journal

Whoever needs one of these asks `autograder.checking.assignments` for it by the assignment's name.
"""
