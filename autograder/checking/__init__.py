"""What the checks of any assignment are made of. Nothing here knows an assignment.

kit/             all of that derived from an author's right answers: `Lab`
trained/         networks that are trained, and what their accuracy is worth
student.py       the student's side as a check sees it: `call`, `Model`
untrained.py     the same in this process, as long as nothing is trained
challenge.py     random inputs and weights, from a seed
check_result.py  the verdict: `CheckResult`, `Criterion`
criteria.py      is the shape right, are these values the same?
mistakes.py      one form for what was recognised; lessons.py finds what to teach about it
pairing.py       which parameter of the student's is which of the reference's
activations.py   what may follow a layer
error_bounds.py  reference values, with a bound on what float32 may add
thumbnail.py     activations as a small picture, for the feedback
checks.py        `scored` makes a function a check; finds and runs it
assignments.py   from an assignment's name to its modules
"""
