"""Calibration: how often each family of answers reaches each mark, by the graded procedure.

run.py         measures what is missing, and publishes
exercises.py   what an assignment has to calibrate
plan.py        how many networks of which family
measure.py     one network, and all of them, with a journal
depends_on.py  the journal's key: the code that a result depends on
rates.py       error rates with intervals, and gaps between families
summary.py     what was found, as data
page.py        the same as a page
"""
