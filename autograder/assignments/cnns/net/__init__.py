"""Exercise 2, `Net`: is it the specified function, whatever its weights and names?

reference.py     the judge's own networks: `NetSpec` describes one
mistakes.py      the catalogue: which departures there are, and what to call them
structure.py     what the shapes of a student's parameters say
extra_layers.py  layers that the specification does not have, made transparent
under_test.py    the student's network with random weights, and what it answers
reading.py       which layers are right, read from what they take and give
learning.py      which layers never learn
recognise.py     what a network is
diagnose.py      what is said of a network with mistakes that the catalogue lacks
check.py         the verdicts
"""
