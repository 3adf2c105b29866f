"""Exercise 3, `ImprovedNet`: trained afresh on top-left signs, tested bottom right.

training_runs.py    the protocol, from outside
work_limit.py       refuses what takes too much work
inspection.py       what shows of a network without training
reference.py        the judge's own network
check.py            the verdicts, and what stands in the way of more points
"""
