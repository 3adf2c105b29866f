"""What a hand-in may try, as data, and the command that shows what comes of it.

    python -m autograder.maintain.threats

runs each attack under stock nbgrader and under ours and writes `docs/threats.md`.

    assignment.py  a small assignment, and hand-ins of it
    attack.py      what an attack is
    points.py      attacks that take points they did not earn
    harm.py        attacks that break the grading of others
    reading.py     attacks that read or write where they do not belong
    honest.py      what must not suffer
    run.py         one attack in a throw-away course
    table.py       the page
"""

from autograder.maintain.threats.attack import Attack
from autograder.maintain.threats.harm import HARM
from autograder.maintain.threats.honest import HONEST
from autograder.maintain.threats.points import POINTS
from autograder.maintain.threats.reading import READING

CATALOGUE: dict[str, Attack] = {
    attack.name: attack for attack in (*POINTS, *HARM, *READING, *HONEST)
}

__all__ = ["CATALOGUE", "HARM", "HONEST", "POINTS", "READING", "Attack"]
