"""What the kit makes of references of many kinds: `python -m autograder.maintain.kit` writes pages.

references.py      twelve right answers: functions and modules, as a lecturer may write them
reference_page.py  what an author can write, from the docstrings: docs/kit.md
page.py            how many mutants each operator makes of them, as docs/mutants.md shows
"""
