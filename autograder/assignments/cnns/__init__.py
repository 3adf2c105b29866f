"""The assignment `cnns`: what a convolutional network sees, and where.

checks.py        its grade cells
networks.py      a network of the exercises' on the student's side
chain/           exercise 1: the functional conv-pool-conv chain
net/             exercise 2: the class `Net`
improved/        exercise 3: `ImprovedNet`, trained afresh
calibration/     what was measured of families of answers to exercise 3: a journal
lessons.py       what to teach about mistakes
made_class.py    ten hand-ins of every kind
"""
