"""What runs inside the sandbox, before any code of a hand-in does.

Only this folder is visible there: nothing here imports anything else of `autograder`.
"""
