"""What grading a class costs: `python -m autograder.maintain.bench`, or `make bench`, measures it.

setting.py   courses in temporary folders, commands and what they take
scheduler.py tasks that do nothing: rate, memory, unchanged classes, killed runs
failures.py  what goes wrong mid-run: a worker, the scheduler, the disk, the database
report.py    the class report of many graded hand-ins
variants.py  the same answer as another student might have written it
speed.py     real hand-ins: against stock nbgrader, against one worker, where the time goes
page.py      the figures as the page docs/bench.md
"""
