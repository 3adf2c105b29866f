"""What runs inside the sandbox, before any code of a hand-in does.

Only this folder, `probe.py` and `wire.py` are visible there: nothing here imports anything else of
`autograder`.
"""
