"""What the kit makes of references of many kinds: `python -m autograder.maintain.kit` writes the page.

references.py  twelve right answers: functions and modules, as a lecturer may write them
page.py        how many mutants each operator makes of them, as docs/mutants.md shows
"""
