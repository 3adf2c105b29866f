"""Exercise 2, `Net`: is it the specified function, whatever its weights and names?

reference.py     the judge's own networks: `NetSpec` describes one
mistakes.py      the catalogue: which departures there are, and what to call them
structure.py     what the shapes of a student's parameters say
extra_layers.py  layers that the specification does not have, made transparent
under_test.py    the student's network with random weights, and what it answers
right_layers.py  which layers are right where they stand, whatever reaches them
learning.py      which layers never learn
recognise.py     which candidate of the catalogue answers the same
diagnose.py      what stands in the way where none does
check.py         the verdicts
"""
