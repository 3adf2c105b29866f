"""Exercise 3, `ImprovedNet`: trained afresh on top-left digits, tested bottom right.

training_runs.py    the protocol, from outside
work_limit.py       refuses what takes too much work
prior_knowledge.py  refuses what knows the digits before
inspection.py       what shows of a network without training
confusion.py        which digit is read as which
reference.py        the judge's own network
check.py            the verdicts, and what stands in the way of more points
"""
