"""Networks that are trained: from scratch, by a fixed procedure, on data that nobody has seen.

exercise.py    what is asked: data, marks, budget, families of answers
runs.py        trains and asks the student's network; what the checks of an exercise share
work_limit.py  refuses a network that takes too much work
verdicts.py    accuracies as verdicts
"""
