"""Exercise 1, `conv_pool_conv`: the judge's own chain, the mistakes with it, and the check.

reference.py      the right answer, and the judge's own chains: `ChainSpec` describes one
mistakes.py       the catalogue: which departures there are, and what to call them
asking.py         a question to the student's function, and its answer
explain.py        which steps are right where no chain of the catalogue answers the same
diagnose.py       what shows to be wrong there from outside
check.py          the verdict
"""
