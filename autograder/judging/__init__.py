"""One notebook: runs its cells in a sandbox, asks its probe for data, writes the verdicts.

judge.py            grades a notebook
_session.py         the kernel: runs cells, asks the probe, believes nothing; another one, afresh
_conversation.py    what a kernel is sent, and what comes back in what time
_code.py            what a kernel gets of a hand-in, and the digest that challenges are drawn from
_outputs.py         what a cell shows, from the kernel's messages; sanitise.py makes it harmless
record.py           what a check asked and what came back, for an appeal
verdict.py          a `CheckResult` as the student reads it
graded_notebook.py  reads verdicts back; score_table.py shows those of a class
timing.py           where the time of a submission goes
_unsafe_kernel.py   a kernel without a sandbox, on demand
"""
