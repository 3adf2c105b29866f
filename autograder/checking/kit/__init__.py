"""The kit: an author writes right answers, and the grader derives the rest.

lab.py               `Lab`: what an author writes, and the grade cells that follow
exercise.py          one exercise: reference, points, what its author says; cells.py, its cells
function_checks.py   the grade cells of a function
module_checks.py     the grade cells of a module
trained_checks.py    the grade cells of a network that is trained; run_data.py, its data; marks.py

draw.py              random inputs and weights
reference.py         an author's reference: how to run it and its mutants
running.py           runs it step by step, and changes steps; op_names.py, what these are called
mutant.py            one way to get it wrong; names, words, lessons
step_operators.py    what can be wrong with one step; changes.py, what it computes instead
number_operators.py  ... that computes with numbers
whole_operators.py   ... with arguments, the end, the order
layer_operators.py   ... with a layer
catalogue.py         all of these, tried and sorted; answers.py, one as a student's answer
challenge.py         questions in which every mutant shows, and the tolerance
recognise.py         what a wrong answer is

step_graph.py        the steps of a reference, and what goes from one to the other
run_seen.py          what was seen of the student's
judge_steps.py       which of them are right; step_mistakes.py, how many mistakes that makes

asking.py            the student's side, for any arguments and outputs
values.py            values of any structure, side by side
blocks.py            what parameters are made of
effect.py            which of the student's is which of the reference's
"""

from autograder.checking.kit.draw import Draw
from autograder.checking.kit.lab import Lab

__all__ = ["Draw", "Lab"]
