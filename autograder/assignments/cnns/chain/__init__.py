"""Exercise 1, `conv_pool_conv`: the judge's own chain, the mistakes with it, and the check.

reference.py      the judge's own chains: `ChainSpec` describes one
mistakes.py       the catalogue: which departures there are, and what to call them
asking.py         a question to the student's function, and its answer
all_but_one.py    what is right where no chain of the catalogue answers the same
which_step.py     the one step that is wrong, whatever it does
which_kernels.py  the kernels that a chain uses in place of the given one
relations.py      how its answer hangs together with that of the right steps
diagnose.py       what shows to be wrong there
check.py          the verdict
"""
